//! The section `delivery_rules`: where the rules of delivery tools are read.

use super::DeliveryRuleSettings;
use super::fields::Fields;
use super::sections::inside_repository;
use crate::adapters::cluster::LiveSettings;
use crate::domain::delivery_rules::RuleOrigin;

/// Both places unless it says otherwise.
pub(super) fn delivery_rules(top: &Fields<'_, '_>, live: &LiveSettings) -> DeliveryRuleSettings {
    let scope = if let LiveSettings::Cluster(cluster) = live { cluster.namespaces.clone() } else { Vec::new() };
    let mut settings = DeliveryRuleSettings {
        from: RuleOrigin::ALL.to_vec(),
        is_asked: false,
        folders: Vec::new(),
        namespaces: scope,
        argocd_namespace: "argocd".to_owned(),
    };
    let Some(fields) = top.map("delivery_rules") else { return settings };
    settings.is_asked = fields.has("from");
    if settings.is_asked {
        settings.from = fields.names("from", RuleOrigin::ALL, RuleOrigin::as_str);
    }
    settings.folders =
        fields.texts("folders").into_iter().map(|folder| inside_repository(&fields, "folders", &folder)).collect();
    let namespaces = fields.texts("namespaces");
    if !namespaces.is_empty() {
        settings.namespaces = namespaces;
    }
    settings.argocd_namespace = fields.text("argocd_namespace").unwrap_or(settings.argocd_namespace);
    settings
}
