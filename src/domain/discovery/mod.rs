//! Sources that delivery tools name by themselves: Kustomizations and HelmReleases of Flux and Applications of Argo CD →
//! sources, or why what they deliver cannot be rendered here.
//!
//! One tool, one file. What an object writes into a kustomization is joined with that in `merge`, what it replaces
//! after the build in `substitution`. `src/run/discover.rs` finds the objects.

mod argo_cd;
mod argo_files;
mod flux;
mod helm_release;
pub mod merge;
pub mod substitution;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use serde_json::Value;

pub use argo_files::takes;

use crate::domain::delivery_rules::WITHHELD;
use crate::domain::drift::item::names;
use crate::domain::opaque::{Opaque, Products, application, helm_release, is_same, kustomization};
use crate::domain::problem::Place;
use crate::domain::repository_path::inside;
use crate::domain::resource::{GroupKind, Origin, ResourceId};
use crate::domain::source::Source;

names! {
    /// A tool whose objects name sources.
    DeliveryObjects {
        /// Kustomizations and HelmReleases.
        Flux = "flux",
        /// Applications.
        ArgoCd = "argo_cd",
    }
}

impl DeliveryObjects {
    /// The kinds of its objects that name sources.
    pub fn kinds(self) -> Vec<GroupKind> {
        match self {
            Self::Flux => vec![kustomization(), helm_release()],
            Self::ArgoCd => vec![application()],
        }
    }
}

/// The kind of the objects that make Applications.
fn application_set() -> GroupKind {
    GroupKind::new("argoproj.io", "ApplicationSet")
}

/// The kind of Flux's Git repositories.
pub fn git_repository() -> GroupKind {
    GroupKind::new("source.toolkit.fluxcd.io", "GitRepository")
}

/// An object that names sources.
#[derive(Debug, Clone, PartialEq)]
pub struct DeliveryObject {
    /// Which one.
    pub id: ResourceId,
    /// What counts of it: what Git declares, else what is in the cluster.
    pub object: Value,
    /// Where it is declared, if it is.
    pub origin: Option<Origin>,
    /// What is in the cluster, where that could be read.
    pub live: Option<Value>,
}

/// What is known of an object that another one refers to.
#[derive(Debug, Clone, PartialEq)]
pub enum Known {
    /// It is there, and perhaps declared somewhere.
    Found(Value, Option<Origin>),
    /// It is not there.
    Absent,
    /// It may be there and could not be read.
    Unread,
    /// Git does not declare it, and the cluster is not asked.
    Unasked,
}

/// The files of the repository.
pub trait RepositoryFiles {
    /// The text of a file; none where there is no such file.
    fn text(&self, file: &str) -> Option<String>;
    /// Whether there is such a folder.
    fn has_folder(&self, folder: &str) -> bool;
    /// Every file below a folder.
    fn below(&self, folder: &str) -> Vec<String>;
}

/// What reading an object needs to know besides it.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    /// Address of the config repository.
    pub repository: &'a str,
    /// The tracked branch.
    pub branch: &'a str,
    /// The commit of the checkout.
    pub commit: &'a str,
    /// Names and addresses by which Argo CD knows this cluster, besides its own.
    pub destinations: &'a [String],
    /// Its files.
    pub files: &'a dyn RepositoryFiles,
    /// Objects that others refer to.
    pub objects: &'a BTreeMap<ResourceId, Known>,
}

impl<'a> Surroundings<'a> {
    /// What is known of an object, whose namespace a manifest may leave to its delivery.
    fn known(&self, id: &ResourceId) -> Option<&'a Known> {
        let exactly = self.objects.get(id);
        let is_there = |known: &&Known| matches!(known, Known::Found(..));
        let alike =
            || self.objects.iter().filter(|(other, _)| is_same(other, id)).map(|(_, known)| known).find(is_there);
        exactly.filter(is_there).or_else(alike).or(exactly)
    }
}

/// What an object comes to.
#[derive(Debug, Default, PartialEq)]
pub struct Found {
    /// What it delivers and can be rendered.
    pub sources: Vec<Source>,
    /// What cannot.
    pub opaque: Vec<Opaque>,
}

/// Whether an object may name sources, or stands for what does.
pub fn may_name_sources(id: &ResourceId) -> bool {
    tool_of(&id.kind).is_some()
}

/// The tool that an object of a kind belongs to.
pub fn tool_of(kind: &GroupKind) -> Option<DeliveryObjects> {
    let known = DeliveryObjects::ALL.iter().copied().find(|tool| tool.kinds().contains(kind));
    known.or_else(|| (*kind == application_set()).then_some(DeliveryObjects::ArgoCd))
}

