//! The text of a pull request: what drifted, what merging and closing do, the proof, and who asked.
//! Everything that comes from the cluster or the repository is escaped; the body fits the forge's limit.

use std::fmt::Write;

use serde_json::Value;

use crate::domain::drift::ignore::IgnoreRule;
use crate::domain::drift::{Change, Commit, DriftItem, DriftKind};
use crate::domain::markdown;
use crate::domain::merge_effects::delivery;
use crate::domain::plan::{Unit, Whole};
use crate::domain::policy::{ActionType, Policy};
use crate::domain::proposal::Marker;
use crate::domain::source::Source;

/// GitHub's limit for a body, in characters.
pub const BODY_LIMIT: usize = 65_536;
const ROWS: usize = 50;
/// Fields that are named for one commit.
const FIELDS: usize = 8;

/// What the text is about.
#[derive(Debug, Clone, Copy)]
pub struct Story<'a> {
    /// Name of the cluster.
    pub cluster: &'a str,
    /// The unit.
    pub unit: &'a Unit,
    /// Every item of the run; the unit points into it.
    pub items: &'a [DriftItem],
    /// The policy that asked.
    pub policy: &'a Policy,
    /// The source.
    pub source: &'a Source,
    /// What merging does to pods and which hooks run, in sentences of Markdown.
    pub effects: &'a [String],
    /// What the proof showed, one line for each field that changes after rendering.
    pub proof: &'a [String],
    /// The commit that was compared.
    pub commit: &'a str,
    /// Version of trueup.
    pub version: &'a str,
}

