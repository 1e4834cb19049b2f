//! Stories: a repository, a real API server and the `local` forge, driven through the program. One file each.

mod a_person_on_the_branch;
mod added_by_hand;
mod adopted;
mod autoscaler;
mod broken_file;
mod cannot_apply;
mod closed_proposal;
mod custom_schema;
pub(crate) mod delivery_rules;
mod edited_by_hand;
mod forbidden_kind;
mod injected;
mod interrupted_lists;
mod keda;
mod kustomized;
mod label_selector;
mod offline_diff;
mod on_github;
mod ownership_erased;
mod scaled_by_hand;
mod secret_changed;
mod server_down;
mod snapshot;
mod tenant;
mod unserved;
mod unsynced;

/// The application of most stories.
pub(crate) const WEB: &str = "\
# the shop's front end
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  labels: {app: web}
spec:
  replicas: 2 # one for each zone
  selector:
    matchLabels: {app: web}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
        - name: web
          image: registry.company.example/web:1.4.2
          env:
            - {name: LOG_LEVEL, value: info}
          resources:
            requests: {cpu: 100m, memory: 256Mi}
            limits: {memory: 512Mi}
";

/// Settings that it reads.
pub(crate) const SETTINGS: &str = "\
apiVersion: v1
kind: ConfigMap
metadata:
  name: settings
data:
  currency: EUR
  checkout: \"on\"
";
