//! One application, written for each renderer: a Deployment, its settings and its Service.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use trueup::adapters::render::{SourceTree, render, unheard};
use trueup::domain::secret::MaskKey;
use trueup::domain::source::{JinjaTemplates, Renderer, Source};
use trueup::domain::yaml::write::to_yaml;

use crate::support::servers::tools;

const DEPLOYMENT: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  labels: {app: web}ANNOTATIONS
spec:
  replicas: REPLICAS
  selector:
    matchLabels: {app: web}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
        - name: web
          image: \"registry.company.example/web:TAG\"
          env:
            - {name: LOG_LEVEL, value: info}
          resources:
            limits: {memory: MEMORY}
";

const SETTINGS: &str = "\
apiVersion: v1
kind: ConfigMap
metadata:
  name: settingsANNOTATIONS
data:
  currency: CURRENCY
";

const SERVICE: &str = "\
apiVersion: v1
kind: Service
metadata:
  name: webANNOTATIONS
spec:
  selector: {app: web}
  ports:
    - {name: http, port: 80, targetPort: 8080}
";

/// What stands for the values where they stand in the manifest itself.
const WRITTEN: [(&str, &str); 5] = [
    ("ANNOTATIONS", ""),
    ("REPLICAS", "2 # one for each zone"),
    ("TAG", "1.4.2"),
    ("MEMORY", "512Mi"),
    ("CURRENCY", "EUR"),
];

fn with(text: &str, values: &[(&str, &str)]) -> String {
    values.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value))
}