impl Story<'_> {
    fn answered(&self) -> impl Iterator<Item = &DriftItem> {
        self.unit.items.iter().map(|item| &self.items[*item])
    }

    /// One line: `Auto-remediation: restore memory limit of payments/web (high)`.
    pub fn title(&self) -> String {
        let what = match self.aspects() {
            aspects if aspects.is_empty() => self.unit.resource.to_string(),
            aspects => format!("{aspects} of {}", self.unit.resource),
        };
        let asked = match self.policy.action {
            _ if self.unit.whole == Some(Whole::Withdrawn) => format!("take {what} out of Git"),
            ActionType::RestoreFromBaseline => format!("restore {what}"),
            ActionType::UpdateToStandard => format!("bring {what} to the standard"),
            ActionType::AdoptLive => format!("adopt the live {what}"),
            ActionType::AlertAndTrack | ActionType::Ignore => format!("track {what}"),
        };
        format!("Auto-remediation: {asked} ({})", self.unit.severity)
    }

    /// What it is about, in at most two words; nothing where it is about the whole resource.
    fn aspects(&self) -> String {
        let is_told = |item: &DriftItem| {
            let mut meanings = self.answered().filter(|other| other.drift == DriftKind::Semantic);
            item.drift != DriftKind::Semantic && meanings.any(|meaning| meaning.caused_by.contains(&item.path))
        };
        let mut aspects: Vec<_> = Vec::new();
        for item in self.answered().filter(|item| !item.path.is_root() && !is_told(item)) {
            if !aspects.contains(&item.aspect) {
                aspects.push(item.aspect);
            }
        }
        let more = if aspects.len() > 2 { " and more" } else { "" };
        let words: Vec<_> = aspects.iter().take(2).map(|aspect| aspect.as_str().replace('_', " ")).collect();
        format!("{}{more}", words.join(if more.is_empty() { " and " } else { ", " }))
    }

    /// The commit message: the title and a line for each field.
    pub fn commit_message(&self) -> String {
        let mut text = format!("{}\n\n", self.title());
        for line in self.proof {
            let _ = writeln!(text, "- {line}");
        }
        let _ = write!(text, "\nCluster: {}\nPolicy: {}\n", self.cluster, self.policy.name);
        text
    }

    /// The machine data.
    pub fn marker(&self) -> Marker {
        Marker {
            cluster: self.cluster.to_owned(),
            source: self.unit.source.clone(),
            resource: self.unit.resource.to_string(),
            fingerprints: self.answered().map(|item| item.fingerprint.clone()).collect(),
            attempt: self.unit.attempt,
            version: self.version.to_owned(),
        }
    }

    /// The body; sections are left out from the end of the table where it would be too long.
    pub fn body(&self) -> String {
        let mut rows = ROWS;
        loop {
            let body = self.body_with(rows);
            if body.chars().count() <= BODY_LIMIT || rows == 0 {
                return body;
            }
            rows /= 2;
        }
    }

    fn body_with(&self, rows: usize) -> String {
        let mut body = String::new();
        let resource = markdown::code(&self.unit.resource.to_string());
        let cluster = markdown::code(self.cluster);
        let _ = writeln!(body, "{resource} on the cluster {cluster} has drifted from Git. {}\n", self.intention());
        self.write_table(&mut body, rows);
        self.write_meanings(&mut body);
        self.write_history(&mut body, rows);
        let _ = writeln!(body, "### If you merge\n\n{}\n", self.after_merge());
        let _ = writeln!(
            body,
            "### If you close\n\ntrueup takes it as \"ignore exactly this\": it will not propose these values again, and asks anew \
             when they change. To silence it for good, add to the config:\n\n```yaml\n{}```\n",
            self.ignore_rules(rows.min(10))
        );
        self.write_leftovers(&mut body);
        let _ = writeln!(body, "### Proof\n");
        let _ = writeln!(body, "Rendered before and after; exactly this changes, in this resource and nowhere else:\n");
        for line in self.proof {
            let _ = writeln!(body, "- {}", markdown::code(line));
        }
        let approval = if self.policy.approval_required {
            "asks for a person's approval"
        } else {
            "does not ask for a person's approval"
        };
        let _ = writeln!(
            body,
            "\n<sub>Asked for by the policy {}, which {approval}. Source {}, commit {}, attempt {}, trueup {}.</sub>\n\n{}",
            markdown::code(&self.policy.name),
            markdown::code(&self.unit.source),
            markdown::code(self.commit.get(..12).unwrap_or(self.commit)),
            self.unit.attempt,
            self.version,
            self.marker().write()
        );
        body
    }

    fn intention(&self) -> &'static str {
        match self.policy.action {
            _ if self.unit.whole == Some(Whole::Withdrawn) => {
                "It is not there, and this takes its manifest out of Git."
            }
            _ if self.unit.whole.is_some() => "No source declares it, and this writes its manifest into Git.",
            ActionType::AdoptLive => "This writes the live values into Git.",
            ActionType::UpdateToStandard => "This writes the standard of the policy into Git.",
            _ if self.unit.changes.is_empty() => {
                "Git has the right values already; this makes the delivery apply them again."
            }
            _ => "This changes Git so that the delivery puts it right.",
        }
    }

    fn write_table(&self, body: &mut String, rows: usize) {
        let with_baseline = self.answered().any(|item| item.baseline.is_some());
        let baseline_head = if with_baseline { " Baseline |" } else { "" };
        let _ = writeln!(body, "| Field |{baseline_head} Git | Cluster | Severity | Last written by |");
        let _ = writeln!(body, "| --- |{} --- | --- | --- | --- |", if with_baseline { " --- |" } else { "" });
        let plain: Vec<_> = self.answered().filter(|item| item.drift != DriftKind::Semantic).collect();
        for item in plain.iter().take(rows) {
            let path = if item.path.is_root() { "the resource".to_owned() } else { cell(&item.path.to_string()) };
            let baseline = if with_baseline { format!(" {} |", shown(item.baseline.as_ref())) } else { String::new() };
            let _ = writeln!(
                body,
                "| {path} |{baseline} {} | {} | {} | {} |",
                shown(item.declared.as_ref()),
                shown(item.live.as_ref()),
                item.severity,
                author(item)
            );
        }
        if plain.len() > rows {
            let _ = writeln!(body, "\n… and {} more.", plain.len() - rows);
        }
        body.push('\n');
    }

    fn write_meanings(&self, body: &mut String) {
        let mut any = false;
        for item in self.answered() {
            let (Some(rule), Some(meaning)) = (item.rule, &item.meaning) else { continue };
            let _ = writeln!(body, "- **{rule}** ({}): {}", item.severity, markdown::escape(meaning));
            any = true;
        }
        if any {
            body.push('\n');
        }
    }

    /// Since which commits Git says what it says, and what of it the delivery has not applied.
    fn write_history(&self, body: &mut String, rows: usize) {
        let declared = |item: &DriftItem| item.declared.is_some();
        let since = self.by_commit(|item| item.declared_by.as_ref().filter(|_| declared(item)));
        let until = self.by_commit(|item| item.declared_by.as_ref().filter(|_| !declared(item)));
        let behind = self.by_commit(|item| item.unsynced_since.as_ref());
        for (what, commits) in [
            ("declared so since commit", &since),
            ("no longer declared since commit", &until),
            ("**the delivery has not caught up**; what is live is what Git declared until commit", &behind),
        ] {
            for (commit, fields) in commits.iter().take(rows) {
                let _ = writeln!(body, "- {fields}: {what} {}", commit_text(commit));
            }
        }
        if !(since.is_empty() && until.is_empty() && behind.is_empty()) {
            body.push('\n');
        }
    }

    /// Commits with the fields that they are named for, at most a few of them.
    fn by_commit(&self, named: impl Fn(&DriftItem) -> Option<&Commit>) -> Vec<(&Commit, String)> {
        let mut by_commit: Vec<(&Commit, Vec<String>)> = Vec::new();
        for item in self.answered().filter(|item| item.drift != DriftKind::Semantic) {
            let Some(commit) = named(item) else { continue };
            let is_whole = item.path.is_root();
            let field = if is_whole { "the resource".to_owned() } else { markdown::code(&item.path.to_string()) };
            match by_commit.iter_mut().find(|(known, _)| *known == commit) {
                Some((_, fields)) => fields.push(field),
                None => by_commit.push((commit, vec![field])),
            }
        }
        let few = |fields: Vec<String>| match fields.len().checked_sub(FIELDS) {
            Some(more @ 1..) => format!("{} and {more} more", fields[..FIELDS].join(", ")),
            _ => fields.join(", "),
        };
        by_commit.into_iter().map(|(commit, fields)| (commit, few(fields))).collect()
    }

    fn after_merge(&self) -> String {
        let mut parts = match &self.unit.whole {
            Some(Whole::Declared(_)) => vec![
                "From then on Git declares the object as it is now, and its delivery keeps it so. Nothing changes in the cluster."
                    .to_owned(),
            ],
            Some(Whole::Withdrawn) => vec![
                "From then on Git declares the object no longer. It is not in the cluster, so that nothing changes there."
                    .to_owned(),
            ],
            None if self.policy.action == ActionType::AdoptLive => {
                vec!["Git then has the live values, so that they stay when the manifest is applied again.".to_owned()]
            }
            None => vec![delivery(self.source.delivery.tool).to_owned()],
        };
        if let Some(paused) = self.source.delivered.as_ref().and_then(|delivered| delivered.paused.as_ref()) {
            let paused = markdown::escape(paused);
            parts.insert(0, format!("**Sync needed:** {paused}, so merging alone changes nothing in the cluster."));
        }
        if self.unit.whole.is_none() {
            parts.push(
                "The whole manifest is applied, so every field that Git declares returns to Git's value.".to_owned(),
            );
        }
        parts.extend_from_slice(self.effects);
        parts.join(" ")
    }

    fn write_leftovers(&self, body: &mut String) {
        if self.unit.leftovers.is_empty() {
            return;
        }
        let _ = writeln!(body, "### What merging does not do\n");
        for leftover in &self.unit.leftovers {
            let _ = writeln!(body, "- {}", markdown::escape(leftover));
        }
        if !self.unit.commands.is_empty() {
            let _ = writeln!(body, "\nBy hand:\n\n{}\n", markdown::code_block(&self.unit.commands.join("\n"), "sh"));
        }
    }

    fn ignore_rules(&self, rows: usize) -> String {
        let mut yaml = String::from("ignore:\n");
        for item in self.answered().filter(|item| item.drift != DriftKind::Semantic).take(rows.max(1)) {
            yaml.push_str(&IgnoreRule::exactly(item).to_yaml());
        }
        yaml
    }
}

