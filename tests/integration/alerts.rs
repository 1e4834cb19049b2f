//! One alert for each cycle, to a receiver that keeps what it gets.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use serde_json::Value;

use crate::support::cli::{Desk, Ran};

/// The path is the secret that no output may hold.
const SECRET: &str = "T0-canary-of-the-webhook";

#[derive(Clone)]
struct Receiver {
    url: String,
    got: Arc<Mutex<Vec<Value>>>,
    answer: StatusCode,
}

impl Receiver {
    /// Listens on a port of its own, until the test process ends.
    fn start(answer: StatusCode) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("a listener for tokio");
        let url = format!("http://{}/hooks/{SECRET}", listener.local_addr().expect("bound"));
        let receiver = Self { url, got: Arc::default(), answer };
        let state = receiver.clone();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
            runtime.block_on(async {
                let router = Router::new().route("/hooks/{secret}", post(Self::take)).with_state(state);
                axum::serve(tokio::net::TcpListener::from_std(listener).expect("listener"), router).await
            })
        });
        receiver
    }

    async fn take(State(receiver): State<Self>, body: String) -> StatusCode {
        receiver.got.lock().expect("lock").push(serde_json::from_str(&body).expect("JSON"));
        receiver.answer
    }

    fn got(&self) -> Vec<Value> {
        self.got.lock().expect("lock").clone()
    }
}

/// The demo's cluster and repository, with a cycle run over them.
fn run(desk: &Desk, command: &[&str], receiver: &Receiver) -> Ran {
    desk.trueup(command).env("ALERT_WEBHOOK_URL", &receiver.url).run()
}

fn demo() -> Desk {
    let desk = Desk::new();
    desk.trueup(["demo", "--keep", "demo"]).run().exits(0);
    desk
}

/// A cycle sends one alert with its high and critical items; the same drift has the same key; a plan sends none.
#[test]
fn a_cycle_alerts_once() {
    let (desk, receiver) = (demo(), Receiver::start(StatusCode::OK));
    run(&desk, &["plan", "-c", "demo/trueup.yaml"], &receiver).exits(1);
    run(&desk, &["run", "--dry-run", "-c", "demo/trueup.yaml"], &receiver).exits(0);
    assert_eq!(receiver.got(), [] as [Value; 0]);
    for _ in 0..2 {
        let ran = run(&desk, &["run", "-c", "demo/trueup.yaml"], &receiver).exits(0);
        assert!(!ran.everything().contains(SECRET));
    }
    let got = receiver.got();
    assert_eq!(got.len(), 2);
    assert_eq!(got[0]["schema"], "trueup.alert/v1");
    assert_eq!(got[0]["dedup_key"], got[1]["dedup_key"]);
    let items = got[0]["items"].as_array().expect("items");
    assert!(items.iter().any(|item| item["severity"] == "critical" && item["pull_request"].is_string()), "{items:#?}");
    let told = |item: &&Value| item["severity"] == "critical" || item["severity"] == "high";
    assert!(
        items.iter().filter(told).count() >= 5
            && items.iter().all(|item| told(&item) || item["action"] == "alert_and_track")
    );
    assert_eq!(got[0]["alert_channels"], serde_json::json!(["platform_team", "security_team"]));
}

/// A receiver that fails is a problem of the report; the cycle is complete, and the address stays a secret.
#[test]
fn a_failed_alert_stops_nothing() {
    let (desk, receiver) = (demo(), Receiver::start(StatusCode::INTERNAL_SERVER_ERROR));
    let ran = run(&desk, &["run", "-c", "demo/trueup.yaml", "-o", "json"], &receiver).exits(0);
    assert!(ran.json()["problems"][0]["message"].as_str().expect("problem").contains("500"), "{}", ran.stdout);
    assert!(!ran.everything().contains(SECRET));
    assert_eq!(receiver.got().len(), 1);
}
