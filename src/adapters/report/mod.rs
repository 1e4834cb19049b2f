//! Reports: a [`RunReport`] as a table for a terminal, as versioned JSON, or as Markdown for a pull request or an
//! issue. Text in, text out; what comes from manifests or the cluster is never printed raw.

mod beside;
mod json;
mod markdown;
mod story;
mod table;

use std::collections::BTreeSet;

use clap::ValueEnum;

use crate::domain::drift::ignore::IgnoreRule;
use crate::domain::drift::{ChangedBy, Commit, Confidence, DriftItem, Verdict};
use crate::domain::outcome::{RunReport, SetAside};
use crate::domain::printable;
use crate::domain::problem::Level;

/// Columns that a path may take: keys of custom resources can be as long as anybody likes.
const PATH: usize = 240;

/// How a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Format {
    /// A table for people.
    #[default]
    Table,
    /// JSON for programs, see docs/report.md.
    Json,
    /// Markdown for a pull request or an issue.
    Markdown,
}

/// What a report shows, and on what.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Columns of the terminal; none for a file or a pipe, which take lines of any length.
    pub width: Option<usize>,
    /// Whether severities are coloured; only in the table.
    pub color: bool,
    /// Whether what was tolerated and ignored is shown too.
    pub all: bool,
    /// Whether the table says since when each value is declared.
    pub details: bool,
}

/// Writes a report. The text ends with a line end.
pub fn render(report: &RunReport, format: Format, options: &Options) -> String {
    match format {
        Format::Table => table::render(report, options),
        Format::Json => json::render(report, options),
        Format::Markdown => markdown::render(report, options),
    }
}

/// `3 drift items in 2 resources: 1 critical, 2 low; score 0.93`, or why there is none.
fn headline(report: &RunReport) -> String {
    let drift = report.drift().count();
    let unsynced = match report.items.len() - drift {
        0 => String::new(),
        1 => "; 1 item waits for its delivery".to_owned(),
        count => format!("; {count} items wait for their delivery"),
    };
    if drift == 0 {
        let nothing = match (report.counts.declared, is_complete(report)) {
            (_, false) => "no drift found in what could be read; the result is incomplete, see the problems".to_owned(),
            (0, true) => "nothing is declared, so nothing was compared".to_owned(),
            (_, true) => format!("no drift found, {}", compared(report)),
        };
        return nothing + &unsynced;
    }
    let severities: Vec<String> =
        story::by_severity(report.drift()).into_iter().map(|(severity, count)| format!("{count} {severity}")).collect();
    let resources: BTreeSet<_> = report.drift().map(|item| (&item.source, &item.resource)).collect();
    format!(
        "{} in {}: {}; score {:.2}{unsynced}",
        counted(drift, "drift item"),
        counted(resources.len(), "resource"),
        severities.join(", "),
        report.score,
    )
}

/// `40 of 42 declared resources compared with 380 live objects`.
fn compared(report: &RunReport) -> String {
    let counts = &report.counts;
    let mut text = format!(
        "{} of {} compared with {}",
        counts.compared,
        counted(counts.declared, "declared resource"),
        counted(counts.live, "live object")
    );
    if counts.unknown > 0 {
        text.push_str(&format!(", {} unknown", counts.unknown));
    }
    text
}

/// Whether every problem is a warning, so that nothing is missing from the result.
fn is_complete(report: &RunReport) -> bool {
    report.problems.iter().all(|problem| problem.level == Level::Warning)
}

/// `1 resource`, `2 resources`.
fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// The entry of the config's `ignore` list that silences exactly this item, line by line.
fn rule_lines(item: &DriftItem) -> Vec<String> {
    IgnoreRule::exactly(item).to_yaml().lines().map(str::to_owned).collect()
}

/// The path of an item as text, `(whole resource)` for the root.
fn path_text(item: &DriftItem) -> String {
    path_or_whole(&item.path.to_string())
}

