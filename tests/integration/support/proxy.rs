//! A proxy in front of the real API server that can spoil single answers: what a real one does too, but not on demand.

use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde_json::json;
use tokio::runtime::Runtime;

use super::cluster::Cluster;

/// What is done to a request.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    /// Nothing: the API server's own answer.
    None,
    /// Refused with this status and reason, before the API server sees it.
    Refuse(u16, &'static str),
    /// The connection breaks in the middle of the API server's answer.
    CutOff,
    /// Half of the API server's answer, as if it were all of it.
    Half,
    /// No answer at all; the connection stays open.
    Silence,
}

/// A running proxy.
pub(crate) struct Proxy {
    /// Where it listens, plain http.
    pub(crate) address: String,
    seen: Arc<Mutex<Vec<String>>>,
    runtime: Option<Runtime>,
}

type Rule = Box<dyn FnMut(&str) -> Fault + Send>;

#[derive(Clone)]
struct Inside {
    client: kube::Client,
    rule: Arc<Mutex<Rule>>,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// Starts a proxy; `rule` is asked with the path and query of each request.
    pub(crate) fn start(cluster: &Cluster, rule: impl FnMut(&str) -> Fault + Send + 'static) -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let runtime = Runtime::new().expect("runtime");
        let seen: Arc<Mutex<Vec<String>>> = Arc::default();
        let address = runtime.block_on(async {
            let rule: Arc<Mutex<Rule>> = Arc::new(Mutex::new(Box::new(rule)));
            let inside = Inside { client: client(cluster).await, rule, seen: Arc::clone(&seen) };
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
            let address = format!("http://{}", listener.local_addr().expect("bound"));
            let router = axum::Router::new().fallback(answer).with_state(inside);
            tokio::spawn(async { axum::serve(listener, router).await });
            address
        });
        Self { address, seen, runtime: Some(runtime) }
    }

    /// How many requests contained this text.
    pub(crate) fn asked(&self, text: &str) -> usize {
        self.seen.lock().expect("no panic").iter().filter(|address| address.contains(text)).count()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// A client without an identity: requests keep that of whoever sent them.
async fn client(cluster: &Cluster) -> kube::Client {
    let kubeconfig = json!({
        "clusters": [{"name": "test", "cluster": {"server": cluster.address(), "certificate-authority": cluster.authority()}}],
        "contexts": [{"name": "test", "context": {"cluster": "test"}}],
        "current-context": "test",
    });
    let kubeconfig = serde_json::from_value(kubeconfig).expect("kubeconfig");
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &Default::default()).await.expect("config");
    kube::Client::try_from(config).expect("client")
}

async fn answer(State(inside): State<Inside>, request: Request) -> Response {
    let address = request.uri().path_and_query().expect("a path").to_string();
    inside.seen.lock().expect("no panic").push(address.clone());
    let fault = (inside.rule.lock().expect("no panic"))(&address);
    if let Fault::Refuse(code, reason) = fault {
        let message = format!("refused by the test: {reason}");
        let status = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "message": message, "code": code});
        return (StatusCode::from_u16(code).expect("a status"), axum::Json(status)).into_response();
    }
    if let Fault::Silence = fault {
        return std::future::pending().await;
    }
    let mut forwarded = http::Request::get(&address).body(kube::client::Body::empty()).expect("request");
    for name in [http::header::AUTHORIZATION, http::header::ACCEPT, http::header::USER_AGENT] {
        if let Some(value) = request.headers().get(&name) {
            forwarded.headers_mut().insert(name, value.clone());
        }
    }
    let response = inside.client.send(forwarded).await.expect("the API server answers");
    let (status, bytes) = (response.status(), response.into_body().collect_bytes().await.expect("whole"));
    let half = bytes.slice(..bytes.len() / 2);
    match fault {
        Fault::CutOff => {
            let parts = [Ok(half), Err(std::io::Error::other("cut off by the test"))];
            let body = Body::from_stream(futures::stream::iter(parts));
            ([(http::header::CONTENT_LENGTH, bytes.len().to_string())], body).into_response()
        }
        Fault::Half => (status, half).into_response(),
        _ => (status, bytes).into_response(),
    }
}
