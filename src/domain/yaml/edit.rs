//! Edits of YAML text that touch only the bytes they mean, each one proved by reading the result again.

use serde_json::Value;

use crate::domain::field_path::{FieldPath, Key, Step, has_keys};
use crate::domain::yaml::locate::{DocumentSyntax, YamlError, locate};
use crate::domain::yaml::read::{Node, resolve};
use crate::domain::yaml::scalar::number;
use crate::domain::yaml::splice::{Refusal, Spot, change};

/// More single changes than this, and a value is written anew as a whole.
const FEW: usize = 50;

/// What to do at a path.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Set the value; missing parents (maps only) are added.
    Set(Value),
    /// Remove the field or list item.
    Remove,
}

/// One edit of one document of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Edit {
    /// Which document of the file, from 0.
    pub document: usize,
    /// For an item of a `kind: List`, its index; the path then starts at that item.
    pub list_item: Option<usize>,
    /// Where in the document. List items are found by their merge keys.
    pub path: FieldPath,
    /// What to do there.
    pub action: Action,
}

/// Why an edit was not made. The text was left as it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The text is no YAML.
    #[error("line {line}: {message}")]
    Unreadable { line: usize, message: String },
    /// The document or a part of the path is not there.
    #[error("{0}")]
    NotFound(String),
    /// The place is shared through an anchor or an alias, so that an edit would change other places too.
    #[error("{0}")]
    Shared(String),
    /// The result, read again, would not be what was meant.
    #[error("{0}")]
    Unverified(String),
}

/// Applies one edit and returns the new text. The result is read again and must equal the old data with only this
/// change; otherwise nothing is returned but the reason.
pub fn apply(text: &str, edit: &Edit) -> Result<String, EditError> {
    let documents = locate(text).map_err(unreadable)?;
    let mut after = values(&documents)?;
    let Some(data) = after.get(edit.document).cloned() else {
        let message = format!("the file has {} documents, and none at {}", after.len(), edit.document);
        return Err(EditError::NotFound(message));
    };
    let value = match &edit.action {
        Action::Set(value) => Some(as_read(value)),
        Action::Remove => None,
    };
    let mut steps = match edit.list_item {
        Some(index) => vec![Step::Field("items".to_owned()), Step::Index(index)],
        None => Vec::new(),
    };
    steps.extend_from_slice(edit.path.steps());
    let refuse = |message: &str| format!("`{}` {message}", edit.path);
    let spots = find(&data, &steps, value.as_ref()).map_err(|message| EditError::NotFound(refuse(message)))?;
    put(&mut after[edit.document], &spots, value.as_ref());
    if after[edit.document] == data {
        return Ok(text.to_owned());
    }
    let small = small_changes(at(&data, &spots), &spots, value.as_ref());
    let before = Before { text, documents: &documents, document: edit.document, data: &data };
    let result = before.proven(&small, &after).or_else(|refusal| match refusal {
        // a part of it is shared; the whole may still be replaced
        Refusal::Shared(_) if small.len() > 1 || small[0].0 != spots => before.proven(&[(spots, value)], &after),
        refusal => Err(refusal),
    });
    result.map_err(|refusal| match refusal {
        Refusal::Shared(message) => EditError::Shared(refuse(&format!("{message}, edit it by hand"))),
        Refusal::Unwritable(message) => EditError::Unverified(refuse(&format!("{message}, edit it by hand"))),
    })
}

/// One change of data: where, and the new value, or none to remove.
type Change = (Vec<Spot>, Option<Value>);

/// What an edit starts from.
struct Before<'b, 't> {
    text: &'t str,
    documents: &'b [DocumentSyntax<'t>],
    /// Which of the documents is edited.
    document: usize,
    /// What it reads as.
    data: &'b Value,
}

/// The data of every document of a text.
pub(super) fn values_of(text: &str) -> Result<Vec<Value>, EditError> {
    values(&locate(text).map_err(unreadable)?)
}

impl Before<'_, '_> {
    /// Writes changes so that the text reads as `after`. A text of several lines stands as it would be read, or in quotes
    /// where what comes after it would be taken for a part of it.
    fn proven(&self, changes: &[Change], after: &[Value]) -> Result<String, Refusal> {
        let has_lines = changes.iter().any(|(_, value)| value.as_ref().is_some_and(has_lines));
        let ways: &[bool] = if has_lines { &[true, false] } else { &[true] };
        for blocks in ways {
            let written = self.write(changes, *blocks)?;
            let read = locate(&written).map_err(unreadable).and_then(|documents| values(&documents));
            if read.is_ok_and(|read| read == after) {
                return Ok(written);
            }
        }
        Err(Refusal::Unwritable("cannot be written without changing more than it"))
    }

