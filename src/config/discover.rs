//! The section `discover`: whose objects name sources by themselves.

use super::DiscoverSettings;
use super::fields::Fields;
use super::sections::inside_repository;
use super::unmanaged::owns;
use crate::adapters::cluster::LiveSettings;
use crate::domain::delivery_rules::RuleOrigin;
use crate::domain::discovery::DeliveryObjects;

/// Nothing unless the section is there; then both places and both tools, unless it says otherwise.
pub(super) fn discover(
    top: &Fields<'_, '_>,
    live: &LiveSettings,
    environment: Option<&str>,
) -> Option<DiscoverSettings> {
    let fields = top.map("discover")?;
    let from = fields.names("from", RuleOrigin::ALL, RuleOrigin::as_str);
    let from = if fields.has("from") { from } else { RuleOrigin::ALL.to_vec() };
    let tools = fields.names("tools", DeliveryObjects::ALL, DeliveryObjects::as_str);
    let tools = if fields.has("tools") { tools } else { DeliveryObjects::ALL.to_vec() };
    let folders = fields.texts("folders");
    let folders: Vec<_> = folders.iter().map(|folder| inside_repository(&fields, "folders", folder)).collect();
    if !from.contains(&RuleOrigin::Cluster) && folders.is_empty() && !top.has("sources") {
        let help = "give the folders that belong to this cluster (`folders: [clusters/production]`), or add `cluster` to `from`";
        fields.sink.error(fields.line, "`discover` finds nothing without `folders`", help);
    }
    let scope = if let LiveSettings::Cluster(cluster) = live { cluster.namespaces.clone() } else { Vec::new() };
    let namespaces = fields.texts("namespaces");
    Some(DiscoverSettings {
        from,
        tools,
        folders,
        namespaces: if namespaces.is_empty() { scope } else { namespaces },
        destinations: fields.texts("destinations"),
        environment: fields.text("environment").or_else(|| environment.map(str::to_owned)),
        owns: owns(&fields),
    })
}
