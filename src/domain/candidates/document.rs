//! The document that declares the resource.

use super::{Candidate, Sought};
use crate::domain::field_edit::FieldChange;
use crate::domain::yaml::edit::{Edit, apply};

/// The resource's own document with every change made.
pub(super) fn candidate(sought: &Sought<'_>, changes: &[FieldChange]) -> Result<Candidate, String> {
    let origin = sought.manifest.origin.as_ref();
    let origin = origin.ok_or("the file that declares it is not known; edit it by hand")?;
    let mut text = sought.files.text(&origin.file)?;
    for change in changes {
        let edit = Edit {
            document: origin.document,
            list_item: origin.list_item,
            path: change.path.clone(),
            action: change.action.clone(),
        };
        text = apply(&text, &edit).map_err(|error| format!("{}: {}: {error}", origin.file, change.path))?;
    }
    Ok(Candidate::from([(origin.file.clone(), text)]))
}
