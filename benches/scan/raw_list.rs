//! The floor: lists the kinds that the scan lists, with its page size, as many at once and in the same encoding, and
//! throws the bodies away.

use std::path::Path;

use futures::{StreamExt as _, TryStreamExt as _};
use kube::client::Body;

const PAGE_SIZE: usize = 500;
const LISTS: [(&str, &str); 4] = [
    ("/apis/apps/v1", "deployments"),
    ("/api/v1", "services"),
    ("/api/v1", "configmaps"),
    ("/apis/autoscaling/v2", "horizontalpodautoscalers"),
];

/// Lists every page of every kind.
pub(crate) fn raw_list(kubeconfig: &Path, namespace: &str) {
    super::on_loopback(kubeconfig, async |client| {
        let lists = LISTS.iter().map(|(prefix, name)| list(&client, format!("{prefix}/namespaces/{namespace}/{name}")));
        futures::stream::iter(lists).buffer_unordered(LISTS.len()).collect::<Vec<_>>().await;
    });
}

async fn list(client: &kube::Client, path: String) {
    let mut next = String::new();
    loop {
        let address = format!("{path}?limit={PAGE_SIZE}{next}");
        let request = http::Request::get(address)
            .header("Accept", "application/json")
            .header("User-Agent", "bench")
            .body(Body::empty());
        let response = client.send(request.expect("request")).await.expect("answer");
        assert!(response.status().is_success(), "{path}: {}", response.status());
        // the token of the next page stands before the items
        let mut head: Vec<u8> = Vec::new();
        let mut body = http_body_util::BodyDataStream::new(response.into_body());
        while let Some(chunk) = body.try_next().await.expect("body") {
            if head.len() < 4096 {
                head.extend_from_slice(&chunk[..chunk.len().min(4096)]);
            }
        }
        let head = String::from_utf8_lossy(&head);
        let token = head.split_once("\"continue\":\"").and_then(|(_, rest)| rest.split('"').next());
        match token.filter(|token| !token.is_empty()) {
            Some(token) => next = format!("&continue={}", token.replace('=', "%3D")),
            None => return,
        }
    }
}
