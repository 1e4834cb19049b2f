//! Text → Kubernetes objects: documents and `List` items, each with its place, and the problems of those that are none.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::domain::problem::{Place, Problem};
use crate::domain::resource::{GroupKind, Manifest, Origin, ResourceId};
use crate::domain::scope::is_cluster_scoped;
use crate::domain::secret::{MaskKey, mask_object};
use crate::domain::source::Variable;
use crate::domain::yaml::{Content, Document, Node, read_documents};

/// An object as it is written, secrets not yet masked.
pub(super) struct Found {
    pub(super) id: ResourceId,
    pub(super) object: Value,
    pub(super) origin: Option<Origin>,
    /// The name without the hash of the content, where it has one.
    pub(super) stem: Option<String>,
    /// Where it stands, for problems.
    pub(super) place: Place,
}

/// What a text declares.
#[derive(Default)]
pub(super) struct Objects {
    pub(super) found: Vec<Found>,
    /// Objects that the API server gives a name to: each with the prefix of its names in the place of a name.
    pub(super) nameless: Vec<Found>,
    /// Each one means that something may be missing.
    pub(super) problems: Vec<Problem>,
}

/// An object that is declared, and of which what is declared is not to be known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// Which one.
    pub id: ResourceId,
    /// Where it stands.
    pub place: Place,
    /// Why it is not to be known.
    pub reason: &'static str,
    /// A mask of the whole of it, to tell whether it is the same as before; empty where every rendering has another one.
    pub content: String,
}

impl Sealed {
    /// An object that is encrypted in Git; none where it is not.
    fn by_encryption(found: &Found, key: &MaskKey) -> Option<Self> {
        let is_encrypted = found.object.get("sops").is_some_and(|sops| sops.get("mac").is_some());
        is_encrypted.then(|| Self {
            id: found.id.clone(),
            place: found.place.clone(),
            reason: "it is encrypted in Git (SOPS)",
            content: key.mask(found.object.to_string().as_bytes()),
        })
    }

    /// An object with a variable that a Secret may set. What is known of the others belongs to its content.
    pub(super) fn by_variable(found: Found, variables: &BTreeMap<String, Variable>, key: &MaskKey) -> Self {
        let mut content = found.object.to_string();
        let used = variables.iter().filter(|(name, _)| content.contains(&format!("${{{name}")));
        let known: String = used.map(|(name, variable)| format!("\n{name}={}", variable.value)).collect();
        content.push_str(&known);
        let content = key.mask(content.as_bytes());
        Self { id: found.id, place: found.place, reason: "it takes a variable from a Secret", content }
    }
}

/// What texts declare, secrets masked, in the compact form in which it is kept.
#[derive(Default)]
pub(super) struct Declared {
    pub(super) manifests: Vec<(Manifest, Place)>,
    pub(super) sealed: Vec<Sealed>,
    pub(super) nameless: Vec<Manifest>,
    pub(super) problems: Vec<Problem>,
}

impl Objects {
    /// Leads every place back to where it came from, where the text was made of other files.
    pub(super) fn led_back(&mut self, back: &dyn Fn(&mut Place)) {
        for found in self.found.iter_mut().chain(&mut self.nameless) {
            back(&mut found.place);
            if let Some(origin) = &mut found.origin {
                let mut place = Place::line(&*origin.file, origin.line);
                back(&mut place);
                (origin.file, origin.line) = (place.file, place.line.unwrap_or(origin.line));
            }
        }
        self.problems.iter_mut().filter_map(|problem| problem.place.as_mut()).for_each(back);
    }

    /// Masks the secrets and makes the objects compact.
    pub(super) fn masked(self, source: &str, key: &MaskKey) -> Declared {
        let mut declared = Declared { problems: self.problems, ..Declared::default() };
        let masked = |mut found: Found| {
            mask_object(&mut found.object, key);
            let manifest = Manifest::new(found.id, source, found.origin, &found.object);
            (manifest.named_by_content(found.stem), found.place)
        };
        for found in self.found {
            match Sealed::by_encryption(&found, key) {
                Some(sealed) => declared.sealed.push(sealed),
                None => declared.manifests.push(masked(found)),
            }
        }
        declared.nameless = self.nameless.into_iter().map(|found| masked(found).0).collect();
        declared
    }
}

impl Declared {
    /// A problem in place of what could not be read.
    pub(super) fn problem(problem: Problem) -> Self {
        Self { problems: vec![problem], ..Self::default() }
    }

