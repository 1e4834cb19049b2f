//! What a source owns, and the table of live objects that are nobody's drift.

use super::fields::Fields;
use crate::domain::drift::unmanaged::{Mark, ObjectRule, ObjectRules, Treatment};
use crate::domain::problem::Problem;
use crate::domain::resource::GroupKind;
use crate::domain::schema::Schemas;
use crate::domain::scope::is_cluster_scoped;
use crate::domain::selector::Selector;
use crate::domain::source::{Owns, Source};

/// The section `owns` of a source.
pub(super) fn owns(source: &Fields<'_, '_>) -> Option<Owns> {
    let fields = source.map("owns")?;
    let text = fields.text("selector");
    let selector = text.as_ref().map(|text| text.parse::<Selector>());
    if let Some(Err(message)) = &selector {
        fields.refuse("selector", message, "write it as `kubectl -l` takes it: app.kubernetes.io/part-of=shop");
    }
    let namespaces = fields.texts("namespaces");
    if namespaces.is_empty() && text.is_none() {
        let help = "give the namespaces that belong to the source, the labels of its objects, or both";
        fields.sink.error(fields.line, "`owns` needs `namespaces` or `selector`", help);
    }
    let mut kinds = Vec::new();
    for text in fields.texts("kinds") {
        let kind = group_kind(&text);
        let unfit = match &kind {
            Some(kind) => unfit(kind, selector.is_some()),
            None => Some(("has to be KIND or GROUP/KIND".to_owned(), "ConfigMap, apps/Deployment".to_owned())),
        };
        match (unfit, kind) {
            (Some((message, help)), _) => fields.refuse("kinds", format!("`{text}` {message}"), help),
            (None, kind) => kinds.extend(kind),
        }
    }
    Some(Owns { namespaces, selector: selector.and_then(Result::ok), kinds })
}

/// Reads `ConfigMap` and `apps/Deployment`; without a group it is the core group.
fn group_kind(text: &str) -> Option<GroupKind> {
    let (group, kind) = text.rsplit_once('/').unwrap_or(("", text));
    let is_group = !group.contains('/') && (text.contains('/') != group.is_empty());
    (is_group && !kind.is_empty()).then(|| GroupKind::new(group, kind))
}

/// Why a source cannot own a kind, and what to write instead.
fn unfit(kind: &GroupKind, has_selector: bool) -> Option<(String, String)> {
    if kind.group.contains('*') || kind.kind.contains('*') {
        return Some(("names no kind".to_owned(), "`*` is not taken here: name each kind".to_owned()));
    }
    let groups = Schemas::groups_of(&kind.kind);
    // whether the core group has a kind that nobody knows here, the API server will tell
    if let (true, Some(other)) = (kind.group.is_empty() && !groups.contains(&""), groups.first()) {
        return Some(("is no kind of the core group".to_owned(), format!("write {other}/{}", kind.kind)));
    }
    if is_cluster_scoped(kind) && !has_selector {
        let help = "objects without a namespace are owned by their labels: give a selector".to_owned();
        return Some(("has no namespaces".to_owned(), help));
    }
    None
}

/// What sources name in vain: kinds of which the table skips every object.
pub(super) fn named_in_vain(sources: &[Source], rules: &ObjectRules) -> Vec<Problem> {
    let named = sources
        .iter()
        .flat_map(|source| source.owns.iter().flat_map(move |owns| owns.kinds.iter().map(move |kind| (source, kind))));
    let in_vain = named.filter(|(_, kind)| rules.skip_kind(kind)).map(|(source, kind)| {
        let message = format!("{} owns {kind}, and the table of unmanaged objects skips all of them", source.name);
        Problem::warning(message)
            .help("take it out of `owns.kinds`, or add a row with `treat_as: drift` to `unmanaged`")
    });
    in_vain.collect()
}

/// The rows of a file of the form of `policies/unmanaged.yaml`.
pub(super) fn rows(top: &Fields<'_, '_>) -> Vec<ObjectRule> {
    top.maps("unmanaged").iter().filter_map(row).collect()
}

fn row(fields: &Fields<'_, '_>) -> Option<ObjectRule> {
    const CRITERIA: [&str; 6] = ["kinds", "namespaces", "names", "label", "annotation", "types"];
    let mut kinds = Vec::new();
    for text in fields.texts("kinds") {
        match group_kind(&text) {
            Some(kind) => kinds.push(kind),
            None => fields.refuse("kinds", format!("`{text}` has to be KIND or GROUP/KIND"), "`*` for any"),
        }
    }
    let treatment = fields.names("treat_as", Treatment::ALL, Treatment::as_str).pop();
    let row = ObjectRule {
        kinds,
        namespaces: fields.texts("namespaces"),
        names: fields.texts("names"),
        label: fields.text("label").map(|text| Mark::parse(&text)),
        annotation: fields.text("annotation").map(|text| Mark::parse(&text)),
        types: fields.texts("types"),
        treatment: treatment.unwrap_or(Treatment::Skipped),
        reason: fields.text("reason"),
    };
    if !CRITERIA.iter().any(|name| fields.has(name)) {
        let help = "give kinds, namespaces, names, label, annotation or types";
        fields.sink.error(fields.line, "a row without a criterion would fit every object", help);
        return None;
    }
    Some(row)
}
