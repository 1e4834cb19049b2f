//! The edge: everything that touches the world. Adapters turn foreign models into ours at the border and never call
//! each other.

pub mod cluster;
pub mod forge;
pub mod notify;
pub mod progress;
pub mod render;
pub mod report;
pub mod repository;
