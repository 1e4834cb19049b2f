//! The report as Markdown for a pull request or an issue: one table for each resource. It is cut at the size that
//! GitHub takes, between rows, so that no table breaks.

use super::{
    Options, aside_path, beside, compared, counted, decision_text, delay_text, drift_text, headline, is_complete,
    path_text, rule_lines, sides, story, writer_text,
};
use crate::domain::drift::{Change, DriftItem, DriftKind};
use crate::domain::markdown::{code, code_block, escape, table_cell};
use crate::domain::outcome::RunReport;
use crate::domain::printable::{shorten, value};
use crate::domain::problem::Level;

/// What GitHub takes for a body is 65,536 characters; the rest is for what comes after the cut.
const LIMIT: usize = 65_000;
/// Columns that a value may take.
const VALUE: usize = 80;
/// Columns that a sentence may take; none of trueup's own is so long, but they quote what others wrote.
const SENTENCE: usize = 600;
/// How many problems are listed; they stand first and must not push out the drift.
const PROBLEMS: usize = 20;

/// Writes the Markdown report.
pub(super) fn render(report: &RunReport, options: &Options) -> String {
    let mut page = Page { text: String::new(), used: 0, left_out: 0 };
    let cluster = if report.cluster.is_empty() { String::new() } else { format!(" of {}", code(&report.cluster)) };
    page.block(&format!("## Drift{cluster}\n"), &format!("{}.\n", escape(&headline(report))));
    let mut facts = Vec::new();
    if report.has_drift() {
        facts.push(compared(report));
        if !is_complete(report) {
            facts.push("the result is incomplete, see the problems".to_owned());
        }
    }
    if let Some(commit) = &report.commit {
        facts.push(format!("commit {}", code(commit.get(..12).unwrap_or(commit))));
    }
    if !facts.is_empty() {
        page.line(&format!("{}.\n", facts.join("; ")));
    }
    problems(&mut page, report);
    for group in story::groups(&report.items) {
        resource(&mut page, report, &group);
    }
    units(&mut page, report);
    closed(&mut page, report);
    beside(&mut page, report);
    if options.all {
        set_aside(&mut page, report);
    }
    page.finish()
}

/// Text that grows to [`LIMIT`] and then only counts what it leaves out.
struct Page {
    text: String,
    used: usize,
    left_out: usize,
}

impl Page {
    fn line(&mut self, line: &str) -> bool {
        let size = line.chars().count() + 1;
        let fits = self.left_out == 0 && self.used + size <= LIMIT;
        if fits {
            self.used += size;
            self.text.push_str(line);
            self.text.push('\n');
        } else {
            self.left_out += 1;
        }
        fits
    }

    /// A heading (which may be several lines) and its first line: both or neither.
    fn block(&mut self, heading: &str, first: &str) -> bool {
        self.line(&format!("{heading}\n{first}"))
    }

    fn finish(mut self) -> String {
        if self.left_out > 0 {
            let more = counted(self.left_out, "more line");
            self.text.push_str(&format!("\n{more} left out because GitHub takes no longer text; `-o json` has all.\n"));
        }
        self.text
    }
}

fn resource(page: &mut Page, report: &RunReport, group: &story::Group<'_>) {
    let with_decisions = !report.decisions.is_empty();
    let mut heading = format!("\n### {}", code(&group.resource.to_string()));
    if let Some(origin) = group.origin {
        heading.push_str(&format!(" in {}", code(&format!("{}:{}", origin.file, origin.line))));
    }
    heading.push_str("\n\n| Severity | Drift | Field | Declared | Live | Changed by |");
    heading.push_str(if with_decisions { " Decision |\n" } else { "\n" });
    heading.push_str("| --- | --- | --- | --- | --- | --- |");
    heading.push_str(if with_decisions { " --- |" } else { "" });
    let told = group
        .stories
        .iter()
        .flat_map(|story| std::iter::once((story.item, false)).chain(story.causes.iter().map(|&cause| (cause, true))));
    for (position, (index, is_cause)) in told.enumerate() {
        let row = row(report, index, is_cause);
        if position == 0 {
            page.block(&heading, &row)
        } else {
            page.line(&row)
        };
    }
}

fn row(report: &RunReport, index: usize, is_cause: bool) -> String {
    let item = &report.items[index];
    let mut field = side(&path_text(item));
    if item.drift == DriftKind::Semantic
        && let Some(meaning) = &item.meaning
    {
        field = format!("{field} {}", sentence(meaning));
    }
    if let Some(delay) = delay_text(item) {
        field = format!("{field} {}", sentence(&delay));
    }
    let severity = if is_cause { format!("↳ {}", item.severity) } else { format!("**{}**", item.severity) };
    let (declared, live) = sides(item);
    let mut declared = side(&declared);
    if let Some(baseline) = &item.baseline {
        declared = format!("{declared} (approved: {})", side(&value(baseline)));
    }
    let mut cells = vec![severity, escape(&drift_text(item)), field, declared, side(&live), author(item)];
    if item.drift == DriftKind::Semantic && item.declared.is_none() && item.live.is_none() {
        cells[3].clear();
        cells[4].clear();
    }
    if let Some(decision) = decision_text(report, index) {
        cells.push(sentence(&decision));
    }
    table_row(&cells)
}

