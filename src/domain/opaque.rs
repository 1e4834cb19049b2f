//! What is delivered to the cluster and cannot be rendered here. Its objects are neither drift nor undeclared, and the
//! report says why and what to do.

use serde_json::Value;

use crate::domain::problem::Place;
use crate::domain::resource::{GroupKind, LiveObject, ResourceId};

/// Names the Application that an object belongs to: `shop:apps/Deployment:default/web`.
const TRACKING: &str = "argocd.argoproj.io/tracking-id";
/// The label that does so where Argo CD tracks by label.
const INSTANCE: &str = "app.kubernetes.io/instance";

/// The kind of Argo CD's Applications.
pub fn application() -> GroupKind {
    GroupKind::new("argoproj.io", "Application")
}

/// The kind of Flux's Kustomizations.
pub fn kustomization() -> GroupKind {
    GroupKind::new("kustomize.toolkit.fluxcd.io", "Kustomization")
}

/// The kind of Flux's HelmReleases.
pub fn helm_release() -> GroupKind {
    GroupKind::new("helm.toolkit.fluxcd.io", "HelmRelease")
}

/// Something that is delivered and cannot be rendered.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Opaque {
    /// The object that delivers it, or the one object that cannot be told.
    pub resource: ResourceId,
    /// Where that is declared, if it is.
    pub place: Option<Place>,
    /// Why it cannot be rendered.
    pub reason: String,
    /// What to do about it.
    pub help: String,
    /// How its objects are told from others.
    pub products: Products,
}

/// How the objects of something opaque are known.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Products {
    /// There are none in this cluster.
    None,
    /// It is the resource itself.
    Itself,
    /// By the marks that the delivery tool puts on them for the resource.
    Marked,
    /// By these marks, or by those of a Helm release of this name and namespace.
    Release { name: String, namespace: Option<String> },
}

impl Opaque {
    /// Whether a live object is one of it.
    pub fn holds(&self, live: &LiveObject) -> bool {
        let is_marked = || is_product(&live.object, &self.resource);
        match &self.products {
            Products::None => false,
            Products::Itself => is_same(&live.id, &self.resource),
            Products::Marked => is_marked(),
            Products::Release { name, namespace } => {
                let release = |field: &str| annotation(&live.object, &format!("meta.helm.sh/release-{field}"));
                let is_near = namespace.as_deref().is_none_or(|own| release("namespace") == Some(own));
                is_marked() || (release("name") == Some(name) && is_near)
            }
        }
    }
}

/// Whether two identities may name one object: where one side does not say the namespace, it may be.
pub fn is_same(one: &ResourceId, other: &ResourceId) -> bool {
    let namespaces = one.namespace.as_ref().zip(other.namespace.as_ref());
    one.kind == other.kind && one.name == other.name && namespaces.is_none_or(|(one, other)| one == other)
}

/// Whether a live object carries the marks that a delivery tool gives to what this object of its delivers.
pub fn is_product(live: &Value, owner: &ResourceId) -> bool {
    let of_flux = |group: &str| {
        let named = label(live, &format!("{group}/name")) == Some(&*owner.name);
        let namespace = label(live, &format!("{group}/namespace"));
        named && owner.namespace.as_deref().zip(namespace).is_none_or(|(own, marked)| own == marked)
    };
    match &*owner.kind.group {
        "kustomize.toolkit.fluxcd.io" | "helm.toolkit.fluxcd.io" => of_flux(&owner.kind.group),
        "argoproj.io" => {
            let by_annotation = annotation(live, TRACKING).and_then(|id| id.split(':').next());
            by_annotation.or_else(|| label(live, INSTANCE)).is_some_and(|marked| {
                let in_namespace = owner.namespace.as_ref().map(|namespace| format!("{namespace}_{}", owner.name));
                marked == owner.name || in_namespace.is_some_and(|name| name == marked)
            })
        }
        _ => false,
    }
}

fn annotation<'v>(object: &'v Value, name: &str) -> Option<&'v str> {
    object.get("metadata")?.get("annotations")?.get(name)?.as_str()
}

fn label<'v>(object: &'v Value, name: &str) -> Option<&'v str> {
    object.get("metadata")?.get("labels")?.get(name)?.as_str()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Every mark of the delivery tools, and what only looks like one.
    #[test]
    fn products_are_known_by_their_marks() {
        let flux = |name: &str, namespace: &str| json!({"labels": {"kustomize.toolkit.fluxcd.io/name": name, "kustomize.toolkit.fluxcd.io/namespace": namespace}});
        let release = |name: &str, namespace: &str| json!({"annotations": {"meta.helm.sh/release-name": name, "meta.helm.sh/release-namespace": namespace}});
        let tracked = |id: &str| json!({"annotations": {TRACKING: id}, "labels": {INSTANCE: "other"}});
        let of_release = Products::Release { name: "web".to_owned(), namespace: Some("shop".to_owned()) };
        let marked = || Products::Marked;
        for (kind, namespace, products, metadata, expected) in [
            (kustomization(), Some("flux"), marked(), flux("apps", "flux"), true),
            (kustomization(), Some("flux"), marked(), flux("apps", "other"), false),
            (kustomization(), None, marked(), flux("apps", "other"), true),
            (kustomization(), Some("flux"), marked(), flux("infra", "flux"), false),
            (kustomization(), Some("flux"), Products::None, flux("apps", "flux"), false),
            (helm_release(), Some("flux"), marked(), flux("apps", "flux"), false),
            (helm_release(), Some("flux"), of_release.clone(), release("web", "shop"), true),
            (helm_release(), Some("flux"), of_release.clone(), release("web", "other"), false),
            (
                helm_release(),
                Some("flux"),
                of_release,
                json!({"labels": {"helm.toolkit.fluxcd.io/name": "apps"}}),
                true,
            ),
            (application(), Some("argocd"), marked(), tracked("apps:apps/Deployment:shop/web"), true),
            (application(), Some("argocd"), marked(), tracked("argocd_apps:/ConfigMap:shop/web"), true),
            (application(), Some("argocd"), marked(), tracked("other:/ConfigMap:shop/web"), false),
            (application(), Some("argocd"), marked(), json!({"labels": {INSTANCE: "apps"}}), true),
            (application(), Some("argocd"), marked(), json!({}), false),
        ] {
            let opaque = Opaque {
                resource: ResourceId::new(kind, namespace, "apps"),
                place: None,
                reason: String::new(),
                help: String::new(),
                products,
            };
            let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata});
            let id = ResourceId::new(GroupKind::new("", "ConfigMap"), Some("shop"), "web");
            let live = LiveObject { id, object, managed_fields: None };
            assert_eq!(opaque.holds(&live), expected, "{opaque:?} {}", live.object);
        }
    }
}
