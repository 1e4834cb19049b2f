//! The Kubernetes API: paged lists, streamed.

use super::ListError;
use crate::domain::resource::{LiveObject, VersionedKind};

/// A cluster.
#[derive(Debug)]
pub struct Cluster {}

impl Cluster {
    pub(super) async fn list<S>(
        &self,
        _kind: &VersionedKind,
        _start: impl Fn() -> S,
        _observe: impl Fn(&mut S, LiveObject),
    ) -> Result<S, ListError> {
        todo!()
    }
}