    /// Adds what was read elsewhere.
    pub(super) fn extend(&mut self, other: Self) {
        self.manifests.extend(other.manifests);
        self.sealed.extend(other.sealed);
        self.nameless.extend(other.nameless);
        self.problems.extend(other.problems);
    }
}

/// Reads the objects of a text. `namespace` is for those that name none and whose kind may have one.
pub(super) fn read_objects(file: &str, text: &str, namespace: Option<&str>) -> Objects {
    let mut reader = ObjectReader { file, namespace, objects: Objects::default() };
    match read_documents(text) {
        Err(error) => {
            let problem = Problem::error(error.message).at(Place::line(file, error.line));
            reader.objects.problems.push(problem.help("correct the YAML, nothing of this file is known until then"));
        }
        Ok(documents) => documents.iter().for_each(|document| reader.document(document)),
    }
    reader.objects
}

struct ObjectReader<'a> {
    file: &'a str,
    namespace: Option<&'a str>,
    objects: Objects,
}

/// Where an object stands, and what a list says about its items.
#[derive(Clone, Copy)]
struct Standing<'a> {
    document: usize,
    list_item: Option<usize>,
    /// Whether an edit could name it: items of lists in lists have no such place.
    addressable: bool,
    /// `apiVersion` and kind for items of a typed list, which leave them out.
    implied: Option<(&'a str, &'a str)>,
}

impl ObjectReader<'_> {
    fn document(&mut self, document: &Document) {
        let Some(root) = &document.root else { return };
        let standing = Standing { document: document.index, list_item: None, addressable: true, implied: None };
        self.object(root, standing);
    }

    fn object(&mut self, node: &Node, standing: Standing<'_>) {
        let text = |name: &str| node.get(name).map(|value| (value.line, as_text(value)));
        let (api_version, kind) = match (text("apiVersion"), text("kind"), standing.implied) {
            // values, patches in JSON form, settings of other programs
            (None, None, None) => return self.refuse_item(node, standing),
            (None, None, Some((api_version, kind))) => (api_version, kind),
            (Some((_, Some(api_version))), Some((_, Some(kind))), _) => (api_version, kind),
            (api_version, kind, _) => {
                let missing = if matches!(api_version, Some((_, Some(_)))) { "kind" } else { "apiVersion" };
                if kind.is_none() && is_other_program(self.file) {
                    return;
                }
                return self.refuse(node.line, &format!("the object has no `{missing}`"));
            }
        };
        let group_kind = GroupKind::of(api_version, kind);
        if group_kind.group == "kustomize.config.k8s.io" {
            return;
        }
        let of_metadata = |field: &str| node.get("metadata").and_then(|metadata| metadata.get(field));
        let prefix = of_metadata("generateName").and_then(as_text);
        // an empty name is none
        let name = of_metadata("name").filter(|name| prefix.is_none() || as_text(name).is_some());
        if let (Some(items), true) = (node.get("items"), kind == "List" || kind.ends_with("List") && name.is_none()) {
            return self.list(items, api_version, kind, standing);
        }
        match name.map(|name| (name.line, as_text(name))) {
            Some((_, Some(name))) => {
                let found = self.found(node, (api_version, kind), group_kind, name, standing);
                self.objects.found.extend(found);
            }
            Some((line, None)) => self.refuse(line, "`metadata.name` is no text, put it in quotes"),
            // every delivery makes another object of it, so that none can be missing; none is undeclared either
            None if prefix.is_some() => {
                let prefix = prefix.unwrap_or_default();
                let found = self.found(node, (api_version, kind), group_kind, prefix, standing);
                self.objects.nameless.extend(found);
            }
            None => self.refuse(node.line, &format!("the {kind} has no `metadata.name`")),
        }
    }

    fn list(&mut self, items: &Node, api_version: &str, kind: &str, standing: Standing<'_>) {
        let Content::List(nodes) = &items.content else {
            if !matches!(items.content, Content::Scalar(Value::Null)) {
                self.refuse(items.line, "`items` is no list");
            }
            return;
        };
        let implied = kind.strip_suffix("List").filter(|kind| !kind.is_empty()).map(|kind| (api_version, kind));
        for (index, item) in nodes.iter().enumerate() {
            let addressable = standing.addressable && standing.list_item.is_none();
            self.object(item, Standing { list_item: Some(index), addressable, implied, ..standing });
        }
    }

    /// The object under this name; nothing where its namespace is a problem.
    fn found(
        &mut self,
        node: &Node,
        (api_version, kind): (&str, &str),
        group_kind: GroupKind,
        name: &str,
        standing: Standing<'_>,
    ) -> Option<Found> {
        let namespace = self.namespace_of(node, &group_kind)?;
        let mut object = node.to_json();
        object["apiVersion"] = Value::from(api_version);
        object["kind"] = Value::from(kind);
        if let Some(metadata) = object["metadata"].as_object_mut() {
            match namespace {
                Some(namespace) => metadata.insert("namespace".to_owned(), Value::from(namespace)),
                None => metadata.remove("namespace"),
            };
        }
        let line = match &node.content {
            Content::Map(entries) => entries.first().map_or(node.line, |entry| entry.line),
            _ => node.line,
        };
        let origin =
            Origin { file: self.file.to_owned(), document: standing.document, line, list_item: standing.list_item };
        Some(Found {
            id: ResourceId::new(group_kind, namespace, name),
            object,
            origin: standing.addressable.then_some(origin),
            stem: None,
            place: Place::line(self.file, line),
        })
    }

    /// The namespace in which an object is declared, if in one; nothing where it cannot be told, which is a problem.
    fn namespace_of<'n>(&mut self, node: &'n Node, kind: &GroupKind) -> Option<Option<&'n str>>
    where
        Self: 'n,
    {
        let declared = node.get("metadata").and_then(|metadata| metadata.get("namespace"));
        match declared.map(|value| (&value.content, value.line, as_text(value))) {
            _ if is_cluster_scoped(kind) => Some(None),
            Some((_, _, Some(namespace))) => Some(Some(namespace)),
            Some((Content::Scalar(Value::Null | Value::String(_)), ..)) | None => Some(self.namespace),
            Some((_, line, None)) => {
                self.refuse(line, "`metadata.namespace` is no text, put it in quotes");
                None
            }
        }
    }

    /// A document that is no object is somebody else's; an item of a list has no such excuse.
    fn refuse_item(&mut self, node: &Node, standing: Standing<'_>) {
        if standing.list_item.is_some() {
            self.refuse(node.line, "the item has no `apiVersion` and `kind`");
        }
    }

    fn refuse(&mut self, line: usize, message: &str) {
        let problem = Problem::error(message).at(Place::line(self.file, line));
        let help = "complete the object, or move the file out of the source if it declares none";
        self.objects.problems.push(problem.help(help));
    }
}

