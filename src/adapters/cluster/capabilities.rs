//! What the API server is and what it serves, as charts ask for it: from `/version` and discovery, both open to every
//! authenticated user.

use serde::Deserialize;

use super::ListError;
use super::kube::{Cluster, WITH_KINDS};
use crate::domain::resource::VersionedKind;

/// What charts may ask of a cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// `v1.36.3`.
    pub kubernetes: String,
    /// `apps/v1` and `apps/v1/Deployment`.
    pub apis: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ServerVersion {
    git_version: String,
}

/// A group in the discovery of all kinds at once; a server that does not have it lists its groups only.
#[derive(Deserialize)]
struct Groups {
    #[serde(default)]
    items: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    #[serde(default)]
    metadata: Named,
    #[serde(default)]
    versions: Vec<Version>,
}

#[derive(Default, Deserialize)]
struct Named {
    #[serde(default)]
    name: String,
}

#[derive(Deserialize)]
struct Version {
    version: String,
    #[serde(default)]
    resources: Vec<Resource>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Resource {
    response_kind: Option<Kind>,
}

#[derive(Deserialize)]
struct Kind {
    kind: String,
}

impl Cluster {
    /// Asks the API server what it is, or says why it could not be had.
    pub(super) async fn capabilities(&self) -> Result<Capabilities, String> {
        let version: ServerVersion = self.answer("/version").await?;
        let mut apis = Vec::new();
        for address in ["/api", "/apis"] {
            let groups: Groups = self.answer(&format!("{address}{WITH_KINDS}")).await?;
            apis.extend(groups.items.iter().flat_map(Group::apis));
        }
        Ok(Capabilities { kubernetes: version.git_version, apis })
    }

    async fn answer<T: serde::de::DeserializeOwned>(&self, address: &str) -> Result<T, String> {
        let fetched = self.fetch(&VersionedKind::new("v1", address), address, false).await;
        let bytes = fetched.map_err(|error| match error {
            ListError::Forbidden { message, .. }
            | ListError::Unauthorized { message }
            | ListError::Schema { message, .. }
            | ListError::Failed { message, .. } => format!("{address}: {message}"),
            ListError::NotServed { .. } | ListError::NoSuchKind { .. } => format!("{address} is not served"),
        })?;
        serde_json::from_slice(&bytes.unwrap_or_default()).map_err(|error| format!("{address}: {error}"))
    }
}

impl Group {
    fn apis(&self) -> Vec<String> {
        let group = if self.metadata.name.is_empty() { String::new() } else { format!("{}/", self.metadata.name) };
        let of_version = |version: &Version| {
            let name = format!("{group}{}", version.version);
            let kinds = version.resources.iter().filter_map(|resource| resource.response_kind.as_ref());
            let kinds: Vec<_> =
                kinds.filter(|kind| !kind.kind.is_empty()).map(|kind| format!("{name}/{}", kind.kind)).collect();
            std::iter::once(name).chain(kinds).collect::<Vec<_>>()
        };
        self.versions.iter().flat_map(of_version).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Groups, versions and kinds are named as helm names them; a server without the aggregated form yields none.
    #[test]
    fn apis_are_named_as_helm_does() {
        let core = r#"{"kind":"APIGroupDiscoveryList","items":[{"metadata":{},"versions":[{"version":"v1","resources":[{"resource":"pods","responseKind":{"group":"","kind":"Pod"}}]}]},
            {"metadata":{"name":"apps"},"versions":[{"version":"v1","resources":[{"resource":"x","responseKind":null}]}]}]}"#;
        let groups: Groups = serde_json::from_str(core).expect("discovery");
        let apis: Vec<_> = groups.items.iter().flat_map(Group::apis).collect();
        assert_eq!(apis, ["v1", "v1/Pod", "apps/v1"]);
        let old: Groups = serde_json::from_str(r#"{"kind":"APIGroupList","groups":[]}"#).expect("discovery");
        assert!(old.items.is_empty());
    }
}
