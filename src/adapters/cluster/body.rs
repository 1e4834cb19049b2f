//! The bodies of answers, each in memory that an earlier page used: a page is megabytes, and new memory for each would
//! cost more time and, until the allocator gives it back, more room.

use std::sync::{Mutex, PoisonError};

use http_body_util::BodyExt as _;
use kube::client::Body;

use super::kube::chain;

/// A page that is larger is refused: 500 objects of the largest size that etcd stores.
const LARGEST: u64 = 1024 * 1024 * 1024;

/// Reads bodies.
#[derive(Default)]
pub(super) struct Bodies {
    spare: Mutex<Vec<Vec<u8>>>,
}

impl Bodies {
    /// A whole body; `announced` is its length as the header has it, which is that of the packed body if it is packed.
    pub(super) async fn read(&self, body: Body, announced: Option<u64>) -> Result<Vec<u8>, String> {
        let limit = |length: u64| {
            if length > LARGEST { Err("the page is too large; lower page_size".to_owned()) } else { Ok(()) }
        };
        limit(announced.unwrap_or_default())?;
        let mut bytes = self.spare.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
        let mut body = std::pin::pin!(body);
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(|error| chain(&error))?.into_data() else { continue };
            limit((bytes.len() + data.len()) as u64)?;
            bytes.extend_from_slice(&data);
        }
        Ok(bytes)
    }

    /// Takes back the memory of a page that was read.
    pub(super) fn reuse(&self, mut bytes: Vec<u8>) {
        bytes.clear();
        self.spare.lock().unwrap_or_else(PoisonError::into_inner).push(bytes);
    }
}