    /// Writes changes one after the other.
    fn write(&self, changes: &[Change], blocks: bool) -> Result<String, Refusal> {
        let mut data = self.data.clone();
        let mut written: Option<String> = None;
        for (spots, value) in changes {
            let present = (0..=spots.len()).rev().find(|length| at(&data, &spots[..*length]).is_some()).unwrap_or(0);
            let one = |text: &str, documents: &[DocumentSyntax<'_>]| match documents.get(self.document) {
                Some(syntax) => change(text, syntax, spots, present, value.as_ref(), blocks),
                None => Err(Refusal::Unwritable("is not there any more")),
            };
            let next = match &written {
                None => one(self.text, self.documents)?,
                Some(text) => {
                    let documents = locate(text).map_err(|_| Refusal::Unwritable("cannot be written"))?;
                    one(text, &documents)?
                }
            };
            put(&mut data, spots, value.as_ref());
            written = Some(next);
        }
        Ok(written.unwrap_or_else(|| self.text.to_owned()))
    }
}

/// Whether there is a text of several lines in a value.
fn has_lines(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\n'),
        Value::Array(items) => items.iter().any(has_lines),
        Value::Object(map) => map.values().any(has_lines),
        _ => false,
    }
}

fn values(documents: &[DocumentSyntax<'_>]) -> Result<Vec<Value>, EditError> {
    let documents = resolve(documents).map_err(unreadable)?;
    Ok(documents.iter().map(|document| document.root.as_ref().map_or(Value::Null, Node::to_json)).collect())
}

fn unreadable(YamlError { message, line }: YamlError) -> EditError {
    EditError::Unreadable { line, message }
}

/// The value as it will be read back: whole fractions are whole numbers.
fn as_read(value: &Value) -> Value {
    match value {
        Value::Number(float) if float.is_f64() => float.as_f64().and_then(number).unwrap_or_else(|| value.clone()),
        Value::Array(items) => items.iter().map(as_read).collect(),
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), as_read(value))).collect(),
        other => other.clone(),
    }
}

/// Turns a path into keys and indexes of the data; what a `Set` adds may be missing.
fn find(data: &Value, steps: &[Step], set: Option<&Value>) -> Result<Vec<Spot>, &'static str> {
    let mut spots = Vec::new();
    let mut here = Some(data);
    for (depth, step) in steps.iter().enumerate() {
        let here_now = here.filter(|value| !value.is_null());
        let new = set.filter(|_| depth + 1 == steps.len());
        let spot = match (step, here_now) {
            (Step::Field(name), Some(Value::Object(_))) => Spot::Key(name.clone()),
            (Step::Field(name), None) if set.is_some() => Spot::Key(name.clone()),
            (Step::Field(_), _) => return Err("is not there"),
            (Step::Inside, _) => return Err("is inside a text, edit it by hand"),
            (step, Some(Value::Array(items))) => Spot::At(item(items, step, new)?),
            (step, None) => Spot::At(item(&[], step, new)?),
            (_, Some(_)) => return Err("is no list where the path has an item"),
        };
        here = here_now.and_then(|value| child(value, &spot));
        if here.is_none() && set.is_none() {
            return Err("is not there");
        }
        spots.push(spot);
    }
    Ok(spots)
}

/// The index of a list item; the length of the list for an item that `new` would add.
fn item(items: &[Value], step: &Step, new: Option<&Value>) -> Result<usize, &'static str> {
    let fits = |item: &Value| match step {
        Step::Item(keys) => has_keys(item, keys),
        Step::Member(key) => *item == Key::to_value(key),
        _ => false,
    };
    if let Step::Index(index) = step {
        let addable = *index == items.len() && new.is_some();
        return if *index < items.len() || addable { Ok(*index) } else { Err("is beyond the end of its list") };
    }
    let mut found = items.iter().enumerate().filter(|(_, item)| fits(item)).map(|(index, _)| index);
    match (found.next(), found.next()) {
        (Some(index), None) => Ok(index),
        (Some(_), Some(_)) => Err("fits more than one item of its list, edit it by hand"),
        (None, _) if new.is_some_and(fits) => Ok(items.len()),
        (None, _) => Err("is not there"),
    }
}

