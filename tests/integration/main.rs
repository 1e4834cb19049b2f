//! The one integration binary: trueup on real parts.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "tests do I/O")]

mod alerts;
mod cli;
mod config;
mod daemon;
mod deploy;
mod editor;
mod forge;
mod handmade;
mod helm;
mod kustomize;
mod mutations;
mod pairs;
mod rbac;
mod readme;
mod repository;
mod stories;
mod support;
mod yaml_reading;
