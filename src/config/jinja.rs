//! The section `jinja` of a source: how its templates are rendered.

use super::fields::Fields;
use super::sections::inside_repository;
use crate::domain::source::{JinjaTemplates, Renderer};

/// The section; none for sources of other renderers.
pub(super) fn templates(source: &Fields<'_, '_>, renderer: Renderer) -> Option<JinjaTemplates> {
    let templates = source.map("jinja").map(|fields| JinjaTemplates {
        values: fields.texts("values").iter().map(|path| inside_repository(&fields, "values", path)).collect(),
        kustomize: fields.flag("kustomize").unwrap_or(false),
        trim_blocks: fields.flag("trim_blocks").unwrap_or(false),
        lstrip_blocks: fields.flag("lstrip_blocks").unwrap_or(false),
    });
    match (renderer, templates) {
        (Renderer::Jinja, templates) => Some(templates.unwrap_or_default()),
        (_, Some(_)) => {
            source.refuse("jinja", "is for `renderer: jinja`", "name that renderer, or remove the section");
            None
        }
        (_, None) => None,
    }
}
