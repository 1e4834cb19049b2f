//! Rendering: a source's files → manifests with their origin, secrets masked as they are built.

mod chart;
mod delivered;
mod foreign;
mod helm;
mod helm_output;
mod jinja;
mod kept;
mod kustomization;
mod kustomize;
mod objects;
pub mod plain;
mod process;
pub mod tree;

pub use objects::Sealed;
pub use tree::SourceTree;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::problem::Problem;
use crate::domain::resource::Manifest;
use crate::domain::secret::MaskKey;
use crate::domain::source::{Renderer, Source};

/// What a source declares.
#[derive(Debug, Default)]
pub struct Rendered {
    /// Its manifests, in the order of files and documents.
    pub manifests: Vec<Manifest>,
    /// Objects of which what is declared is not to be known.
    pub sealed: Vec<Sealed>,
    /// Manifests without a name: each with its `generateName` in the place of one.
    pub nameless: Vec<Manifest>,
    /// What could not be read.
    pub problems: Vec<Problem>,
    /// Whether something that may declare objects could not be read: then nothing of this source may be called missing
    /// or unmanaged.
    pub incomplete: bool,
    /// Whether nothing but what would have to be fetched, or rendered by another program, stands in the way.
    pub unfetched: bool,
    /// Folders (or files) of the repository that all this depends on; an edit outside of them changes nothing here.
    pub reads: Vec<String>,
}

impl Rendered {
    /// Whether it may depend on this file.
    pub fn reads(&self, file: &str) -> bool {
        self.reads.iter().any(|path| {
            file.strip_prefix(&**path).is_some_and(|rest| path.is_empty() || rest.is_empty() || rest.starts_with('/'))
        })
    }

    /// What it declares beside its manifests, in words, with what stands for its content: how often each.
    pub fn besides(&self) -> BTreeMap<(String, String), usize> {
        let nameless =
            self.nameless.iter().map(|one| (format!("{} (generateName)", one.id), one.settled().to_string()));
        let sealed = self.sealed.iter().map(|one| (one.id.to_string(), one.content.clone()));
        let mut besides = BTreeMap::new();
        nameless.chain(sealed).for_each(|one| *besides.entry(one).or_default() += 1);
        besides
    }
}

/// Hears of every manifest as soon as it is rendered, on any thread.
pub type OnManifest = Arc<dyn Fn(&Manifest) + Send + Sync>;

/// Where nobody wants to hear.
pub fn unheard() -> OnManifest {
    Arc::new(|_| {})
}

/// Renders a source. Reading files and waiting for programs blocks, and so runs on a thread that may.
pub async fn render(tree: &SourceTree, source: &Source, key: &MaskKey, heard: &OnManifest) -> Rendered {
    let (tree, own, key, heard) = (tree.clone(), source.clone(), key.clone(), Arc::clone(heard));
    let rendered = tokio::task::spawn_blocking(move || {
        let mut rendered = match own.renderer {
            Renderer::Plain => plain::render(&tree, &own, &key, &*heard),
            Renderer::Kustomize => kustomize::render(&tree, &own, &key, &*heard),
            Renderer::Helm => helm::render(&tree, &own, &key, &*heard),
            Renderer::Jinja => jinja::render(&tree, &own, &key, &*heard),
        };
        rendered.reads.extend(own.delivered.iter().flat_map(|delivered| delivered.files()).map(str::to_owned));
        rendered.reads.sort();
        rendered.reads.dedup();
        rendered
    });
    rendered.await.unwrap_or_else(|_| Rendered {
        problems: vec![Problem::error(format!(
            "the source {} could not be rendered: its renderer failed",
            source.name
        ))],
        incomplete: true,
        ..Rendered::default()
    })
}