/// Whether a text is a DNS subdomain, as names of these objects have to be.
fn is_dns_name(text: &str) -> bool {
    let is_part = |char: char| char.is_ascii_lowercase() || char.is_ascii_digit() || matches!(char, '-' | '.');
    text.chars().all(is_part) && text.starts_with(|first: char| first.is_ascii_alphanumeric())
}

/// The objects that have to be known before this one can be read.
pub fn needs(it: &DeliveryObject) -> Vec<ResourceId> {
    let mut needed = if it.id.kind == kustomization() {
        flux::needs(it)
    } else if it.id.kind == helm_release() {
        helm_release::needs(it)
    } else {
        Vec::new()
    };
    needed.sort();
    needed.dedup();
    needed
}

/// Reads what an object delivers.
pub fn read(it: &DeliveryObject, around: &Surroundings<'_>) -> Found {
    // commands are made of it, and what Git calls an object has not been through the API server
    let names = [Some(&it.id.name), it.id.namespace.as_ref()];
    let read = if !names.into_iter().flatten().all(|name| is_dns_name(name)) {
        Err(it.opaque("its name is none that the API server takes", "correct it", Products::None))
    } else if it.id.kind == kustomization() {
        flux::read(it, around).map(|source| vec![source])
    } else if it.id.kind == helm_release() {
        helm_release::read(it, around).map(|source| vec![source])
    } else if it.id.kind == application() {
        return argo_cd::read(it, around);
    } else {
        let help = "its Applications are read from the cluster: add `cluster` to `discover.from`";
        Err(it.opaque("it makes Applications, which is not evaluated here", help, Products::None))
    };
    match read {
        Ok(sources) => Found { sources, opaque: Vec::new() },
        Err(opaque) => Found { sources: Vec::new(), opaque: vec![*opaque] },
    }
}

impl DeliveryObject {
    fn spec(&self) -> &Value {
        self.object.get("spec").unwrap_or(&Value::Null)
    }

    /// What of the cluster's object is asked for what Git does not steer: whether it is suspended, what it has applied.
    fn actual(&self) -> &Value {
        self.live.as_ref().unwrap_or(&self.object)
    }

    /// Refuses an object whose values a snapshot has left out.
    fn has_values(&self) -> Result<(), Refused> {
        let annotations = self.object.pointer("/metadata/annotations").unwrap_or(&Value::Null);
        match text_at(annotations, WITHHELD) {
            Some(_) => Err(("its values are not in the snapshot".to_owned(), "scan the cluster, or declare it in Git")),
            None => Ok(()),
        }
    }

    fn opaque(&self, reason: impl Into<String>, help: impl Into<String>, products: Products) -> Box<Opaque> {
        Box::new(Opaque {
            resource: self.id.clone(),
            place: self.origin.as_ref().map(|origin| Place::line(&*origin.file, origin.line)),
            reason: reason.into(),
            help: help.into(),
            products,
        })
    }

    /// A name for its source that stays the same: `kustomization-flux-system-apps`.
    fn source_name(&self) -> String {
        let namespace = self.id.namespace.as_ref().map(|namespace| format!("{namespace}-")).unwrap_or_default();
        format!("{}-{namespace}{}", self.id.kind.kind.to_lowercase(), self.id.name)
    }
}

/// Why something cannot be rendered, and what to do.
type Refused = (String, &'static str);

/// A folder as sources name it: relative to the repository, whether or not it begins with `/`.
fn folder(path: &str) -> Result<String, Refused> {
    let plain = inside("", path.trim_start_matches('/')).filter(|path| !path.contains(['\\', '\0']));
    plain.ok_or_else(|| (format!("its path {path:?} leaves the repository"), "correct the path"))
}

fn text_at<'v>(value: &'v Value, name: &str) -> Option<&'v str> {
    value.get(name)?.as_str().filter(|text| !text.is_empty())
}

fn list_at<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// A map of texts; numbers and bools as they would be written.
fn texts_at(value: &Value, name: &str) -> BTreeMap<String, String> {
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    };
    let entries = value.get(name).and_then(Value::as_object).into_iter().flatten();
    entries.filter_map(|(key, value)| Some((key.clone(), text(value)?))).collect()
}

/// Whether a value is anything but nothing.
fn is_given(value: &Value, name: &str) -> bool {
    match value.get(name) {
        None | Some(Value::Null) => false,
        Some(Value::Array(items)) => !items.is_empty(),
        Some(Value::Object(entries)) => !entries.is_empty(),
        Some(Value::String(text)) => !text.is_empty(),
        Some(_) => true,
    }
}