fn as_text(node: &Node) -> Option<&str> {
    match &node.content {
        Content::Scalar(Value::String(text)) if !text.is_empty() => Some(text),
        _ => None,
    }
}

/// Files with an `apiVersion` that are known to declare no object.
fn is_other_program(file: &str) -> bool {
    let name = file.rsplit('/').next().unwrap_or(file);
    matches!(name, "Chart.yaml" | "Chart.yml" | "requirements.yaml" | "kustomization.yaml" | "kustomization.yml")
}

#[cfg(test)]
mod tests {
    use super::super::Rendered;
    use super::*;

    fn seen(file: &str, text: &str) -> String {
        let objects = read_objects(file, text, Some("team"));
        let mut lines: Vec<String> = objects
            .found
            .iter()
            .map(|found| {
                let item = found.origin.as_ref().map(|origin| (origin.document, origin.line, origin.list_item));
                format!("{} {item:?}", found.id)
            })
            .collect();
        lines.extend(objects.nameless.iter().map(|found| format!("generates {}", found.id)));
        lines.extend(
            objects.problems.iter().map(|problem| format!("{}: {}", problem.place.as_ref().unwrap(), problem.message)),
        );
        lines.join("; ")
    }

    /// What is not to be known, or has no name yet, is told apart by what it says: its own text, and the variables in it.
    #[test]
    fn contents_are_told_apart() {
        let key = MaskKey::for_this_run(b"k");
        let besides = |text: &str, size: &str| {
            let variable =
                |name: &str, value: &str| (name.to_owned(), Variable { value: value.to_owned(), place: None });
            let variables = BTreeMap::from([variable("size", size), variable("other", size)]);
            let objects = |text: &str| read_objects("a.yaml", text, None);
            let mut declared = objects(text).masked("s", &key);
            let hidden = objects(text).found.into_iter();
            declared.sealed.extend(hidden.map(|found| Sealed::by_variable(found, &variables, &key)));
            Rendered { nameless: declared.nameless, sealed: declared.sealed, ..Rendered::default() }.besides()
        };
        let of = |say: &str, name: &str| {
            format!("apiVersion: v1\nkind: A\nmetadata: {{{name}: a}}\nsops: {{mac: x}}\nsay: '{say}'\n")
        };
        for (name, before, after, expected) in [
            ("name", ("a", "1"), ("a", "2"), true),
            ("name", ("a", "1"), ("b", "1"), false),
            ("name", ("${size:=1}", "1"), ("${size:=1}", "1"), true),
            ("name", ("${size:=1}", "1"), ("${size:=1}", "2"), false),
            ("generateName", ("a", "1"), ("a", "1"), true),
            ("generateName", ("a", "1"), ("b", "1"), false),
        ] {
            let (one, other) = (of(before.0, name), of(after.0, name));
            let (one, other) = (besides(&one, before.1), besides(&other, after.1));
            assert!(!one.is_empty());
            assert_eq!(one == other, expected, "{name} {before:?} {after:?}");
        }
    }

