//! Items and policies in, one decision each out, with the reason for it.

use crate::domain::policy::ActionType;

/// What is to be done about one item.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// What; none where no policy applies.
    pub action: Option<ActionType>,
    /// The policy that asked, by its index into the list given.
    pub policy: Option<usize>,
    /// Its name.
    pub policy_name: Option<String>,
    /// Why, in words: "no applicable action" names the nearest policy and the criterion that did not fit.
    pub reason: String,
}
