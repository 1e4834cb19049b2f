//! What table and Markdown say besides drift: sources that wait for a person, and what cannot be rendered.

use crate::domain::outcome::RunReport;

/// One list under its title.
pub(super) struct Section<'r> {
    pub(super) title: &'static str,
    pub(super) entries: Vec<Entry<'r>>,
}

/// One line of a list.
pub(super) struct Entry<'r> {
    /// The source or object.
    pub(super) name: String,
    /// Where it is declared.
    pub(super) place: Option<String>,
    pub(super) text: &'r str,
    /// What to do about it.
    pub(super) help: Option<&'r str>,
}

/// The lists that have anything in them.
pub(super) fn sections(report: &RunReport) -> Vec<Section<'_>> {
    let paused = report.sources.iter().filter_map(|source| {
        let text = source.paused.as_deref()?;
        Some(Entry { name: source.name.clone(), place: None, text, help: None })
    });
    let opaque = report.opaque.iter().map(|opaque| Entry {
        name: opaque.resource.to_string(),
        place: opaque.place.as_ref().map(ToString::to_string),
        text: &opaque.reason,
        help: Some(&opaque.help).filter(|help| !help.is_empty()).map(String::as_str),
    });
    let all = [
        Section { title: "Sync needed: what is merged there is not applied by itself", entries: paused.collect() },
        Section { title: "Opaque: not rendered here, neither drift nor undeclared", entries: opaque.collect() },
    ];
    all.into_iter().filter(|section| !section.entries.is_empty()).collect()
}
