//! What the delivery tools ignore: the objects that say so, from the cluster and from the repository.

use std::collections::BTreeSet;

use tracing::{debug, warn};

use crate::adapters::cluster::{ListError, Live};
use crate::adapters::render::{Rendered, SourceTree, render, unheard};
use crate::config::{Config, DeliveryRuleSettings};
use crate::domain::delivery_rules::{ARGO_CD_SETTINGS, DeliveryRules, RuleObject, RuleOrigin, Tool, may_hold_rules};
use crate::domain::discovery::DeliveryObjects;
use crate::domain::problem::Problem;
use crate::domain::resource::{GroupKind, VersionedKind};
use crate::domain::secret::MaskKey;
use crate::domain::source::Source;

/// What was read of the live objects.
#[derive(Debug, Default)]
pub(super) struct LiveRules {
    objects: Vec<RuleObject>,
    unread: BTreeSet<Tool>,
    problems: Vec<Problem>,
}

/// The tools that may deliver any of the sources, those included that objects of a tool will name.
fn tools(config: &Config) -> BTreeSet<Tool> {
    let named = config.sources.iter().flat_map(|source| Tool::of(Some(source))).copied();
    let found = config.discover.iter().flat_map(|settings| &settings.tools).flat_map(|tool| match tool {
        DeliveryObjects::ArgoCd => vec![Tool::ArgoCd],
        DeliveryObjects::Flux => vec![Tool::Kustomization, Tool::HelmRelease],
    });
    named.chain(found).collect()
}

/// The kinds that hold rules, as far as they are there; none where the config does not want them from the cluster.
pub(super) async fn kinds(config: &Config, live: &Live) -> Result<Vec<VersionedKind>, ListError> {
    let tools: Vec<GroupKind> = tools(config).into_iter().map(Tool::kind).collect();
    if tools.is_empty() || !config.delivery_rules.from.contains(&RuleOrigin::Cluster) {
        return Ok(Vec::new());
    }
    live.versions(&tools).await
}

/// Reads the live objects. What may not be listed is an error only where the config asks for it; else it is told where it
/// matters, with the drift that may be meant.
pub(super) async fn in_cluster(config: &Config, live: &Live) -> LiveRules {
    let settings = &config.delivery_rules;
    let mut rules = LiveRules::default();
    let kinds = match kinds(config, live).await {
        Ok(kinds) => kinds,
        Err(error) => {
            tools(config).into_iter().for_each(|tool| rules.miss(tool, settings, &error));
            rules.problems.truncate(1);
            return rules;
        }
    };
    for tool in tools(config) {
        let Some(kind) = kinds.iter().find(|kind| kind.group_kind() == tool.kind()) else { continue };
        rules.list(tool, settings, live, kind, &settings.namespaces, None).await;
        if tool == Tool::ArgoCd {
            let (kind, namespace) = (VersionedKind::new("v1", "ConfigMap"), settings.argocd_namespace.clone());
            rules.list(tool, settings, live, &kind, &[namespace], Some(ARGO_CD_SETTINGS)).await;
        }
    }
    rules
}

impl LiveRules {
    async fn list(
        &mut self,
        tool: Tool,
        settings: &DeliveryRuleSettings,
        live: &Live,
        kind: &VersionedKind,
        namespaces: &[String],
        only: Option<&str>,
    ) {
        match live.objects(kind, namespaces, only).await {
            Ok(found) => self.objects.extend(found.into_iter().map(|live| RuleObject {
                id: live.id,
                object: live.object,
                origin: None,
            })),
            // the group is served without this kind
            Err(ListError::NotServed { .. }) => debug!(%kind, "is not served"),
            // a snapshot of before this kind was recorded says nothing of it
            Err(error) if matches!(live, Live::Snapshot(_)) && only.is_some() => debug!(%kind, %error, "not recorded"),
            Err(error) => self.miss(tool, settings, &error),
        }
    }

    fn miss(&mut self, tool: Tool, settings: &DeliveryRuleSettings, error: &ListError) {
        warn!(%error, "what {tool} ignores could not be read");
        self.unread.insert(tool);
        if settings.is_asked {
            let help = format!(
                "grant `list` on it (deploy/components/delivery-rules); until then drift that {tool} ignores is told as potential"
            );
            self.problems.push(Problem::error(error.to_string()).help(help));
        }
    }
}

/// Joins what the cluster and the repository say.
pub(super) async fn rules(
    config: &Config,
    live: LiveRules,
    rendered: &[Rendered],
    tree: &SourceTree,
    key: &MaskKey,
    problems: &mut Vec<Problem>,
) -> DeliveryRules {
    let mut objects = live.objects;
    problems.extend(live.problems);
    if config.delivery_rules.from.contains(&RuleOrigin::Repository) {
        let mut beside = Vec::new();
        for folder in &config.delivery_rules.folders {
            let source = Source::plain(format!("delivery_rules {folder}"), folder);
            let folder = render(tree, &source, key, &unheard()).await;
            problems.extend(folder.problems.iter().cloned());
            beside.push(folder);
        }
        let manifests = rendered.iter().chain(&beside).flat_map(|rendered| &rendered.manifests);
        let manifests = manifests.filter(|manifest| may_hold_rules(&manifest.id));
        objects.extend(manifests.filter_map(|manifest| {
            let origin = manifest.origin.clone()?;
            Some(RuleObject { id: manifest.id.clone(), object: manifest.object(), origin: Some(origin) })
        }));
    }
    let (rules, warnings) = DeliveryRules::read(&objects, &config.repository.url, live.unread);
    problems.extend(warnings);
    rules
}
