//! Who owns which field: `metadata.managedFields`, and which manager is what.

use crate::domain::drift::ManagerClass;

/// Which field manager is a person's tool, a delivery or a controller. First match wins.
#[derive(Debug, Clone, Default)]
pub struct ManagerClasses {
    /// Glob over the manager's name (`*` only), optional subresource, class.
    pub rules: Vec<ManagerRule>,
}

/// One line of the table of managers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManagerRule {
    /// The manager's name; `*` stands for any text.
    pub manager: String,
    /// Only entries of this subresource; none for all.
    pub subresource: Option<String>,
    /// What such a manager is.
    pub class: ManagerClass,
}
