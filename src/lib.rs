//! trueup keeps a Kubernetes cluster and its Git config repository true to each other.
//!
//! The program is a thin shell over this library; `run` is the pipeline. See ARCHITECTURE.md for the map.

pub mod domain;

#[allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "the edge does I/O")]
pub mod adapters;
#[allow(clippy::disallowed_methods, reason = "reads configuration files and the environment")]
pub mod config;
#[allow(clippy::disallowed_methods, reason = "the only reader of the clock")]
pub mod schedule;

pub mod cli;
#[allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "writes the demo's files")]
pub mod demo;
pub mod prove;
#[allow(clippy::disallowed_methods, reason = "makes the key of a run")]
pub mod run;
