//! The pure core: what drift is, what it is worth, what to do about it and how a pull request says so.
//! Values in, values out: no clock, file, network, environment or randomness, and no type of `kube`, `octocrab` or
//! `git2`. `clippy.toml` and `tests/tidy.rs` keep it so.

pub mod adoption;
pub mod applies;
pub mod baseline;
pub mod candidates;
pub mod commands;
pub mod delivery_rules;
pub mod diff_text;
pub mod discovery;
pub mod drift;
pub mod field_edit;
pub mod field_path;
pub mod glob;
pub mod kustomization;
pub mod markdown;
pub mod merge_effects;
pub mod normalize;
pub mod opaque;
pub mod other_clusters;
pub mod outcome;
pub mod ownership;
pub mod plan;
pub mod policy;
pub mod printable;
pub mod problem;
pub mod proof;
pub mod proposal;
pub mod pull_request;
pub mod quantity;
pub mod remedy;
pub mod repository_path;
pub mod resolved;
pub mod resource;
pub mod schema;
pub mod scope;
pub mod score;
pub mod secret;
pub mod selector;
pub mod settle;
pub mod source;
pub mod standard;
pub mod yaml;
