//! What no source declares: which kinds are listed for it, and when nothing may be said about it.

use tracing::warn;

use crate::adapters::cluster::Live;
use crate::adapters::render::Rendered;
use crate::domain::drift::unmanaged::{Estate, ObjectRules};
use crate::domain::opaque::Opaque;
use crate::domain::problem::{Level, Problem};
use crate::domain::resource::VersionedKind;
use crate::domain::source::Source;

/// What the sources own, and the kinds that are listed for it.
#[derive(Debug)]
pub(super) struct Owned<'a> {
    pub(super) estate: Estate<'a>,
    pub(super) kinds: Vec<VersionedKind>,
}

impl<'a> Owned<'a> {
    /// None where no source owns anything. Finding the version of a kind that is declared nowhere may ask the cluster.
    pub(super) async fn of(
        live: &Live,
        sources: &'a [Source],
        rendered: &'a [Rendered],
        rules: &ObjectRules,
        problems: &mut Vec<Problem>,
    ) -> Option<Self> {
        let manifests = rendered.iter().flat_map(|rendered| &rendered.manifests);
        let generate_names = rendered.iter().flat_map(|rendered| &rendered.nameless).map(|manifest| &manifest.id);
        let estate = Estate::new(sources, manifests, generate_names)?;
        let mut kinds = Vec::new();
        for (kind, version) in estate.kinds().into_iter().filter(|(kind, _)| !rules.skip_kind(kind)) {
            let served = match version {
                Some(version) => Ok(Some(VersionedKind::new(version, &*kind.kind))),
                None => live.served(kind).await,
            };
            match served {
                Ok(Some(served)) => kinds.push(served),
                Ok(None) => {
                    let message =
                        format!("{} owns {kind}, and the API server has no such kind to list", estate.owners_of(kind));
                    problems.push(
                        Problem::warning(message).help("write it as GROUP/KIND in `owns.kinds`, or install its CRD"),
                    );
                }
                Err(error) => {
                    warn!(%kind, %error, "an owned kind could not be looked up");
                    let help = format!("nothing is said about {kind} that no source declares until it can be read");
                    problems.push(Problem::error(error.to_string()).help(help));
                }
            }
        }
        Some(Self { estate, kinds })
    }

    /// The same, with what is delivered and cannot be rendered.
    pub(super) fn beside(self, opaque: &'a [Opaque]) -> Self {
        Self { estate: self.estate.beside(opaque), ..self }
    }

    /// What may be said: nothing where a source was not found or not rendered completely, since what is missing of it may declare any
    /// object.
    pub(super) fn unless_incomplete(
        self,
        sources: &[Source],
        rendered: &[Rendered],
        all_sources: bool,
    ) -> Result<Self, Problem> {
        if !all_sources {
            let message = "nothing is said about objects that no source declares: not every source could be found";
            let help = "any object may be declared by what was not found; mend the problems of `discover` first";
            return Err(Problem::error(message).help(help));
        }
        let is_incomplete = |rendered: &Rendered| {
            rendered.incomplete || rendered.problems.iter().any(|problem| problem.level == Level::Error)
        };
        let incomplete = sources.iter().zip(rendered).filter(|(_, rendered)| is_incomplete(rendered));
        let names: Vec<_> = incomplete.map(|(source, _)| &*source.name).collect();
        if names.is_empty() {
            return Ok(self);
        }
        let message = format!(
            "nothing is said about objects that no source declares: {} could not be rendered completely",
            names.join(", ")
        );
        Err(Problem::error(message)
            .help("any object may be declared by what could not be read; mend its problems first"))
    }
}
