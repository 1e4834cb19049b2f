//! The sections of `trueup.yaml` that configure adapters: cluster, repository, sources, forge, schedule.

use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::SecretString;
use sha2::{Digest as _, Sha256};

use super::credentials::{Env, secret};
use super::fields::Fields;
use super::unmanaged::owns;
use super::{Locations, ProposalSettings, helm, jinja};
use crate::adapters::cluster::{ClusterSettings, LiveSettings};
use crate::adapters::forge::github::{GitHubAccess, GitHubSettings};
use crate::adapters::forge::{ForgeSettings, LocalSettings};
use crate::adapters::repository::RepositorySettings;
use crate::domain::selector::Selector;
use crate::domain::source::{Delivery, DeliveryTool, Renderer, Source};
use crate::schedule::{CronSchedule, ScheduleSettings};

/// Where relative paths start and where variables are read.
#[derive(Clone, Copy)]
pub(super) struct Place<'p> {
    pub(super) folder: &'p Path,
    pub(super) env: Env<'p>,
}

impl Place<'_> {
    fn path(&self, fields: &Fields<'_, '_>, key: &'static str) -> Option<PathBuf> {
        fields.text(key).map(|path| self.folder.join(path))
    }

    fn secret(&self, fields: &Fields<'_, '_>, file_key: &'static str, env_key: &'static str) -> Option<SecretString> {
        secret(fields, file_key, env_key, self.folder, self.env)
    }
}

/// Name of the cluster and the live side.
pub(super) fn cluster(
    top: &Fields<'_, '_>,
    place: &Place<'_>,
    locations: &Locations,
) -> (Option<String>, LiveSettings) {
    let defaults = ClusterSettings {
        kubeconfig: locations.kubeconfig.clone(),
        context: locations.context.clone(),
        namespaces: Vec::new(),
        label_selector: None,
        page_size: 500,
        timeout_seconds: 60,
        cache: Some(own_cache(place.env).join("schemas")),
    };
    let Some(fields) = top.map("cluster") else {
        return (Some("default".to_owned()), live(locations, place, None, defaults));
    };
    let label_selector = fields.text("label_selector");
    if let Some(Err(message)) = label_selector.as_ref().map(|text| text.parse::<Selector>()) {
        fields.refuse("label_selector", message, "write it as `kubectl -l` takes it: drift-monitoring=enabled");
    }
    let settings = ClusterSettings {
        kubeconfig: defaults.kubeconfig.or_else(|| place.path(&fields, "kubeconfig")),
        context: defaults.context.or_else(|| fields.text("context")),
        namespaces: fields.texts("namespaces"),
        label_selector,
        page_size: fields.whole("page_size", 1..=10_000).and_then(|size| u32::try_from(size).ok()).unwrap_or(500),
        timeout_seconds: fields.whole("timeout_seconds", 1..=3600).unwrap_or(60),
        cache: place.path(&fields, "cache").or(defaults.cache),
    };
    // asked for even where the command line wins, so that the keys are known
    let _ = (fields.text("kubeconfig"), fields.text("context"));
    let snapshot = place.path(&fields, "snapshot");
    let name = if fields.has("name") { fields.required("name") } else { Some("default".to_owned()) };
    (name, live(locations, place, snapshot, settings))
}

/// A snapshot or the cluster: the command line is asked first, then the environment, then the file.
fn live(locations: &Locations, place: &Place<'_>, snapshot: Option<PathBuf>, cluster: ClusterSettings) -> LiveSettings {
    let named = (place.env)("CURRENT_CONFIG_SOURCE").filter(|source| !source.is_empty());
    let snapshot = match (&locations.snapshot, named) {
        (Some(file), _) => Some(file.clone()),
        (None, Some(source)) => (source != "kubernetes_api").then(|| PathBuf::from(source)),
        (None, None) => snapshot,
    };
    snapshot.map_or(LiveSettings::Cluster(cluster), LiveSettings::Snapshot)
}

/// The config repository; its address is the one thing that has to be given.
pub(super) fn repository(top: &Fields<'_, '_>, place: &Place<'_>) -> Option<RepositorySettings> {
    let Some(fields) = top.map("repository") else {
        top.sink.error(1, "`repository` is missing", "name the config repository: `repository: {url: https://…}`");
        return None;
    };
    let url = fields.required("url").and_then(|url| address(&fields, &url, place.folder));
    let author = fields.map("author");
    let author_text = |key| author.as_ref().and_then(|author: &Fields<'_, '_>| author.text(key));
    let token = place.secret(&fields, "token_file", "token_env");
    let token = token.or_else(|| (place.env)("TRUEUP_TOKEN").filter(|token| !token.is_empty()).map(SecretString::from));
    // without an address there is no repository, but what else is wrong with it is told as well
    let given = url.clone().unwrap_or_default();
    if given.starts_with("http://") && token.is_some() && !is_loopback(&given) {
        fields.refuse("url", "would send the token in clear", "use https");
    }
    let settings = RepositorySettings {
        branch: fields.text("branch"),
        cache: place.path(&fields, "cache").unwrap_or_else(|| default_cache(&given, place.env)),
        username: fields.text("username"),
        token,
        ssh_key: place.path(&fields, "ssh_key"),
        known_hosts: place.path(&fields, "known_hosts"),
        timeout_seconds: fields.whole("timeout_seconds", 1..=3600).unwrap_or(60),
        author_name: author_text("name").unwrap_or_else(|| "trueup".to_owned()),
        author_email: author_text("email").unwrap_or_else(|| "trueup@localhost".to_owned()),
        url: given,
    };
    url.map(|_| settings)
}

