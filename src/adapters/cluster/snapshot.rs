//! Snapshots: a recorded live side.

use super::ListError;
use crate::domain::resource::{LiveObject, VersionedKind};

/// A recorded live side.
#[derive(Debug)]
pub struct Snapshot {}

impl Snapshot {
    pub(super) fn list<S>(
        &self,
        _kind: &VersionedKind,
        _start: impl Fn() -> S,
        _observe: impl Fn(&mut S, LiveObject),
    ) -> Result<S, ListError> {
        todo!()
    }
}