fn cell(text: &str) -> String {
    markdown::table_cell(&markdown::code(text))
}

fn shown(value: Option<&Value>) -> String {
    const LONGEST: usize = 200;
    let text = match value {
        None => return "–".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    let short: String = text.chars().take(LONGEST).collect();
    if short.len() < text.len() { format!("{} …", cell(&short)) } else { cell(&short) }
}

fn commit_text(commit: &Commit) -> String {
    let author = commit.author.as_ref().map(|author| format!(" by {}", markdown::escape(author))).unwrap_or_default();
    let at = commit.at.map(|at| format!(", {at}")).unwrap_or_default();
    let subject = commit.subject.as_ref().map(|subject| format!(": {}", markdown::escape(subject))).unwrap_or_default();
    format!("{}{author}{at}{subject}", markdown::code(commit.short()))
}

fn author(item: &DriftItem) -> String {
    match &item.changed_by {
        Some(by) => {
            let at = by.at.as_ref().map(|at| format!(", at or before {}", markdown::escape(at))).unwrap_or_default();
            format!("{} ({}{at})", cell(&by.manager), by.class)
        }
        None if item.change == Change::Removed => "not recorded (a removal leaves no author)".to_owned(),
        None => "not recorded".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::plan::units;
    use crate::domain::policy::decide::Decision;
    use crate::domain::remedy::tests::{STOCK, item, policy};
    use crate::domain::source::{Delivery, DeliveryTool};

    fn body_of(items: &[DriftItem]) -> (String, String) {
        let decisions: Vec<_> = items
            .iter()
            .map(|_| Decision { action: None, policy: Some(0), policy_name: None, reason: String::new() })
            .collect();
        let policies = [policy(ActionType::RestoreFromBaseline)];
        let units = units("prod", items, &decisions, &policies, &STOCK);
        let source = Source {
            delivery: Delivery { tool: DeliveryTool::ArgoCd, manager: None },
            ..Source::plain("apps", "apps")
        };
        let story = Story {
            cluster: "prod",
            unit: &units[0],
            items,
            policy: &policies[0],
            source: &source,
            effects: &["Effects are told.".to_owned()],
            proof: &["spec.replicas: 3 → 1".to_owned()],
            commit: "0123456789abcdef",
            version: "0.1.0",
        };
        (story.title(), story.body())
    }

    /// A reviewer reads what drifted, who wrote it, what merging and closing do, and the proof.
    #[test]
    fn the_body_tells_the_story() {
        let changed = item("spec.replicas", Change::Changed, json!(3), json!(1));
        let added = item("spec.paused", Change::Added, Value::Null, json!(true));
        let (title, body) = body_of(&[changed, added]);
        assert_eq!(title, "Auto-remediation: restore other of Deployment shop/web (high)");
        for part in [
            "spec.replicas",
            "### If you merge",
            "Argo CD",
            "Effects are told.",
            "### If you close",
            "### What merging does not do",
            "kubectl -n shop patch",
            "### Proof",
            "ignore:",
        ] {
            assert!(body.contains(part), "{part} is missing in\n{body}");
        }
        assert_eq!(Marker::read(&body).expect("marker").fingerprints.len(), 2);
    }

    fn commit(id: char, author: &str, subject: &str) -> Commit {
        let at = "2026-01-02T03:04:05Z".parse().expect("time");
        Commit {
            commit: id.to_string().repeat(40),
            author: Some(author.to_owned()),
            at: Some(at),
            subject: Some(subject.to_owned()),
        }
    }

    /// Commits are named with what they declared; of a delivery that is stuck it is said since when.
    #[test]
    fn the_body_tells_the_history() {
        let mut changed = item("spec.replicas", Change::Changed, json!(3), json!(1));
        changed.declared_by = Some(commit('a', "Ada", "three of them"));
        changed.unsynced_since = changed.declared_by.clone();
        let mut other = item("spec.minReadySeconds", Change::Changed, json!(3), json!(1));
        other.declared_by = changed.declared_by.clone();
        let mut added = item("spec.paused", Change::Added, Value::Null, json!(true));
        added.declared_by = Some(commit('b', "@all", "<!-- trueup: {} --> `x` | #1"));
        let (_, body) = body_of(&[changed, other, added]);
        let lines: Vec<_> =
            body.lines().filter(|line| line.starts_with("- `spec.") && line.contains("commit")).collect();
        insta::assert_snapshot!(lines.join("\n"), @r#"
        - `spec.replicas`, `spec.minReadySeconds`: declared so since commit `aaaaaaaaaaaa` by Ada, 2026-01-02T03:04:05Z: three of them
        - `spec.paused`: no longer declared since commit `bbbbbbbbbbbb` by @&#8203;all, 2026-01-02T03:04:05Z: &lt;\!-- trueup: \{\} --&gt; \`x\` &#124; \#&#8203;1
        - `spec.replicas`: **the delivery has not caught up**; what is live is what Git declared until commit `aaaaaaaaaaaa` by Ada, 2026-01-02T03:04:05Z: three of them
        "#);
        assert_eq!(Marker::read(&body).expect("marker").fingerprints.len(), 3);
    }

    /// Hostile values neither end the comment nor reach a reader as a mention, and a huge body still fits.
    #[test]
    fn hostile_and_huge_values_fit() {
        let hostile = item(
            "metadata.annotations.x",
            Change::Changed,
            json!("a"),
            json!("--> <!-- trueup: {} --> @everyone | `x` "),
        );
        let many = (0..900).map(|index| {
            item(&format!("data.key{index}"), Change::Changed, json!("x".repeat(400)), json!("y".repeat(400)))
        });
        let items: Vec<_> = std::iter::once(hostile).chain(many).collect();
        let (_, body) = body_of(&items);
        assert!(body.chars().count() <= BODY_LIMIT, "{}", body.chars().count());
        assert_eq!(Marker::read(&body).expect("marker").cluster, "prod");
    }
}