fn child<'v>(value: &'v Value, spot: &Spot) -> Option<&'v Value> {
    match spot {
        Spot::Key(name) => value.get(name),
        Spot::At(index) => value.get(index),
    }
}

fn at<'v>(data: &'v Value, spots: &[Spot]) -> Option<&'v Value> {
    spots.iter().try_fold(data, child)
}

/// Makes the change in data.
fn put(data: &mut Value, spots: &[Spot], new: Option<&Value>) {
    let Some((spot, below)) = spots.split_first() else {
        *data = new.cloned().unwrap_or(Value::Null);
        return;
    };
    if data.is_null() {
        *data = match spot {
            Spot::Key(_) => Value::Object(serde_json::Map::new()),
            Spot::At(_) => Value::Array(Vec::new()),
        };
    }
    let removes = below.is_empty() && new.is_none();
    match (data, spot) {
        (Value::Object(map), Spot::Key(name)) if removes => {
            map.remove(name);
        }
        (Value::Array(items), Spot::At(index)) if removes && *index < items.len() => {
            items.remove(*index);
        }
        (Value::Object(map), Spot::Key(name)) => put(map.entry(name.clone()).or_insert(Value::Null), below, new),
        (Value::Array(items), Spot::At(index)) => {
            if *index == items.len() {
                items.push(Value::Null);
            }
            if let Some(item) = items.get_mut(*index) {
                put(item, below, new);
            }
        }
        _ => {}
    }
}

/// The smallest changes that make `new` of `old`, so that what stays keeps its comments and its style.
fn small_changes(old: Option<&Value>, spots: &[Spot], new: Option<&Value>) -> Vec<Change> {
    let whole = || vec![(spots.to_vec(), new.cloned())];
    let (Some(old), Some(new)) = (old, new) else { return whole() };
    let mut changes = Vec::new();
    if collect(old, new, &mut spots.to_vec(), &mut changes) && changes.len() <= FEW && !changes.is_empty() {
        changes
    } else {
        whole()
    }
}

/// Collects changes; false where the whole is better written anew.
fn collect(old: &Value, new: &Value, spots: &mut Vec<Spot>, changes: &mut Vec<Change>) -> bool {
    let below = |spot: Spot, old: &Value, new: &Value, spots: &mut Vec<Spot>, changes: &mut Vec<Change>| {
        spots.push(spot);
        if !collect(old, new, spots, changes) {
            changes.push((spots.clone(), Some(new.clone())));
        }
        spots.pop();
    };
    match (old, new) {
        (old, new) if old == new => true,
        (Value::Object(old), Value::Object(new)) if old.keys().any(|key| new.contains_key(key)) => {
            for (key, value) in new {
                match old.get(key) {
                    Some(before) => below(Spot::Key(key.clone()), before, value, spots, changes),
                    None => changes.push((with(spots, Spot::Key(key.clone())), Some(value.clone()))),
                }
            }
            let gone = old.keys().filter(|key| !new.contains_key(*key));
            changes.extend(gone.map(|key| (with(spots, Spot::Key(key.clone())), None)));
            true
        }
        (Value::Array(old), Value::Array(new)) if !old.is_empty() && !new.is_empty() => {
            let same = |pair: &(&Value, &Value)| pair.0 == pair.1;
            let head = old.iter().zip(new).take_while(same).count();
            let shorter = old.len().min(new.len());
            let tail = old.iter().rev().zip(new.iter().rev()).take_while(same).count().min(shorter - head);
            if new.len() > old.len() && tail > 0 {
                return false;
            }
            for index in head..shorter - tail {
                below(Spot::At(index), &old[index], &new[index], spots, changes);
            }
            let gone = (shorter - tail..old.len() - tail).rev();
            changes.extend(gone.map(|index| (with(spots, Spot::At(index)), None)));
            let added = (old.len()..new.len()).map(|index| (with(spots, Spot::At(index)), Some(new[index].clone())));
            changes.extend(added);
            true
        }
        _ => false,
    }
}

fn with(spots: &[Spot], spot: Spot) -> Vec<Spot> {
    let mut spots = spots.to_vec();
    spots.push(spot);
    spots
}

#[cfg(test)]
mod tests;
