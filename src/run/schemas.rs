//! Schemas of the custom kinds that are declared: from CRDs in the repository and from the cluster's own documents, which
//! count more.

use std::collections::BTreeMap;

use tracing::{debug, warn};

use crate::adapters::cluster::{ListError, Live};
use crate::domain::resource::{Manifest, VersionedKind};
use crate::domain::schema::Schemas;

/// What is known of custom kinds.
#[derive(Debug, Default)]
pub(super) struct CustomSchemas {
    /// The built-in kinds and those that were read.
    pub(super) schemas: Schemas,
    /// Kinds whose schema is there and could not be read: compared without it, lists would be taken apart wrongly.
    pub(super) unreadable: BTreeMap<VersionedKind, ListError>,
}

impl CustomSchemas {
    /// Reads the schema of every custom kind among the manifests.
    pub(super) async fn load<'m>(live: &Live, manifests: impl Iterator<Item = &'m Manifest>) -> Self {
        let mut custom = Self::default();
        // documents describe a group and version; one of its kinds is enough to ask for it
        let mut declared: BTreeMap<String, Vec<VersionedKind>> = BTreeMap::new();
        for manifest in manifests {
            if manifest.id.kind.kind == "CustomResourceDefinition"
                && let Err(error) = custom.schemas.add_crd(&manifest.object())
            {
                warn!(crd = %manifest.id, %error, "its schema is not used");
            }
            if !Schemas::is_built_in(&manifest.api_version, &manifest.id.kind.kind) {
                let kinds = declared.entry(manifest.api_version.clone()).or_default();
                let kind = manifest.versioned_kind();
                if !kinds.contains(&kind) {
                    kinds.push(kind);
                }
            }
        }
        let asked = declared.into_values().map(async |kinds| (live.schema(&kinds[0]).await, kinds));
        for (answer, kinds) in futures::future::join_all(asked).await {
            custom.take(answer, kinds);
        }
        custom
    }

    fn take(&mut self, answer: Result<Option<serde_json::Value>, ListError>, kinds: Vec<VersionedKind>) {
        let failure = match answer {
            Ok(Some(document)) => self.schemas.add_openapi(&document).err().map(|error| error.to_string()),
            Ok(None) => {
                debug!(kind = %kinds[0], "there is no schema; compared without one");
                None
            }
            Err(ListError::Schema { message, .. }) => Some(message),
            Err(error) => Some(error.to_string()),
        };
        let Some(message) = failure else { return };
        for kind in kinds.into_iter().filter(|kind| !self.schemas.knows(kind)) {
            let error = ListError::Schema { kind: kind.clone(), message: message.clone() };
            self.unreadable.insert(kind, error);
        }
    }
}