/// One folder for each address.
fn default_cache(url: &str, env: Env<'_>) -> PathBuf {
    let hash = Sha256::digest(url.as_bytes());
    let name: String = hash[..6].iter().map(|byte| format!("{byte:02x}")).collect();
    own_cache(env).join(name)
}

/// The program's folder below the user's cache: `$XDG_CACHE_HOME` or `~/.cache`.
fn own_cache(env: Env<'_>) -> PathBuf {
    let set = |name: &str| env(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache")));
    base.unwrap_or_else(std::env::temp_dir).join("trueup")
}

fn is_loopback(url: &str) -> bool {
    let host = url.parse::<http::Uri>().ok().and_then(|uri| uri.host().map(str::to_owned)).unwrap_or_default();
    ["localhost", "127.0.0.1", "[::1]"].contains(&&*host)
}

/// Checks an address and makes a relative local one relative to the configuration.
fn address(fields: &Fields<'_, '_>, url: &str, folder: &Path) -> Option<String> {
    if let Some((scheme, rest)) = url.split_once("://") {
        let host = rest.split('/').next().unwrap_or_default();
        let has_password = host.rsplit_once('@').is_some_and(|(user, _)| scheme != "ssh" || user.contains(':'));
        if has_password {
            fields.refuse(
                "url",
                "holds credentials",
                "name them with token_file or token_env, and keep the address plain",
            );
            return None;
        }
        if !["https", "http", "ssh", "file"].contains(&scheme) {
            fields.refuse("url", format!("the scheme {scheme} is not supported"), "use https, ssh or file");
            return None;
        }
        return Some(url.to_owned());
    }
    let is_scp = url.split_once(':').is_some_and(|(host, _)| !host.contains('/'));
    if is_scp && url.split('/').next().is_some_and(|host| host.matches(':').count() > 1 && host.contains('@')) {
        fields.refuse("url", "holds credentials", "ssh takes a key: name it with ssh_key");
        return None;
    }
    if is_scp || Path::new(url).is_absolute() {
        return Some(url.to_owned());
    }
    let path = folder.join(url);
    Some(std::path::absolute(&path).unwrap_or(path).display().to_string())
}

/// A path of the repository as the renderers take it: without `./`, without `/` at the end, empty for all of it.
pub(super) fn inside_repository(fields: &Fields<'_, '_>, key: &str, path: &str) -> String {
    let path = path.trim_start_matches("./").trim_end_matches('/');
    if path.starts_with('/') || path.split('/').any(|part| part == "..") {
        fields.refuse(key, "leaves the repository", "give the folder relative to the repository's root");
    }
    if path == "." { String::new() } else { path.to_owned() }
}

/// The sources; at least one, unless objects of delivery tools name some.
pub(super) fn sources(top: &Fields<'_, '_>, environment: Option<&str>) -> Option<Vec<Source>> {
    let mut sources: Vec<Source> = Vec::new();
    let listed = top.maps("sources");
    if listed.is_empty() {
        if top.node("discover").is_some() {
            return Some(sources);
        }
        let help = "name what is delivered: `sources: [{name: apps, path: apps}]`; or let the objects of Flux and Argo CD \
                    name it: `discover: {}`";
        top.sink.error(top.line, "`sources` is missing or empty", help);
        return None;
    }
    for fields in listed {
        let name = fields.required("name").unwrap_or_default();
        if !name.is_empty() && sources.iter().any(|source| source.name == name) {
            fields.refuse("name", format!("`{name}` names another source already"), "names have to differ");
        }
        let path = inside_repository(&fields, "path", &fields.text("path").unwrap_or_default());
        let renderer = fields.names("renderer", Renderer::ALL, Renderer::as_str).pop().unwrap_or(Renderer::Plain);
        let helm = helm::release(&fields, renderer, &name);
        let jinja = jinja::templates(&fields, renderer);
        let delivery = fields.map("delivery");
        let tool = delivery
            .as_ref()
            .and_then(|delivery| delivery.names("tool", DeliveryTool::ALL, DeliveryTool::as_str).pop());
        sources.push(Source {
            name,
            path,
            renderer,
            helm,
            jinja,
            namespace: fields.text("namespace"),
            environment: fields.text("environment").or_else(|| environment.map(str::to_owned)),
            service: fields.text("service"),
            delivery: Delivery {
                tool: tool.unwrap_or(DeliveryTool::Unknown),
                manager: delivery.as_ref().and_then(|delivery| delivery.text("manager")),
            },
            owns: owns(&fields),
            delivered: None,
        });
    }
    (!sources.is_empty()).then_some(sources)
}

/// Where pull requests go.
pub(super) fn forge(top: &Fields<'_, '_>, place: &Place<'_>) -> Option<ForgeSettings> {
    let fields = top.map("forge")?;
    let local = fields.map("local").map(|local| local.required("folder"));
    let github = fields.map("github").map(|github| self::github(&github, place));
    match (local, github) {
        (Some(folder), None) => Some(ForgeSettings::Local(LocalSettings { folder: place.folder.join(folder?) })),
        (None, Some(github)) => github.map(ForgeSettings::GitHub),
        (local, _) => {
            let message = if local.is_some() { "`forge` names two forges" } else { "`forge` names no forge" };
            fields.sink.error(fields.line, message, "give one of `github: {…}` and `local: {folder: …}`");
            None
        }
    }
}

fn github(fields: &Fields<'_, '_>, place: &Place<'_>) -> Option<GitHubSettings> {
    let base_url = fields.text("base_url").unwrap_or_else(|| "https://api.github.com".to_owned());
    if !base_url.starts_with("https://") && !is_loopback(&base_url) {
        fields.refuse("base_url", "is no https address", "https://HOST/api/v3 for GitHub Enterprise");
    }
    let repository = fields.required("repository");
    let is_name =
        |name: &str| name.split('/').filter(|part| !part.is_empty()).count() == 2 && name.matches('/').count() == 1;
    if repository.as_deref().is_some_and(|name| !is_name(name)) {
        fields.refuse("repository", "is no `owner/name`", "as in the address of the repository: company/ml-config");
    }
    let token = place.secret(fields, "token_file", "token_env");
    let token = token.or_else(|| (place.env)("TRUEUP_TOKEN").filter(|token| !token.is_empty()).map(SecretString::from));
    let timeout_seconds = fields.whole("timeout_seconds", 1..=3600).unwrap_or(60);
    let write_pause = Duration::from_millis(fields.whole("write_pause_ms", 0..=60_000).unwrap_or(1000));
    let access = if let Some(app) = fields.map("app") {
        let id = |key| {
            if app.has(key) {
                return app.whole(key, 1..=u64::MAX);
            }
            app.required(key);
            None
        };
        let (id, installation) = (id("app_id"), id("installation_id"));
        let private_key = place.secret(&app, "private_key_file", "private_key_env");
        if private_key.is_none() && !app.has("private_key_file") && !app.has("private_key_env") {
            app.required("private_key_file");
        }
        GitHubAccess::App { app: id?, installation: installation?, private_key: private_key? }
    } else if let Some(token) = token {
        GitHubAccess::Token(token)
    } else {
        if !fields.has("token_file") && !fields.has("token_env") {
            fields.sink.error(
                fields.line,
                "`forge.github` has no credentials",
                "name them: token_env, token_file or app",
            );
        }
        return None;
    };
    Some(GitHubSettings { base_url, repository: repository?, access, timeout_seconds, write_pause })
}

/// When `daemon` runs.
pub(super) fn schedule(top: &Fields<'_, '_>) -> Option<ScheduleSettings> {
    let fields = top.map("schedule")?;
    let cron = fields.required("cron");
    if let Some(Err(error)) = cron.as_ref().map(|line| CronSchedule::parse(line)) {
        fields.refuse("cron", error, "five fields as in a Kubernetes CronJob: `*/15 * * * *`");
    }
    let zone = fields.text("timezone").unwrap_or_else(|| "UTC".to_owned());
    let timezone = jiff::tz::TimeZone::get(&zone);
    if timezone.is_err() {
        fields.refuse("timezone", format!("`{zone}` is not known"), "use an IANA name: Europe/Berlin");
    }
    let jitter = fields.whole("jitter_seconds", 0..=3600).unwrap_or(0);
    Some(ScheduleSettings { cron: cron?, timezone: timezone.ok()?, jitter: Duration::from_secs(jitter) })
}

/// Limits and powers over pull requests.
pub(super) fn proposals(top: &Fields<'_, '_>) -> ProposalSettings {
    let mut settings = ProposalSettings {
        open_limit: 10,
        max_attempts: 3,
        allow_auto_merge: false,
        reviewers: Vec::new(),
        team_reviewers: Vec::new(),
        labels: Vec::new(),
    };
    let Some(fields) = top.map("proposals") else { return settings };
    if let Some(limit) = fields.whole("open_limit", 0..=1000) {
        settings.open_limit = usize::try_from(limit).unwrap_or(settings.open_limit);
    }
    if let Some(attempts) = fields.whole("max_attempts", 1..=100) {
        settings.max_attempts = u32::try_from(attempts).unwrap_or(settings.max_attempts);
    }
    settings.allow_auto_merge = fields.flag("allow_auto_merge").unwrap_or(false);
    settings.reviewers = fields.texts("reviewers");
    settings.team_reviewers = fields.texts("team_reviewers");
    settings.labels = fields.labels("labels");
    settings
}