type Files = Vec<(&'static str, String)>;

/// The files of the application, below `shop`.
pub(super) fn files(renderer: Renderer) -> Files {
    match renderer {
        Renderer::Plain => vec![
            ("shop/web.yaml", with(&format!("{DEPLOYMENT}---\n{SERVICE}"), &WRITTEN)),
            ("shop/settings.yaml", with(SETTINGS, &WRITTEN)),
        ],
        Renderer::Kustomize => overlays(),
        Renderer::Helm => chart(),
        Renderer::Jinja => templates(),
    }
}

/// Two overlays over a base, of which only production is of this cluster.
fn overlays() -> Files {
    let base = WRITTEN.map(|(name, value)| match name {
        "REPLICAS" => (name, "1"),
        "TAG" => (name, "latest"),
        "MEMORY" => (name, "64Mi"),
        "CURRENCY" => (name, "USD"),
        _ => (name, value),
    });
    let overlay = "\
# production
resources: [../../base]
namespace: NAMESPACE
images:
  - name: registry.company.example/web
    newTag: 1.4.2 # released on Monday
replicas:
  - {name: web, count: 2}
patches:
  - path: memory.yaml
  - target: {kind: ConfigMap, name: settings}
    patch: |-
      - op: replace
        path: /data/currency
        value: EUR
";
    let memory = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  template:
    spec:
      containers:
        - name: web
          resources: {limits: {memory: 512Mi}} # as measured
";
    vec![
        ("shop/base/kustomization.yaml", "resources: [web.yaml, settings.yaml, service.yaml]\n".to_owned()),
        ("shop/base/web.yaml", with(DEPLOYMENT, &base)),
        ("shop/base/settings.yaml", with(SETTINGS, &base)),
        ("shop/base/service.yaml", with(SERVICE, &base)),
        ("shop/overlays/production/kustomization.yaml", overlay.to_owned()),
        ("shop/overlays/production/memory.yaml", memory.to_owned()),
        // another environment over the same base, which no source of this cluster delivers
        ("shop/overlays/staging/kustomization.yaml", "resources: [../../base]\nnamespace: staging\n".to_owned()),
    ]
}

/// A chart, and the values of production.
fn chart() -> Files {
    let of = |key: &str| {
        [
            ("ANNOTATIONS", format!("\n  annotations: {{{{- toYaml .Values.{key}.annotations | nindent 4 }}}}")),
            ("REPLICAS", "{{ .Values.web.replicas }}".to_owned()),
            ("TAG", "{{ .Values.web.tag }}".to_owned()),
            ("MEMORY", "{{ .Values.web.memory }}".to_owned()),
            ("CURRENCY", "{{ .Values.settings.currency }}".to_owned()),
        ]
    };
    let template = |text: &str, key: &str| {
        let values = of(key);
        with(text, &values.each_ref().map(|(name, value)| (*name, value.as_str())))
    };
    let values = "\
web:
  annotations: {}
  replicas: 1
  tag: latest
  memory: 64Mi
settings:
  annotations: {}
  currency: USD
service:
  annotations: {}
";
    let own = "web:\n  replicas: 2 # one for each zone\n  tag: 1.4.2\n  memory: 512Mi\nsettings:\n  currency: EUR\n";
    vec![
        ("shop/web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 0.1.0\n".to_owned()),
        ("shop/web/values.yaml", values.to_owned()),
        ("shop/web/templates/web.yaml", template(DEPLOYMENT, "web")),
        ("shop/web/templates/settings.yaml", template(SETTINGS, "settings")),
        ("shop/web/templates/service.yaml", template(SERVICE, "service")),
        ("shop/production.yaml", own.to_owned()),
    ]
}

/// Templates, and the values of production.
fn templates() -> Files {
    let template = [
        ("ANNOTATIONS", ""),
        ("REPLICAS", "{{ web.replicas }}"),
        ("TAG", "{{ web.tag }}"),
        ("MEMORY", "{{ web.memory }}"),
        ("CURRENCY", "{{ settings.currency }}"),
    ];
    let values = "web:\n  replicas: 2 # one for each zone\n  tag: 1.4.2\n  memory: 512Mi\nsettings:\n  currency: EUR\n";
    vec![
        ("shop/web/web.yaml.j2", with(&format!("{DEPLOYMENT}---\n{SERVICE}"), &template)),
        ("shop/web/settings.yaml.j2", with(SETTINGS, &template)),
        ("shop/production.yaml", values.to_owned()),
    ]
}

/// The source as the configuration names it, delivered by this tool.
pub(super) fn source(renderer: Renderer, delivery: &str) -> String {
    let (path, more) = match renderer {
        Renderer::Plain => ("shop", ""),
        Renderer::Kustomize => ("shop/overlays/production", ""),
        Renderer::Helm => ("shop/web", ", helm: {release: web, values: [shop/production.yaml]}"),
        Renderer::Jinja => ("shop/web", ", jinja: {values: [shop/production.yaml]}"),
    };
    format!(
        "sources: [{{name: web, path: {path}, renderer: {renderer}, namespace: NAMESPACE, environment: production, \
         delivery: {{tool: {delivery}}}{more}}}]\n"
    )
}

/// What a pipeline renders from a checkout.
pub(super) fn rendered(renderer: Renderer, checkout: &Path, namespace: &str) -> String {
    match renderer {
        Renderer::Plain => {
            let read = |name: &str| std::fs::read_to_string(checkout.join("shop").join(name)).expect("manifest");
            format!("{}---\n{}", read("web.yaml"), read("settings.yaml"))
        }
        Renderer::Kustomize => run("kustomize", &["build", "shop/overlays/production"], checkout),
        Renderer::Helm => {
            run("helm", &["template", "web", "shop/web", "-n", namespace, "-f", "shop/production.yaml"], checkout)
        }
        Renderer::Jinja => {
            let values = vec!["shop/production.yaml".to_owned()];
            let jinja = Some(JinjaTemplates { values, ..JinjaTemplates::default() });
            let source = Source { renderer, jinja, ..Source::plain("web", "shop/web") };
            let tree = SourceTree { root: checkout.to_path_buf(), ..SourceTree::default() };
            let runtime = tokio::runtime::Runtime::new().expect("runtime");
            let found = runtime.block_on(render(&tree, &source, &MaskKey::for_this_run(b"k"), &unheard()));
            assert_eq!(found.problems, []);
            let objects: BTreeMap<_, _> =
                found.manifests.iter().map(|manifest| (manifest.id.to_string(), manifest.object())).collect();
            objects.values().map(|object| format!("{}---\n", to_yaml(object))).collect()
        }
    }
}

fn run(program: &str, args: &[&str], folder: &Path) -> String {
    let ran =
        Command::new(tools().join(program)).args(args).current_dir(folder).env_clear().env("HOME", folder).output();
    let ran = ran.expect("it starts");
    assert!(ran.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).expect("UTF-8")
}