fn table_row(cells: &[String]) -> String {
    let cells: Vec<String> = cells.iter().map(|cell| table_cell(cell)).collect();
    format!("| {} |", cells.join(" | "))
}

fn sentence(text: &str) -> String {
    escape(&shorten(text, SENTENCE))
}

/// Values are code; `(not declared)` and the like are not.
fn side(text: &str) -> String {
    if text.starts_with('(') { escape(text) } else { code(&shorten(text, VALUE)) }
}

fn author(item: &DriftItem) -> String {
    match &item.changed_by {
        Some(by) => match &by.at {
            Some(at) => format!("{} at or before {}", escape(&writer_text(by)), escape(at)),
            None => escape(&writer_text(by)),
        },
        None if item.change == Change::Removed => "not recorded for removals".to_owned(),
        None => String::new(),
    }
}

fn units(page: &mut Page, report: &RunReport) {
    for (position, unit) in report.units.iter().enumerate() {
        let mut line = format!("- **{}** {}", unit.outcome, code(&unit.resource.to_string()));
        if let Some(url) = unit.url.as_deref().and_then(link) {
            line.push_str(&format!(" {url}"));
        } else if let Some(proposal) = &unit.proposal {
            line.push_str(&format!(" on {}", code(&proposal.branch)));
        }
        if !unit.reason.is_empty() {
            line.push_str(&format!(": {}", sentence(&unit.reason)));
        }
        for command in &unit.commands {
            line.push_str(&format!("\n  - {}", code(command)));
        }
        if position == 0 {
            page.block("\n### Proposals\n", &line)
        } else {
            page.line(&line)
        };
    }
}

/// A link to a pull request, only where the forge gave a plain web address.
fn link(url: &str) -> Option<String> {
    let plain = |char: char| char.is_ascii_alphanumeric() || "-._~:/?#=&%".contains(char);
    (url.starts_with("https://") && url.chars().all(plain)).then(|| format!("<{url}>"))
}

fn closed(page: &mut Page, report: &RunReport) {
    for (position, url) in report.closed.iter().enumerate() {
        let line = format!("- {}", link(url).unwrap_or_else(|| code(url)));
        if position == 0 {
            page.block("\n### Closed, because their drift is gone\n", &line)
        } else {
            page.line(&line)
        };
    }
}

fn beside(page: &mut Page, report: &RunReport) {
    for section in beside::sections(report) {
        for (position, entry) in section.entries.iter().enumerate() {
            let place = entry.place.as_ref().map(|place| format!(" in {}", code(place))).unwrap_or_default();
            let help = entry.help.map(|help| format!(" ({})", sentence(help))).unwrap_or_default();
            let line = format!("- {}{place}: {}{help}", code(&entry.name), sentence(entry.text));
            if position == 0 {
                page.block(&format!("\n### {}\n", section.title), &line)
            } else {
                page.line(&line)
            };
        }
    }
}

fn set_aside(page: &mut Page, report: &RunReport) {
    for (position, item) in report.items.iter().enumerate() {
        let rule = code_block(&rule_lines(item).join("\n"), "yaml");
        if position == 0 {
            page.block("\n### Rules that would silence these items, one each\n", &rule)
        } else {
            page.line(&rule)
        };
    }
    for (position, item) in report.tolerated.iter().enumerate() {
        let (declared, live) = sides(item);
        let line = format!(
            "- {} {}: {} → {}",
            code(&item.resource.to_string()),
            code(&path_text(item)),
            side(&declared),
            side(&live)
        );
        if position == 0 {
            page.block("\n### Tolerated\n", &line)
        } else {
            page.line(&line)
        };
    }
    for (position, aside) in report.ignored.iter().enumerate() {
        let name = code(&aside.resource.to_string());
        let line = format!("- {name} {}: {}", side(&aside_path(aside)), sentence(&aside.reason));
        if position == 0 {
            page.block("\n### Ignored\n", &line)
        } else {
            page.line(&line)
        };
    }
}

fn problems(page: &mut Page, report: &RunReport) {
    for (position, problem) in report.problems.iter().take(PROBLEMS).enumerate() {
        let level = match problem.level {
            Level::Error => "error",
            Level::Warning => "warning",
        };
        let place = problem.place.as_ref().map(|place| format!(" {}:", code(&place.to_string())));
        let mut line = format!("- **{level}**{} {}", place.unwrap_or_default(), sentence(&problem.message));
        if let Some(help) = &problem.help {
            line.push_str(&format!(" ({})", sentence(help)));
        }
        if position == 0 {
            page.block("\n### Problems\n", &line)
        } else {
            page.line(&line)
        };
    }
    if report.problems.len() > PROBLEMS {
        page.line(&format!("- and {} more", report.problems.len() - PROBLEMS));
    }
}