    /// Objects, lists, and what is no object, each as kubectl would take it.
    #[test]
    fn objects_and_what_is_none() {
        for (file, text, expected) in [
            (
                "a.yaml",
                "---\n---\n# c\napiVersion: v1\nkind: Pod\nmetadata: {name: a}\n",
                "Pod team/a Some((1, 4, None))",
            ),
            ("a.yaml", "{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: b}}", "Pod b/a Some((0, 1, None))"),
            (
                "a.yaml",
                "{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: ''}}",
                "Pod team/a Some((0, 1, None))",
            ),
            (
                "a.yaml",
                "{apiVersion: v1, kind: Namespace, metadata: {name: a, namespace: b}}",
                "Namespace a Some((0, 1, None))",
            ),
            (
                "a.yaml",
                "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Pod, metadata: {name: a}}\n- apiVersion: v1\n  kind: Pod\n  metadata: {name: b}\n",
                "Pod team/a Some((0, 4, Some(0))); Pod team/b Some((0, 5, Some(1)))",
            ),
            (
                "a.yaml",
                "apiVersion: v1\nkind: ConfigMapList\nitems:\n- metadata: {name: a}\n",
                "ConfigMap team/a Some((0, 4, Some(0)))",
            ),
            (
                "a.yaml",
                "apiVersion: v1\nkind: List\nitems:\n- kind: List\n  apiVersion: v1\n  items: [{apiVersion: v1, kind: Pod, metadata: {name: a}}]\n",
                "Pod team/a None",
            ),
            ("a.yaml", "{apiVersion: v1, kind: List, items: }", ""),
            (
                "a.yaml",
                "apiVersion: x.io/v1\nkind: AllowList\nmetadata: {name: a}\nitems: [1]\n",
                "AllowList team/a Some((0, 1, None))",
            ),
            ("a.yaml", "{apiVersion: v1, kind: Pod, metadata: {generateName: a-}}", "generates Pod team/a-"),
            (
                "a.yaml",
                "{apiVersion: v1, kind: Pod, metadata: {name: '', generateName: a-, namespace: b}}",
                "generates Pod b/a-",
            ),
            (
                "a.yaml",
                "{apiVersion: v1, kind: Pod, metadata: {name: a, generateName: a-}}",
                "Pod team/a Some((0, 1, None))",
            ),
            ("values.yaml", "image: {tag: 1}\n", ""),
            ("Chart.yaml", "apiVersion: v2\nname: x\n", ""),
            ("k.yaml", "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n", ""),
            ("a.yaml", "- op: add\n", ""),
            ("a.yaml", "a: 1\n---\nkind: Pod\nmetadata: {name: a}\n", "a.yaml:3: the object has no `apiVersion`"),
            ("a.yaml", "apiVersion: v1\nkind: Pod\n", "a.yaml:1: the Pod has no `metadata.name`"),
            (
                "a.yaml",
                "apiVersion: v1\nkind: Pod\nmetadata:\n  name: 5\n",
                "a.yaml:4: `metadata.name` is no text, put it in quotes",
            ),
            (
                "a.yaml",
                "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n  namespace: no\n",
                "a.yaml:5: `metadata.namespace` is no text, put it in quotes",
            ),
            (
                "a.yaml",
                "apiVersion: v1\nkind: List\nitems: [{}]\n",
                "a.yaml:3: the item has no `apiVersion` and `kind`",
            ),
        ] {
            assert_eq!(seen(file, text), expected, "{text}");
        }
    }
}
