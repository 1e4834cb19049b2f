//! What the API server knows of a kind: types of fields, list keys and native defaults.

/// Schemas of built-in kinds (compiled in) and of the custom kinds that were loaded.
#[derive(Debug, Default)]
pub struct Schemas {}
