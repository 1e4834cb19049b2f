//! The one integration binary: trueup on real parts.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "tests do I/O")]

mod adoption;
mod alerts;
mod cli;
mod config;
mod daemon;
mod defaults;
mod deliveries;
mod deploy;
mod discovery;
mod editor;
mod fixed_fields;
mod forge;
mod handmade;
mod helm;
mod history;
mod jinja;
mod kustomize;
mod kustomize_edits;
mod kustomize_reading;
mod mutations;
mod pairs;
mod quantities;
mod rbac;
mod readme;
mod repository;
mod sandbox;
mod spellings;
mod stories;
mod support;
mod undeclared;
mod yaml_reading;
mod yaml_writing;
