//! The one integration binary: trueup on real parts.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "tests do I/O")]

mod forge;
mod readme;
mod repository;
mod support;
