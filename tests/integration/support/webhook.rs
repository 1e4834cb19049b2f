//! A mutating admission webhook: the API server asks it about each Deployment of one namespace.

use axum::extract::{Json, State};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::cluster::Cluster;
use super::listen::{Certificate, Serving, bind, serve};

/// What the webhook makes of a Deployment, as a JSON patch.
pub(crate) type Mutate = fn(&Value) -> Value;

/// A running webhook; its registration goes with it.
pub(crate) struct Webhook {
    cluster: &'static Cluster,
    name: String,
    _serving: Serving,
}

impl Webhook {
    /// Serves and registers it.
    pub(crate) fn start(cluster: &'static Cluster, namespace: &str, mutate: Mutate) -> Self {
        let (listener, port) = bind();
        let certificate = Certificate::new();
        let router = axum::Router::new().fallback(answer).with_state(mutate);
        let serving = serve(listener, Some(&certificate), router);
        let name = format!("inject-{namespace}");
        let registration = json!({
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "MutatingWebhookConfiguration",
            "metadata": {"name": name},
            "webhooks": [{
                "name": "inject.company.example",
                "admissionReviewVersions": ["v1"],
                "sideEffects": "None",
                "clientConfig": {"url": format!("https://127.0.0.1:{port}/"), "caBundle": STANDARD.encode(&certificate.pem)},
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
                "rules": [{"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": ["deployments"]}],
            }],
        });
        cluster.kubectl_with(&["create", "-f", "-"], &registration.to_string(), &[]);
        Self { cluster, name, _serving: serving }
    }
}

impl Drop for Webhook {
    fn drop(&mut self) {
        // what goes wrong is of no interest to a test that fails already
        let _ = self.cluster.try_kubectl(&["delete", "mutatingwebhookconfiguration", &self.name], "", &[]);
    }
}

async fn answer(State(mutate): State<Mutate>, Json(review): Json<Value>) -> Json<Value> {
    let request = &review["request"];
    let patch = STANDARD.encode(mutate(&request["object"]).to_string());
    Json(json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "response": {"uid": request["uid"], "allowed": true, "patchType": "JSONPatch", "patch": patch}}))
}
