//! The command line of `trueup edit`.

use std::path::PathBuf;

use clap::Args;

use crate::domain::field_path::FieldPath;

/// Options of `edit`. None has a variable: an edit is made where it is written.
#[derive(Debug, Clone, Args)]
pub struct EditArgs {
    /// The file
    pub file: PathBuf,
    /// The field or list item, as reports write it
    #[arg(required_unless_present = "remove", conflicts_with = "remove")]
    pub path: Option<FieldPath>,
    /// Its value, as kubectl reads YAML: `3`, `"3"`, `{cpu: 100m}`
    #[arg(required_unless_present = "remove", conflicts_with = "remove", allow_hyphen_values = true)]
    pub value: Option<String>,
    /// Add what is not there, with the parents that it lacks
    #[arg(long, conflicts_with = "remove")]
    pub add: bool,
    /// Remove a field or list item
    #[arg(long, value_name = "PATH")]
    pub remove: Option<FieldPath>,
    /// Take the value as a text, whatever it looks like
    #[arg(long, conflicts_with = "remove")]
    pub text: bool,
    /// Which resource of the file, also inside a `kind: List`
    #[arg(long, value_name = "KIND/NAME", conflicts_with = "document")]
    pub resource: Option<String>,
    /// Which document of the file, from 0 [default: the only one in which the path makes sense]
    #[arg(long, value_name = "N")]
    pub document: Option<usize>,
    /// Print what would change and leave the file as it is
    #[arg(long)]
    pub dry_run: bool,
}
