//! Drift: what differs between the declared and the live state, and what that means.
//!
//! [`compare`] walks one declared and one live object and yields [`Difference`]s; [`semantic`] says what they mean;
//! [`scan`] folds the live objects of a kind into [`DriftItem`]s, the one form that every later stage uses.

pub mod absent;
pub mod amount;
pub mod aspect;
pub mod category;
pub mod compare;
pub mod findings;
pub mod fingerprint;
pub mod ignore;
pub mod item;
pub mod scan;
pub mod semantic;
mod sorting;
pub mod threshold;
pub mod unknown_field;
pub mod unmanaged;
mod unsettled;
mod walk;
mod walk_list;

pub use item::{
    Aspect, Category, Change, ChangedBy, Commit, Confidence, Difference, DriftItem, DriftKind, ManagerClass, Severity,
    Verdict,
};