/// The path of a difference that does not count, likewise.
fn aside_path(aside: &SetAside) -> String {
    path_or_whole(&aside.path)
}

fn path_or_whole(path: &str) -> String {
    if path.is_empty() {
        return "(whole resource)".to_owned();
    }
    printable::shorten_start(&printable::visible(path), PATH).into_owned()
}

/// Declared and live value of an item; a whole resource says only whether it is there.
fn sides(item: &DriftItem) -> (String, String) {
    let text = |value: &Option<serde_json::Value>, absent: &str| match value {
        Some(_) if item.path.is_root() => "(present)".to_owned(),
        Some(value) => printable::value(value),
        None => absent.to_owned(),
    };
    let (declared, live) = (text(&item.declared, "(not declared)"), text(&item.live, "(missing)"));
    (declared, live)
}

/// `structural`, `structural (potential)` where one of the two signals is missing, and `structural (unsynced)`.
fn drift_text(item: &DriftItem) -> String {
    match (item.verdict, item.confidence) {
        (Verdict::Unsynced, _) => format!("{} (unsynced)", item.drift),
        (_, Confidence::Confirmed) => item.drift.to_string(),
        (_, Confidence::Potential) => format!("{} (potential)", item.drift),
    }
}

/// What the history says about a delivery that is behind; none where it is not.
fn delay_text(item: &DriftItem) -> Option<String> {
    let commit = commit_text(item.unsynced_since.as_ref()?);
    Some(match item.verdict {
        Verdict::Unsynced => format!("waits for the delivery of {commit}"),
        _ => format!("the delivery has not caught up since {commit}, until which Git declared what is live"),
    })
}

/// `0123456789ab by Ada at 2026-11-24T01:58:11Z (subject)`, as far as the commit says.
fn commit_text(commit: &Commit) -> String {
    let author = commit.author.as_ref().map(|author| format!(" by {author}")).unwrap_or_default();
    let at = commit.at.map(|at| format!(" at {at}")).unwrap_or_default();
    let subject = commit.subject.as_ref().map(|subject| format!(" ({subject})")).unwrap_or_default();
    printable::visible(&format!("{}{author}{at}{subject}", commit.short())).into_owned()
}

/// `kubectl-edit (person)`, with the subresource if there is one.
fn writer_text(by: &ChangedBy) -> String {
    let manager = printable::visible(&by.manager);
    match &by.subresource {
        Some(subresource) => format!("{manager} ({}, {})", by.class, printable::visible(subresource)),
        None => format!("{manager} ({})", by.class),
    }
}

