//! Rendering: a source's files → manifests with their origin, secrets masked as they are built.

pub mod kustomize;
mod objects;
pub mod plain;
pub mod tree;

pub use tree::SourceTree;

use std::path::PathBuf;

use crate::domain::problem::Problem;
use crate::domain::resource::Manifest;

/// The programs and limits that rendering needs.
#[derive(Debug, Clone)]
pub struct RenderSettings {
    /// The kustomize program; none looks for `kustomize`, then `kubectl kustomize`, on the PATH.
    pub kustomize: Option<PathBuf>,
    /// Seconds after which a renderer is stopped.
    pub timeout_seconds: u64,
    /// Bytes of output after which a renderer is stopped.
    pub max_output_bytes: usize,
}

/// What a source declares.
#[derive(Debug, Default)]
pub struct Rendered {
    /// Its manifests, in the order of files and documents.
    pub manifests: Vec<Manifest>,
    /// What could not be read.
    pub problems: Vec<Problem>,
    /// Whether something that may declare objects could not be read: then nothing of this source may be called missing
    /// or unmanaged, and no proof over it holds.
    pub incomplete: bool,
}
