//! Mistakes in `trueup.yaml` itself.

use insta::assert_snapshot;

use super::{LEAST, load, problems, problems_of, with, with_file};

/// The least configuration is valid, so that every case below fails for its own reason only.
#[test]
fn the_least_is_valid() {
    assert_snapshot!(with(""), @"valid");
    assert_snapshot!(problems(""), @"
    trueup.yaml:1: `repository` is missing (name the config repository: `repository: {url: https://…}`)
    trueup.yaml:1: `sources` is missing or empty (name what is delivered: `sources: [{name: apps, path: apps}]`; or let the objects of Flux and Argo CD name it: `discover: {}`)
    ");
    assert_snapshot!(problems_of(&[], &[]), @"the configuration trueup.yaml cannot be read: entity not found (name it with --config or TRUEUP_CONFIG; trueup.example.yaml shows every option)");
}

/// All problems come at once, in the order of the file, from every section.
#[test]
fn all_at_once() {
    assert_snapshot!(problems("repository: {url: ftp://git.example/c}\nsources:\n  - path: ../up\n  - {name: a, path: /etc}\nforge: {}\nschedule: {cron: hourly}\nproposals: {open_limit: many}\nextra: 1\n"), @"
    trueup.yaml:1: `repository.url`: the scheme ftp is not supported (use https, ssh or file)
    trueup.yaml:3: `sources[0].name` is missing
    trueup.yaml:3: `sources[0].path`: leaves the repository (give the folder relative to the repository's root)
    trueup.yaml:4: `sources[1].path`: leaves the repository (give the folder relative to the repository's root)
    trueup.yaml:5: `forge` names no forge (give one of `github: {…}` and `local: {folder: …}`)
    trueup.yaml:6: `schedule.cron`: `hourly` has 1 fields and needs five (five fields as in a Kubernetes CronJob: `*/15 * * * *`)
    trueup.yaml:7: `proposals.open_limit` has to be a whole number, not a text
    trueup.yaml:8: unknown key `extra` (known are `cluster`, `repository`, `sources`, `forge`, `secrets`, `delivery_rules`, `discover`, `managers`, `categories`, `unmanaged`, `thresholds`, `ignore`, `scoring`, `policies`, `baselines`, `alerts`, `schedule`, `proposals`, `sync_grace_seconds`)
    ");
}

/// Keys that nobody knows: the nearest that there is, or all there are.
#[test]
fn unknown_keys() {
    assert_snapshot!(with("polices: mine.yaml\n"), @"trueup.yaml:3: unknown key `polices` (did you mean `policies`?)");
    assert_snapshot!(with("zzz: 1\n"), @"trueup.yaml:3: unknown key `zzz` (known are `cluster`, `repository`, `sources`, `forge`, `secrets`, `delivery_rules`, `discover`, `managers`, `categories`, `unmanaged`, `thresholds`, `ignore`, `scoring`, `policies`, `baselines`, `alerts`, `schedule`, `proposals`, `sync_grace_seconds`)");
    assert_snapshot!(with("cluster:\n  page-size: 10\n"), @"trueup.yaml:4: unknown key `page-size` in `cluster` (did you mean `page_size`?)");
    assert_snapshot!(with("cluster: {nam: prod}\n"), @"trueup.yaml:3: unknown key `nam` in `cluster` (did you mean `name`?)");
    assert_snapshot!(with("forge: {github: {repository: a/b, tokn_env: T}}\n"), @"
    trueup.yaml:3: `forge.github` has no credentials (name them: token_env, token_file or app)
    trueup.yaml:3: unknown key `tokn_env` in `forge.github` (did you mean `token_env`?)
    ");
    assert_snapshot!(problems("repository: {url: https://git.example/c, branche: main}\nsources: [{name: apps, deliver: {tool: flux}}]\n"), @"
    trueup.yaml:1: unknown key `branche` in `repository` (did you mean `branch`?)
    trueup.yaml:2: unknown key `deliver` in `sources[0]` (did you mean `delivery`?)
    ");
}

/// A key given twice: neither of the two is taken silently.
#[test]
fn repeated_keys() {
    assert_snapshot!(with("cluster: {name: a, page_size: 5, name: b}\n"), @"trueup.yaml:3: `name` is given twice (keep one of the two)");
    assert_snapshot!(with("schedule:\n  cron: '@daily'\nschedule: {cron: '@hourly'}\n"), @"trueup.yaml:5: `schedule` is given twice (keep one of the two)");
}

/// Values of another type than the one wanted.
#[test]
fn wrong_types() {
    assert_snapshot!(problems("- a list\n"), @"
    trueup.yaml:1: `repository` is missing (name the config repository: `repository: {url: https://…}`)
    trueup.yaml:1: `sources` is missing or empty (name what is delivered: `sources: [{name: apps, path: apps}]`; or let the objects of Flux and Argo CD name it: `discover: {}`)
    trueup.yaml:1: the file has to be a mapping, not a list
    ");
    assert_snapshot!(problems("just text\n"), @"
    trueup.yaml:1: `repository` is missing (name the config repository: `repository: {url: https://…}`)
    trueup.yaml:1: `sources` is missing or empty (name what is delivered: `sources: [{name: apps, path: apps}]`; or let the objects of Flux and Argo CD name it: `discover: {}`)
    trueup.yaml:1: the file has to be a mapping, not a text
    ");
    assert_snapshot!(with("cluster: production\n"), @"trueup.yaml:3: `cluster` has to be a mapping, not a text");
    assert_snapshot!(with("cluster: {namespaces: {a: b}, page_size: lots, name: [x]}\n"), @"
    trueup.yaml:3: `cluster.name` has to be a text, not a list
    trueup.yaml:3: `cluster.namespaces` has to be a text or a list of texts, not a mapping
    trueup.yaml:3: `cluster.page_size` has to be a whole number, not a text
    ");
    assert_snapshot!(with("cluster: {page_size: 0, timeout_seconds: 1.5}\n"), @"
    trueup.yaml:3: `cluster.page_size`: has to be a whole number from 1 to 10000
    trueup.yaml:3: `cluster.timeout_seconds`: has to be a whole number from 1 to 3600
    ");
    assert_snapshot!(with("proposals: {allow_auto_merge: maybe, labels: {a: b}}\n"), @"
    trueup.yaml:3: `proposals.allow_auto_merge` has to be true or false, not a text
    trueup.yaml:3: `proposals.labels` has to be a text or a list of texts, not a mapping
    ");
    assert_snapshot!(problems("repository: {url: https://git.example/c}\nsources: apps\n"), @"
    trueup.yaml:1: `sources` is missing or empty (name what is delivered: `sources: [{name: apps, path: apps}]`; or let the objects of Flux and Argo CD name it: `discover: {}`)
    trueup.yaml:2: `sources` has to be a list, not a text
    ");
    assert_snapshot!(with("ignore: {path: spec}\n"), @"trueup.yaml:3: `ignore` has to be a list, not a mapping");
}

/// Values outside of their closed lists.
#[test]
fn unknown_values() {
    assert_snapshot!(problems("repository: {url: https://git.example/c}\nsources: [{name: a, renderer: kustomise, delivery: {tool: argocd}}]\n"), @"
    trueup.yaml:2: `sources[0].delivery.tool`: `argocd` is none of its values (did you mean `argo_cd`?)
    trueup.yaml:2: `sources[0].renderer`: `kustomise` is none of its values (did you mean `kustomize`?)
    ");
    assert_snapshot!(with("ignore: [{rule: image-tag}]\n"), @"trueup.yaml:3: `ignore[0].rule`: is the name of no rule (known are security-context-weakened, security-context-relaxed, image-registry-changed, image-tag-mutable, qos-class-changed, replicas-below-hpa-minimum, unknown_field)");
    assert_snapshot!(with("ignore: [{changed_by: robot}]\n"), @"trueup.yaml:3: `ignore[0].changed_by`: `robot` is none of its values (known are `person`, `delivery`, `controller`, `unknown`)");
}

/// What has to be given and is not.
#[test]
fn missing_keys() {
    assert_snapshot!(problems("repository: {branch: main}\nsources: [{path: apps}]\n"), @"
    trueup.yaml:1: `repository.url` is missing
    trueup.yaml:2: `sources[0].name` is missing
    ");
    assert_snapshot!(problems("repository: {url: ''}\nsources: []\n"), @"
    trueup.yaml:1: `repository.url`: is empty
    trueup.yaml:1: `sources` is missing or empty (name what is delivered: `sources: [{name: apps, path: apps}]`; or let the objects of Flux and Argo CD name it: `discover: {}`)
    ");
    assert_snapshot!(with("schedule: {timezone: UTC}\n"), @"trueup.yaml:3: `schedule.cron` is missing");
    assert_snapshot!(with("forge: {github: {token_env: T}}\n"), @"
    trueup.yaml:3: `forge.github.repository` is missing
    trueup.yaml:3: `forge.github.token_env`: the environment variable T is not set (set it, or name a file)
    ");
    assert_snapshot!(with("forge: {local: {}}\n"), @"trueup.yaml:3: `forge.local.folder` is missing");
    assert_snapshot!(with("cluster: {name: }\n"), @"trueup.yaml:3: `cluster.name` is missing");
}

/// Schedules that are none.
#[test]
fn schedules() {
    assert_snapshot!(with("schedule: {cron: '0 */15 * * * *'}\n"), @"trueup.yaml:3: `schedule.cron`: `0 */15 * * * *` has 6 fields and needs five (five fields as in a Kubernetes CronJob: `*/15 * * * *`)");
    assert_snapshot!(with("schedule: {cron: '61 * * * *'}\n"), @"trueup.yaml:3: `schedule.cron`: `61` is no minute: it goes from 0 to 59 (five fields as in a Kubernetes CronJob: `*/15 * * * *`)");
    assert_snapshot!(with("schedule:\n  cron: '*/15 * * * *'\n  timezone: Europe/Berlinn\n"), @"trueup.yaml:5: `schedule.timezone`: `Europe/Berlinn` is not known (use an IANA name: Europe/Berlin)");
    assert_snapshot!(with("schedule: {cron: '0 0 * * *', jitter_seconds: 86400}\n"), @"trueup.yaml:3: `schedule.jitter_seconds`: has to be a whole number from 0 to 3600");
    assert_snapshot!(with("schedule: {cron: '0 3 * * 1-5', timezone: Europe/Berlin}\n"), @"valid");
}

/// Forges: one, with credentials, over https.
#[test]
fn forges() {
    assert_snapshot!(with("forge:\n  local: {folder: prs}\n  github: {repository: a/b, token_env: T}\n"), @"
    trueup.yaml:4: `forge` names two forges (give one of `github: {…}` and `local: {folder: …}`)
    trueup.yaml:5: `forge.github.token_env`: the environment variable T is not set (set it, or name a file)
    ");
    assert_snapshot!(with("forge: {}\n"), @"trueup.yaml:3: `forge` names no forge (give one of `github: {…}` and `local: {folder: …}`)");
    assert_snapshot!(with("forge: {gitlab: {repository: a/b}}\n"), @"
    trueup.yaml:3: `forge` names no forge (give one of `github: {…}` and `local: {folder: …}`)
    trueup.yaml:3: unknown key `gitlab` in `forge` (did you mean `github`?)
    ");
    assert_snapshot!(with("forge: {github: {repository: a/b}}\n"), @"trueup.yaml:3: `forge.github` has no credentials (name them: token_env, token_file or app)");
    assert_snapshot!(with("forge: {github: {repository: a/b, token_env: GITHUB_TOKEN}}\n"), @"trueup.yaml:3: `forge.github.token_env`: the environment variable GITHUB_TOKEN is not set (set it, or name a file)");
    assert_snapshot!(with("forge: {github: {repository: https://github.com/a/b, token_env: T, base_url: http://ghe.example/api/v3}}\n"), @"
    trueup.yaml:3: `forge.github.base_url`: is no https address (https://HOST/api/v3 for GitHub Enterprise)
    trueup.yaml:3: `forge.github.repository`: is no `owner/name` (as in the address of the repository: company/ml-config)
    trueup.yaml:3: `forge.github.token_env`: the environment variable T is not set (set it, or name a file)
    ");
    assert_snapshot!(with("forge: {github: {repository: a/b, app: {app_id: x}}}\n"), @"
    trueup.yaml:3: `forge.github.app.app_id` has to be a whole number, not a text
    trueup.yaml:3: `forge.github.app.installation_id` is missing
    trueup.yaml:3: `forge.github.app.private_key_file` is missing
    ");
}

/// Secrets are named by one of file and variable, which hold something.
#[test]
fn credentials() {
    assert_snapshot!(with("secrets: {key_file: nowhere}\n"), @"trueup.yaml:3: `secrets.key_file`: nowhere cannot be read: entity not found");
    assert_snapshot!(with("secrets: {key_file: a, key_env: B}\n"), @"
    trueup.yaml:3: `secrets.key_env`: stands beside `key_file` (give one of the two)
    trueup.yaml:3: `secrets.key_file`: a cannot be read: entity not found
    ");
    assert_snapshot!(with("alerts: {webhook_url_env: HOOK}\n"), @"trueup.yaml:3: `alerts.webhook_url_env`: the environment variable HOOK is not set (set it, or name a file)");
    assert_snapshot!(with("alerts: {webhook_url: https://hooks.example/T0/abc}\n"), @"trueup.yaml:3: unknown key `webhook_url` in `alerts` (did you mean `webhook_url_env`?)");
    let empty = [
        ("trueup.yaml", "repository: {url: https://git.example/c, token_file: token}\nsources: [{name: a}]\n"),
        ("token", " \n"),
    ];
    assert_snapshot!(problems_of(&empty, &[]), @"trueup.yaml:1: `repository.token_file`: token is empty");
}

/// Alerts go where nobody can listen in, and the address is not repeated.
#[test]
fn alerts() {
    let least = super::LEAST;
    let named =
        |url| problems_of(&[("trueup.yaml", &format!("{least}alerts: {{webhook_url_env: HOOK}}\n"))], &[("HOOK", url)]);
    let given = |url| problems_of(&[("trueup.yaml", least)], &[("ALERT_WEBHOOK_URL", url)]);
    assert_snapshot!(named("http://hooks.example/T0/abc"), @"trueup.yaml:3: the alert webhook must be an https:// address (http:// only on this machine)");
    assert_snapshot!(given("hooks.example/T0/abc"), @"ALERT_WEBHOOK_URL: the alert webhook must be an https:// address (http:// only on this machine)");
    for fine in ["https://hooks.example/T0/abc", "http://127.0.0.1:9093/hook"] {
        assert_eq!((named(fine), given(fine)), ("valid".to_owned(), "valid".to_owned()), "{fine}");
    }
}

/// Addresses of the repository, and no password of one is ever repeated.
#[test]
fn repository_addresses() {
    let address = |url: &str| problems(&format!("repository:\n  url: {url}\n  token_env: T\nsources: [{{name: a}}]\n"));
    let with_token = |url: &str| {
        problems_of(
            &[("trueup.yaml", &format!("repository:\n  url: {url}\n  token_env: T\nsources: [{{name: a}}]\n"))],
            &[("T", "t0ken")],
        )
    };
    assert_snapshot!(with_token("https://ada:pa55word@git.example/c"), @"trueup.yaml:2: `repository.url`: holds credentials (name them with token_file or token_env, and keep the address plain)");
    assert_snapshot!(with_token("https://pa55word@git.example/c"), @"trueup.yaml:2: `repository.url`: holds credentials (name them with token_file or token_env, and keep the address plain)");
    assert_snapshot!(with_token("ssh://git:pa55word@git.example/c"), @"trueup.yaml:2: `repository.url`: holds credentials (name them with token_file or token_env, and keep the address plain)");
    assert_snapshot!(with_token("git:pa55word@git.example:c"), @"trueup.yaml:2: `repository.url`: holds credentials (ssh takes a key: name it with ssh_key)");
    assert_snapshot!(with_token("http://git.example/c"), @"trueup.yaml:2: `repository.url`: would send the token in clear (use https)");
    assert_snapshot!(with_token("git://git.example/c"), @"trueup.yaml:2: `repository.url`: the scheme git is not supported (use https, ssh or file)");
    assert_snapshot!(address("https://git.example/c"), @"trueup.yaml:3: `repository.token_env`: the environment variable T is not set (set it, or name a file)");
    for fine in [
        "https://git.example/c",
        "ssh://git@git.example/c",
        "git@git.example:c",
        "../config.git",
        "/srv/c.git",
        "http://127.0.0.1:3000/c",
    ] {
        assert_eq!(with_token(fine), "valid", "{fine}");
    }
}

/// Sources lie inside the repository and have a name each.
#[test]
fn sources() {
    let sources = |list: &str| problems(&format!("repository: {{url: https://git.example/c}}\nsources:\n{list}"));
    assert_snapshot!(sources("  - {name: a, path: ../other}\n  - {name: b, path: /etc}\n  - {name: c, path: x/../../y}\n"), @"
    trueup.yaml:3: `sources[0].path`: leaves the repository (give the folder relative to the repository's root)
    trueup.yaml:4: `sources[1].path`: leaves the repository (give the folder relative to the repository's root)
    trueup.yaml:5: `sources[2].path`: leaves the repository (give the folder relative to the repository's root)
    ");
    assert_snapshot!(sources("  - {name: a}\n  - name: b\n  - name: a\n"), @"trueup.yaml:5: `sources[2].name`: `a` names another source already (names have to differ)");
    assert_eq!(sources("  - {name: a, path: ./apps/}\n  - {name: b, path: .}\n"), "valid");
    assert_snapshot!(sources("  - {name: a, jinja: {values: [v.yaml]}}\n  - name: b\n    renderer: jinja\n    jinja:\n      values: [./v.yaml, ../up.yaml]\n      kustomise: true\n"), @"
    trueup.yaml:3: `sources[0].jinja`: is for `renderer: jinja` (name that renderer, or remove the section)
    trueup.yaml:7: `sources[1].jinja.values`: leaves the repository (give the folder relative to the repository's root)
    trueup.yaml:8: unknown key `kustomise` in `sources[1].jinja` (did you mean `kustomize`?)
    ");
}

/// Where the rules of delivery tools are read.
#[test]
fn delivery_rules() {
    assert_snapshot!(with("delivery_rules: {from: [cluster, repository], folders: [./argocd/], namespaces: [argocd], argocd_namespace: ops}\n"), @"valid");
    assert_snapshot!(with("delivery_rules: {from: git, folder: [x], folders: [../up]}\n"), @"
    trueup.yaml:3: `delivery_rules.folders`: leaves the repository (give the folder relative to the repository's root)
    trueup.yaml:3: `delivery_rules.from`: `git` is none of its values (known are `cluster`, `repository`)
    trueup.yaml:3: unknown key `folder` in `delivery_rules` (did you mean `folders`?)
    ");
}

/// Selectors, thresholds and ignore rules that mean nothing.
#[test]
fn what_counts() {
    assert_snapshot!(with("cluster: {label_selector: 'a in b'}\n"), @"trueup.yaml:3: `cluster.label_selector`: `a in b` needs its values in brackets: `key in (a,b)` (write it as `kubectl -l` takes it: drift-monitoring=enabled)");
    assert_snapshot!(with("thresholds:\n  default: 10%\n  spec.replicas: 2\n  'spec..x': 0.1\n"), @r#"
    trueup.yaml:4: the threshold of `default` has to be a number from 0 to 1
    trueup.yaml:5: the threshold of `spec.replicas` has to be a number from 0 to 1
    trueup.yaml:6: expected a field name, quote it as `["a.b/c"]` at column 6 of the field path `spec..x`
    "#);
    assert_snapshot!(with("ignore:\n  - {reason: because}\n  - {path: 'spec.[x'}\n"), @r#"
    trueup.yaml:4: an ignore rule without a criterion would ignore everything (give kind, namespace, name, path, rule or changed_by)
    trueup.yaml:5: `ignore[1].path`: expected a field name, quote it as `["a.b/c"]` at column 6 of the field path `spec.[x`
    "#);
}

/// Text that is no YAML, or more than one document of it.
#[test]
fn broken_files() {
    assert_snapshot!(with("cluster: {name: x\n"), @"trueup.yaml:3: unclosed bracket '{' (mend the YAML)");
    assert_snapshot!(with("  odd: indentation\n"), @"trueup.yaml:3: while parsing a block mapping, did not find expected key (mend the YAML)");
    assert_snapshot!(with("---\ncluster: {name: x}\n"), @"trueup.yaml:4: a second document (keep the configuration in one document)");
    assert_snapshot!(with("cluster: *nobody\n"), @"trueup.yaml:3: while parsing node, found unknown anchor (mend the YAML)");
}

/// Every problem of a file is an error with a place, so that an editor can jump to it.
#[test]
fn problems_have_places() {
    let folder = tempfile::tempdir().expect("folder");
    let text =
        "repository: {url: ftp://x, tokenfile: a}\nsources: [{name: a, path: ..}]\nforge: {}\nextra: 1\nignore: [{}]\n";
    let found = load(folder.path(), &[("trueup.yaml", text)], &[]).expect_err("it is wrong");
    assert_eq!(found.len(), 6, "{found:#?}");
    for problem in found {
        assert!(problem.place.as_ref().is_some_and(|place| place.line.is_some()), "{problem}");
    }
}

/// What a source cannot own, and rows that fit everything, are refused with what to write instead.
#[test]
fn what_is_owned() {
    let owning = |owns: &str| problems(&LEAST.replace("path: apps}]", &format!("path: apps, owns: {owns}}}]")));
    for (owns, expected) in [
        ("{namespaces: [shop]}", "valid"),
        ("{selector: 'a=b', kinds: [ConfigMap, apps/Deployment, Namespace, cert-manager.io/Issuer]}", "valid"),
        (
            "{namespaces: [a], kinds: [ConfigMap, Event, coordination.k8s.io/Lease]}",
            "warning: apps owns Event, and the table of unmanaged objects skips all of them (take it out of `owns.kinds`, or add a row with `treat_as: drift` to `unmanaged`)\nwarning: apps owns Lease.coordination.k8s.io, and the table of unmanaged objects skips all of them (take it out of `owns.kinds`, or add a row with `treat_as: drift` to `unmanaged`)",
        ),
        (
            "{kinds: [ConfigMap]}",
            "trueup.yaml:2: `owns` needs `namespaces` or `selector` (give the namespaces that belong to the source, the labels of its objects, or both)",
        ),
        (
            "{selector: 'a in b'}",
            "trueup.yaml:2: `sources[0].owns.selector`: `a in b` needs its values in brackets: `key in (a,b)` (write it as `kubectl -l` takes it: app.kubernetes.io/part-of=shop)",
        ),
        (
            "{namespaces: [a], kinds: [Deployment]}",
            "trueup.yaml:2: `sources[0].owns.kinds`: `Deployment` is no kind of the core group (write apps/Deployment)",
        ),
        (
            "{namespaces: [a], kinds: [apps/v1/Deployment]}",
            "trueup.yaml:2: `sources[0].owns.kinds`: `apps/v1/Deployment` has to be KIND or GROUP/KIND (ConfigMap, apps/Deployment)",
        ),
        (
            "{namespaces: [a], kinds: ['*']}",
            "trueup.yaml:2: `sources[0].owns.kinds`: `*` names no kind (`*` is not taken here: name each kind)",
        ),
        (
            "{namespaces: [a], kinds: [rbac.authorization.k8s.io/ClusterRole]}",
            "trueup.yaml:2: `sources[0].owns.kinds`: `rbac.authorization.k8s.io/ClusterRole` has no namespaces (objects without a namespace are owned by their labels: give a selector)",
        ),
    ] {
        assert_eq!(owning(owns), expected, "{owns}");
    }
    let rows = |rows: &str| with_file("unmanaged", "rows.yaml", rows);
    for (text, expected) in [
        ("unmanaged: [{kinds: ['x.io/*'], treat_as: drift}, {names: a, annotation: 'b=*c*', reason: d}]", "valid"),
        (
            "unmanaged: [{reason: all}]",
            "rows.yaml:1: a row without a criterion would fit every object (give kinds, namespaces, names, label, annotation or types)",
        ),
        (
            "unmanaged: [{kinds: a/b/C}]",
            "rows.yaml:1: `unmanaged[0].kinds`: `a/b/C` has to be KIND or GROUP/KIND (`*` for any)",
        ),
        (
            "unmanaged: [{names: a, treat_as: nothing}]",
            "rows.yaml:1: `unmanaged[0].treat_as`: `nothing` is none of its values (known are `skipped`, `ignored`, `drift`)",
        ),
    ] {
        assert_eq!(rows(text), expected, "{text}");
    }
}