/// What was decided about an item: `restore_from_baseline (limits)`, or why nothing; none where nobody was asked.
fn decision_text(report: &RunReport, item: usize) -> Option<String> {
    let decision = report.decisions.get(item)?;
    Some(match (decision.action, &decision.policy_name) {
        (Some(action), Some(policy)) => format!("{action} ({})", printable::visible(policy)),
        (Some(action), None) => action.to_string(),
        (None, _) => format!("none: {}", printable::visible(&decision.reason)),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::drift::{Aspect, Category, Change, DriftKind, ManagerClass, Severity, Verdict};
    use crate::domain::field_path::FieldPath;
    use crate::domain::outcome::{Counts, Outcome, UnitResult};
    use crate::domain::policy::ActionType;
    use crate::domain::policy::decide::Decision;
    use crate::domain::problem::{Place, Problem};
    use crate::domain::resource::{GroupKind, Origin, ResourceId};

    fn item(path: &str, drift: DriftKind, severity: Severity) -> DriftItem {
        DriftItem {
            source: "apps".to_owned(),
            resource: ResourceId::new(GroupKind::new("apps", "Deployment"), Some("payments"), "web"),
            labels: Vec::new(),
            origin: Some(Origin { file: "apps/web.yaml".to_owned(), document: 0, line: 12, list_item: None }),
            path: path.parse().expect("a valid path"),
            drift,
            change: Change::Changed,
            verdict: Verdict::ClusterDrift,
            repository_drift: false,
            aspect: Aspect::Other,
            category: Category::Infrastructure,
            severity,
            score: 0.5,
            score_reasons: Vec::new(),
            baseline: None,
            declared: None,
            live: None,
            magnitude: 1.0,
            is_amount: false,
            confidence: Confidence::Confirmed,
            changed_by: None,
            declared_by: None,
            declared_at: None,
            unsynced_since: None,
            native_default: None,
            rule: None,
            meaning: None,
            caused_by: Vec::new(),
            fingerprint: "f".to_owned(),
        }
    }

    fn sample() -> RunReport {
        let mut story = item("", DriftKind::Semantic, Severity::Critical);
        story.rule = Some("privileged-container");
        story.meaning = Some("container web runs privileged".to_owned());
        story.caused_by = vec!["spec.privileged".parse().expect("a valid path")];
        let mut cause = item("spec.privileged", DriftKind::Structural, Severity::High);
        cause.change = Change::Added;
        cause.live = Some(json!(true));
        cause.changed_by = Some(ChangedBy {
            manager: "kubectl-edit".to_owned(),
            class: ManagerClass::Person,
            operation: "Update".to_owned(),
            subresource: None,
            at: Some("2026-11-24T01:58:11Z".to_owned()),
        });
        let mut value = item("spec.replicas", DriftKind::Value, Severity::Medium);
        (value.declared, value.live, value.is_amount) = (Some(json!(3)), Some(json!(5)), true);
        let mut missing = item("", DriftKind::Structural, Severity::High);
        missing.resource = ResourceId::new(GroupKind::new("", "Service"), Some("payments"), "web");
        (missing.change, missing.verdict) = (Change::Removed, Verdict::Missing);
        missing.declared = Some(json!({"kind": "Service"}));
        missing.origin = None;
        let decision = |action, name: &str, reason: &str| Decision {
            action,
            policy: None,
            policy_name: (!name.is_empty()).then(|| name.to_owned()),
            reason: reason.to_owned(),
        };
        RunReport {
            cluster: "prod".to_owned(),
            started_at: "2026-11-24T02:00:00Z".to_owned(),
            commit: Some("0123456789abcdef0123456789abcdef01234567".to_owned()),
            counts: Counts { declared: 42, live: 380, compared: 41, unknown: 1 },
            items: vec![story, cause, missing, value],
            decisions: vec![
                decision(Some(ActionType::RestoreFromBaseline), "security", "matched"),
                decision(Some(ActionType::RestoreFromBaseline), "security", "matched"),
                decision(None, "", "no applicable action"),
                decision(Some(ActionType::AdoptLive), "scale", "matched"),
            ],
            ignored: vec![SetAside {
                resource: ResourceId::new(GroupKind::new("apps", "Deployment"), Some("payments"), "web"),
                path: "metadata.labels.x".to_owned(),
                reason: "ignored by rule 1".to_owned(),
            }],
            problems: vec![
                Problem::error("listing v1 Secret is forbidden")
                    .at(Place::line("apps/db.yaml", 3))
                    .help("grant list on secrets"),
            ],
            units: vec![UnitResult {
                source: "apps".to_owned(),
                resource: ResourceId::new(GroupKind::new("apps", "Deployment"), Some("payments"), "web"),
                items: vec![0, 1],
                outcome: Outcome::NeedsPerson,
                reason: "no edit of Git removes it".to_owned(),
                leftovers: Vec::new(),
                commands: vec!["kubectl -n payments patch deployment.apps/web".to_owned()],
                proposal: None,
                diff: String::new(),
                url: None,
            }],
            score: 0.934,
            ..RunReport::default()
        }
    }

    /// One story for each resource: the semantic item with its cause below it, then the rest; problems at the end.
    #[test]
    fn table_in_columns() {
        insta::assert_snapshot!(render(&sample(), Format::Table, &Options::default()), @r#"
        prod: 4 drift items in 2 resources: 1 critical, 2 high, 1 medium; score 0.93
        41 of 42 declared resources compared with 380 live objects, 1 unknown; commit 0123456789ab; incomplete, see the problems

          SEVERITY  DRIFT         FIELD             DECLARED → LIVE        CHANGED BY (AT OR BEFORE)                   DECISION
        Deployment payments/web  apps/web.yaml:12
          critical  semantic      (whole resource)                         -                                           restore_from_baseline (security)
                    container web runs privileged
          high      └ structural  spec.privileged   (not declared) → true  kubectl-edit (person) 2026-11-24T01:58:11Z
          medium    value         spec.replicas     3 → 5                  -                                           adopt_live (scale)
        Service payments/web
          high      structural    (whole resource)  (present) → (missing)  not recorded for removals                   none: no applicable action

        Proposals
          needs_person  Deployment payments/web
                        no edit of Git removes it
                        $ kubectl -n payments patch deployment.apps/web

        not shown: 0 tolerated, 1 ignored (--all shows them)

        Problems: 1 error
          error    apps/db.yaml:3: listing v1 Secret is forbidden
                   grant list on secrets
        "#);
    }

    /// What waits for its delivery is no drift; since when a value is declared is told where details are asked for.
    #[test]
    fn table_with_history() {
        let mut report = sample();
        report.problems.clear();
        report.items.drain(..3);
        report.decisions.clear();
        let at = "2026-01-02T03:04:05Z".parse().ok();
        let text = |text: &str| Some(text.to_owned());
        let commit = Commit { commit: "a".repeat(40), author: text("Ada"), at, subject: text("five of them") };
        report.items[0].declared_by = Some(commit.clone());
        report.items[0].unsynced_since = Some(commit);
        let details = Options { details: true, ..Options::default() };
        report.items.push(DriftItem {
            verdict: Verdict::Unsynced,
            severity: Severity::Info,
            ..report.items[0].clone()
        });
        report.units.clear();
        insta::assert_snapshot!(render(&report, Format::Table, &details), @r#"
        prod: 1 drift item in 1 resource: 1 medium; score 0.93; 1 item waits for its delivery
        41 of 42 declared resources compared with 380 live objects, 1 unknown; commit 0123456789ab

          SEVERITY  DRIFT             FIELD          DECLARED → LIVE  CHANGED BY (AT OR BEFORE)
        Deployment payments/web  apps/web.yaml:12
          medium    value             spec.replicas  3 → 5            -
                    the delivery has not caught up since aaaaaaaaaaaa by Ada at 2026-01-02T03:04:05Z (five of them), until which Git declared what is live
                    declared so since aaaaaaaaaaaa by Ada at 2026-01-02T03:04:05Z (five of them)
          info      value (unsynced)  spec.replicas  3 → 5            -
                    waits for the delivery of aaaaaaaaaaaa by Ada at 2026-01-02T03:04:05Z (five of them)
                    declared so since aaaaaaaaaaaa by Ada at 2026-01-02T03:04:05Z (five of them)

        not shown: 0 tolerated, 1 ignored (--all shows them)
        "#);
        report.items.remove(0);
        let text = render(&report, Format::Markdown, &Options::default());
        insta::assert_snapshot!(text, @r#"
        ## Drift of `prod`

        no drift found, 41 of 42 declared resources compared with 380 live objects, 1 unknown; 1 item waits for its delivery.

        commit `0123456789ab`.


        ### `Deployment payments/web` in `apps/web.yaml:12`

        | Severity | Drift | Field | Declared | Live | Changed by |
        | --- | --- | --- | --- | --- | --- |
        | **info** | value (unsynced) | `spec.replicas` waits for the delivery of aaaaaaaaaaaa by Ada at 2026-01-02T03:04:05Z (five of them) | `3` | `5` |  |
        "#);
    }

    /// On a narrow terminal every item takes several short lines.
    #[test]
    fn table_on_a_narrow_terminal() {
        let text = render(&sample(), Format::Table, &Options { width: Some(60), all: true, ..Options::default() });
        insta::assert_snapshot!(text, @r#"
        prod: 4 drift items in 2 resources: 1 critical, 2 high, 1 medium; score 0.93
        41 of 42 declared resources compared with 380 live objects, 1 unknown; commit 0123456789ab; incomplete, see the problems

        Deployment payments/web  apps/web.yaml:12
          critical  semantic  (whole resource)
            container web runs privileged
            decision: restore_from_baseline (security)
            └ high  structural  spec.privileged
              (not declared) → true
              changed by: kubectl-edit (person) 2026-11-24T01:58:11Z
          medium  value  spec.replicas
            3 → 5
            decision: adopt_live (scale)

        Service payments/web
          high  structural  (whole resource)
            (present) → (missing)
            changed by: not recorded for removals
            decision: none: no applicable action

        Proposals
          needs_person  Deployment payments/web
                        no edit of Git removes it
                        $ kubectl -n payments patch deployment.apps/web

        Rules that would silence these items, one each (`ignore` of the configuration)
          - kind: "Deployment.apps"
            name: "web"
            namespace: "payments"
            path: "."
            rule: "privileged-container"
          - kind: "Deployment.apps"
            name: "web"
            namespace: "payments"
            path: "spec.privileged"
          - kind: "Service.core"
            name: "web"
            namespace: "payments"
            path: "."
          - kind: "Deployment.apps"
            name: "web"
            namespace: "payments"
            path: "spec.replicas"

        Ignored
          Deployment payments/web  metadata.labels.x  (ignored by rule 1)

        Problems: 1 error
          error    apps/db.yaml:3: listing v1 Secret is forbidden
                   grant list on secrets
        "#);
    }

    /// The same as Markdown.
    #[test]
    fn markdown() {
        insta::assert_snapshot!(render(&sample(), Format::Markdown, &Options::default()), @r#"
        ## Drift of `prod`

        4 drift items in 2 resources: 1 critical, 2 high, 1 medium; score 0.93.

        41 of 42 declared resources compared with 380 live objects, 1 unknown; the result is incomplete, see the problems; commit `0123456789ab`.


        ### Problems

        - **error** `apps/db.yaml:3`: listing v1 Secret is forbidden (grant list on secrets)

        ### `Deployment payments/web` in `apps/web.yaml:12`

        | Severity | Drift | Field | Declared | Live | Changed by | Decision |
        | --- | --- | --- | --- | --- | --- | --- |
        | **critical** | semantic | (whole resource) container web runs privileged |  |  |  | restore\_from\_baseline (security) |
        | ↳ high | structural | `spec.privileged` | (not declared) | `true` | kubectl-edit (person) at or before 2026-11-24T01:58:11Z | restore\_from\_baseline (security) |
        | **medium** | value | `spec.replicas` | `3` | `5` |  | adopt\_live (scale) |

        ### `Service payments/web`

        | Severity | Drift | Field | Declared | Live | Changed by | Decision |
        | --- | --- | --- | --- | --- | --- | --- |
        | **high** | structural | (whole resource) | (present) | (missing) | not recorded for removals | none: no applicable action |

        ### Proposals

        - **needs_person** `Deployment payments/web`: no edit of Git removes it
          - `kubectl -n payments patch deployment.apps/web`
        "#);
    }

    /// Colours only on request, and only around severities and headings.
    #[test]
    fn colour_is_asked_for() {
        let plain = render(&sample(), Format::Table, &Options::default());
        let painted = render(&sample(), Format::Table, &Options { color: true, ..Options::default() });
        assert!(!plain.contains('\x1b') && painted.contains("\x1b[1;31mcritical\x1b[0m"));
        let codes = regex::Regex::new("\x1b\\[[0-9;]*m").expect("a valid pattern");
        assert_eq!(codes.replace_all(&painted, ""), plain);
    }

    /// What is said when there is nothing to show, so that "nothing found" is never "nothing looked at".
    #[test]
    fn headlines_without_drift() {
        let counts = Counts { declared: 2, live: 3, compared: 2, unknown: 0 };
        let forbidden = vec![Problem::error("forbidden")];
        let cases = [
            (counts, vec![], "no drift found, 2 of 2 declared resources compared with 3 live objects"),
            (
                counts,
                vec![Problem::warning("w")],
                "no drift found, 2 of 2 declared resources compared with 3 live objects",
            ),
            (counts, forbidden, "no drift found in what could be read; the result is incomplete, see the problems"),
            (Counts::default(), vec![], "nothing is declared, so nothing was compared"),
        ];
        for (counts, problems, expected) in cases {
            let report = RunReport { counts, problems, ..RunReport::default() };
            assert_eq!(headline(&report), expected);
        }
    }

    /// Names, values and managers that try to steer the terminal, break the table or speak to people on the forge.
    #[test]
    fn hostile_text_stays_text() {
        const BAD: &str = "\x1b]0;x\x07\n| @octocat <b> `x` https://evil.example \u{202e}";
        let mut report = sample();
        for item in &mut report.items {
            item.path = FieldPath::fields(["metadata", "annotations", BAD]);
            item.live = Some(json!(BAD));
            item.meaning = Some(BAD.to_owned());
            item.resource.name = BAD.to_owned();
            item.changed_by = Some(ChangedBy {
                manager: BAD.to_owned(),
                class: ManagerClass::Unknown,
                operation: "Update".to_owned(),
                subresource: Some(BAD.to_owned()),
                at: Some(BAD.to_owned()),
            });
            let bad = Some(BAD.to_owned());
            let commit = Commit { commit: BAD.to_owned(), author: bad.clone(), at: None, subject: bad };
            (item.declared_by, item.unsynced_since) = (Some(commit.clone()), Some(commit));
        }
        report.decisions[2].reason = BAD.to_owned();
        report.units[0].reason = BAD.to_owned();
        report.units[0].commands = vec![BAD.to_owned()];
        report.units[0].url = Some(format!("https://x{BAD}"));
        report.closed = vec![format!("https://x{BAD}")];
        report.problems[0].message = BAD.to_owned();
        report.problems[0].place = Some(Place::file(BAD));
        report.cluster = BAD.to_owned();
        for width in [None, Some(40)] {
            for format in [Format::Table, Format::Json, Format::Markdown] {
                let text = render(&report, format, &Options { width, all: true, color: false, details: true });
                let hidden = text.chars().find(|char| *char != '\n' && printable::is_hidden(*char));
                assert_eq!(hidden, None, "{format:?}");
            }
        }
        let markdown = render(&report, Format::Markdown, &Options::default());
        let outside = regex::Regex::new("(``+) .*? ``+|``+.*?``+|`[^`]*`").expect("a valid pattern");
        let outside = outside.replace_all(&markdown, "CODE");
        for live in ["@octocat", "<b>", "https://evil"] {
            assert!(!outside.contains(live), "{live} in {outside}");
        }
    }

    /// A report that is too long is cut between rows and says so.
    #[test]
    fn markdown_is_cut_between_rows() {
        let mut report = sample();
        report.items = (0..2000)
            .map(|number| {
                let mut item = item(&format!("spec.field{number}"), DriftKind::Value, Severity::Low);
                item.live = Some(json!("x".repeat(70)));
                item
            })
            .collect();
        report.decisions.clear();
        let text = render(&report, Format::Markdown, &Options::default());
        assert!(text.chars().count() <= 65_536);
        assert!(text.contains("more lines left out"));
        for row in text.lines().filter(|line| line.starts_with('|')) {
            assert_eq!(row.matches(" | ").count(), 5, "{row}");
        }
    }
}
