//! The report for a terminal: items by resource, in columns where they fit the width and stacked where they do not,
//! then what was done about them, then the problems.

use super::{
    Options, aside_path, beside, commit_text, compared, counted, decision_text, delay_text, drift_text, headline,
    is_complete, path_text, rule_lines, sides, story, writer_text,
};
use crate::domain::drift::{Change, DriftItem, DriftKind, Severity, Verdict};
use crate::domain::outcome::{Outcome, RunReport};
use crate::domain::printable::{shorten, shorten_start, value, visible, width};
use crate::domain::problem::Level;
use crate::domain::resource::{Origin, ResourceId};

/// Columns that a value may take where everything stands on one line.
const VALUE: usize = 48;
/// Columns that a decision may take where everything stands on one line.
const DECISION: usize = 60;

/// Stands before an item that is told as the cause of the one above.
const CAUSE: &str = "└ ";

/// One item, ready to be laid out.
struct Row {
    severity: Severity,
    /// Severity, drift, path, declared → live, changed by, decision.
    cells: [String; 6],
    /// What a semantic item means, and what the history of Git says.
    notes: Vec<String>,
    /// Whether it is told as a cause of the row before.
    is_cause: bool,
}

/// The rows of one resource.
struct Section {
    heading: String,
    rows: Vec<Row>,
}

const HEADER: [&str; 6] = ["SEVERITY", "DRIFT", "FIELD", "DECLARED → LIVE", "CHANGED BY (AT OR BEFORE)", "DECISION"];

/// Writes the table.
pub(super) fn render(report: &RunReport, options: &Options) -> String {
    let mut out = Text { text: String::new(), color: options.color };
    summary(&mut out, report);
    let sections: Vec<Section> = story::groups(&report.items)
        .iter()
        .map(|group| Section {
            heading: heading(group.resource, group.origin),
            rows: group.stories.iter().flat_map(|story| rows(report, options, story)).collect(),
        })
        .collect();
    items(&mut out, &sections, options.width);
    units(&mut out, report);
    closed(&mut out, report);
    beside(&mut out, report);
    if options.all {
        set_aside(&mut out, report);
    } else if !report.tolerated.is_empty() || !report.ignored.is_empty() {
        out.line("");
        let (tolerated, ignored) = (report.tolerated.len(), report.ignored.len());
        out.line(&format!("not shown: {tolerated} tolerated, {ignored} ignored (--all shows them)"));
    }
    problems(&mut out, report);
    out.text
}

/// Lines of text, coloured on request.
struct Text {
    text: String,
    color: bool,
}

impl Text {
    fn line(&mut self, line: &str) {
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    fn paint(&self, style: &str, text: &str) -> String {
        if self.color { format!("\x1b[{style}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// Paints the first word of a padded cell, so that the padding stays plain.
    fn severity(&self, severity: Severity, text: &str) -> String {
        let style = match severity {
            Severity::Critical => "1;31",
            Severity::High => "31",
            Severity::Medium => "33",
            Severity::Low => "36",
            Severity::Info => "2",
        };
        self.paint(style, text)
    }
}

fn summary(out: &mut Text, report: &RunReport) {
    let name = if report.cluster.is_empty() { String::new() } else { format!("{}: ", visible(&report.cluster)) };
    let line = out.paint("1", &format!("{name}{}", headline(report)));
    out.line(&line);
    let mut facts = Vec::new();
    if report.has_drift() {
        facts.push(compared(report));
    }
    if let Some(commit) = &report.commit {
        facts.push(format!("commit {}", visible(commit.get(..12).unwrap_or(commit))));
    }
    if report.has_drift() && !is_complete(report) {
        facts.push("incomplete, see the problems".to_owned());
    }
    if !facts.is_empty() {
        out.line(&facts.join("; "));
    }
}

fn heading(resource: &ResourceId, origin: Option<&Origin>) -> String {
    let mut text = visible(&resource.to_string()).into_owned();
    if let Some(origin) = origin {
        text.push_str(&format!("  {}:{}", visible(&origin.file), origin.line));
    }
    text
}

fn rows(report: &RunReport, options: &Options, story: &story::Story) -> Vec<Row> {
    let decision = decision_text(report, story.item);
    let causes = story.causes.iter().map(|&cause| {
        let own = decision_text(report, cause);
        row(report, options, cause, true, own.filter(|own| Some(own) != decision.as_ref()))
    });
    std::iter::once(row(report, options, story.item, false, decision.clone())).chain(causes).collect()
}

fn row(report: &RunReport, options: &Options, index: usize, is_cause: bool, decision: Option<String>) -> Row {
    let item = &report.items[index];
    let since = item.declared_by.as_ref().filter(|_| options.details);
    let what = if item.declared.is_some() { "declared so" } else { "no longer declared" };
    let since = since.map(|commit| format!("{what} since {}", commit_text(commit)));
    Row {
        severity: item.severity,
        cells: [
            item.severity.to_string(),
            drift_text(item),
            path_text(item),
            change_text(item),
            author(item),
            decision.unwrap_or_default(),
        ],
        notes: meaning(item).into_iter().chain(delay_text(item)).chain(since).collect(),
        is_cause,
    }
}

fn meaning(item: &DriftItem) -> Option<String> {
    let meaning = item.meaning.as_deref().map(|meaning| visible(meaning).into_owned());
    meaning.or_else(|| item.rule.map(str::to_owned))
}

fn change_text(item: &DriftItem) -> String {
    if item.drift == DriftKind::Semantic && item.declared.is_none() && item.live.is_none() {
        return String::new();
    }
    let (declared, live) = sides(item);
    let (declared, live) = (shorten(&declared, VALUE), shorten(&live, VALUE));
    let approved = item.baseline.as_ref().map(|baseline| shorten(&value(baseline), VALUE).into_owned());
    match (approved, item.verdict) {
        (Some(approved), Verdict::RepositoryDrift) if item.declared == item.live => {
            format!("approved {approved}, declared and live {declared}")
        }
        (Some(approved), _) => format!("approved {approved}, {declared} → {live}"),
        (None, _) => format!("{declared} → {live}"),
    }
}

fn author(item: &DriftItem) -> String {
    match &item.changed_by {
        Some(by) => by.at.iter().fold(writer_text(by), |text, at| format!("{text} {}", visible(at))),
        None if item.change == Change::Removed => "not recorded for removals".to_owned(),
        None => "-".to_owned(),
    }
}

fn items(out: &mut Text, sections: &[Section], limit: Option<usize>) {
    if sections.is_empty() {
        return;
    }
    let mut widths = HEADER.map(width);
    for row in sections.iter().flat_map(|section| &section.rows) {
        if row.is_cause {
            widths[1] = widths[1].max(width(&row.cells[1]) + CAUSE.chars().count());
        }
        for (column, cell) in row.cells.iter().enumerate() {
            let most = if column == 5 { DECISION } else { usize::MAX };
            widths[column] = widths[column].max(width(cell).min(most));
        }
    }
    if sections.iter().flat_map(|section| &section.rows).all(|row| row.cells[5].is_empty()) {
        widths[5] = 0; // nobody was asked for a decision
    }
    let total = 2 + widths.iter().filter(|&&width| width > 0).map(|width| width + 2).sum::<usize>() - 2;
    let fits = limit.is_none_or(|limit| total <= limit);
    if fits {
        out.line("");
        let header = columns(&HEADER.map(str::to_owned), &widths);
        let header = out.paint("2", header.trim_end());
        out.line(&format!("  {header}"));
    }
    for section in sections {
        if !fits {
            out.line("");
        }
        let heading = out.paint("1", &section.heading);
        out.line(&heading);
        for row in &section.rows {
            if fits { in_columns(out, row, &widths) } else { stacked(out, row, limit.unwrap_or(usize::MAX)) }
        }
    }
}

fn columns(cells: &[String; 6], widths: &[usize; 6]) -> String {
    let mut line = String::new();
    for (cell, &column) in cells.iter().zip(widths).filter(|(_, column)| **column > 0) {
        let cell = shorten(cell, column);
        line.push_str(&cell);
        line.push_str(&" ".repeat(column - width(&cell) + 2));
    }
    line
}

fn in_columns(out: &mut Text, row: &Row, widths: &[usize; 6]) {
    let mut cells = row.cells.clone();
    if row.is_cause {
        cells[1].insert_str(0, CAUSE);
    }
    let line = columns(&cells, widths);
    let (severity, rest) = line.split_at(row.cells[0].len());
    let severity = out.severity(row.severity, severity);
    out.line(&format!("  {severity}{rest}"));
    for note in &row.notes {
        out.line(&format!("  {}{note}", " ".repeat(widths[0] + 2)));
    }
}

fn stacked(out: &mut Text, row: &Row, limit: usize) {
    let [severity, drift, path, change, author, decision] = &row.cells;
    let (mark, indent) = if row.is_cause { (CAUSE, "      ") } else { ("", "    ") };
    let painted = out.severity(row.severity, severity);
    let path_limit = limit.saturating_sub(indent.len() + width(severity) + width(drift) + 4).max(20);
    let start = if row.is_cause { "    " } else { "  " };
    out.line(&format!("{start}{mark}{painted}  {drift}  {}", shorten_start(path, path_limit)));
    let room = limit.saturating_sub(indent.len()).max(20);
    for note in &row.notes {
        wrapped(out, indent, note, room);
    }
    if !change.is_empty() {
        wrapped(out, indent, change, room);
    }
    if author != "-" {
        wrapped(out, indent, &format!("changed by: {author}"), room);
    }
    if !decision.is_empty() {
        wrapped(out, indent, &format!("decision: {decision}"), room);
    }
}

/// Breaks a text at blanks into lines of at most `room` columns.
fn wrapped(out: &mut Text, indent: &str, text: &str, room: usize) {
    let mut line = String::new();
    for word in text.split(' ') {
        if !line.is_empty() && width(&line) + 1 + width(word) > room {
            out.line(&format!("{indent}{line}"));
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&shorten(word, room));
    }
    out.line(&format!("{indent}{line}"));
}

fn closed(out: &mut Text, report: &RunReport) {
    if report.closed.is_empty() {
        return;
    }
    out.line("");
    let title = out.paint("1", "Closed, because their drift is gone");
    out.line(&title);
    for url in &report.closed {
        out.line(&format!("  {}", visible(url)));
    }
}

fn units(out: &mut Text, report: &RunReport) {
    if report.units.is_empty() {
        return;
    }
    out.line("");
    let title = out.paint("1", "Proposals");
    out.line(&title);
    let column = report.units.iter().map(|unit| width(unit.outcome.as_str())).max().unwrap_or(0);
    for unit in &report.units {
        let name = format!("{:column$}", unit.outcome.as_str());
        let style = match unit.outcome {
            Outcome::Created | Outcome::Updated | Outcome::Planned | Outcome::ClosedResolved => "32",
            Outcome::Failed | Outcome::AttemptsExhausted => "31",
            _ => "33",
        };
        let name = out.paint(style, &name);
        out.line(&format!("  {name}  {}", visible(&unit.resource.to_string())));
        let indent = " ".repeat(column + 4);
        if let Some(proposal) = &unit.proposal {
            out.line(&format!("{indent}{}", visible(&proposal.title)));
            out.line(&format!("{indent}branch {}", visible(&proposal.branch)));
        }
        if let Some(url) = &unit.url {
            out.line(&format!("{indent}{}", visible(url)));
        }
        if !unit.reason.is_empty() {
            out.line(&format!("{indent}{}", visible(&unit.reason)));
        }
        for command in &unit.commands {
            out.line(&format!("{indent}$ {}", visible(command)));
        }
    }
}

fn beside(out: &mut Text, report: &RunReport) {
    for section in beside::sections(report) {
        out.line("");
        let title = out.paint("1", section.title);
        out.line(&title);
        for entry in section.entries {
            let place = entry.place.map(|place| format!("  {}", visible(&place))).unwrap_or_default();
            out.line(&format!("  {}{place}: {}", visible(&entry.name), visible(entry.text)));
            entry.help.iter().for_each(|help| out.line(&format!("    {}", visible(help))));
        }
    }
}

fn set_aside(out: &mut Text, report: &RunReport) {
    if !report.items.is_empty() {
        out.line("");
        let title = out.paint("1", "Rules that would silence these items, one each (`ignore` of the configuration)");
        out.line(&title);
        for line in report.items.iter().flat_map(rule_lines) {
            out.line(&visible(&line));
        }
    }
    if !report.tolerated.is_empty() {
        out.line("");
        let title = out.paint("1", "Tolerated (within their thresholds)");
        out.line(&title);
        for item in &report.tolerated {
            let name = visible(&item.resource.to_string()).into_owned();
            out.line(&format!("  {name}  {}  {}", path_text(item), change_text(item)));
        }
    }
    if !report.ignored.is_empty() {
        out.line("");
        let title = out.paint("1", "Ignored");
        out.line(&title);
        for aside in &report.ignored {
            let name = visible(&aside.resource.to_string()).into_owned();
            out.line(&format!("  {name}  {}  ({})", aside_path(aside), visible(&aside.reason)));
        }
    }
}

fn problems(out: &mut Text, report: &RunReport) {
    if report.problems.is_empty() {
        return;
    }
    let errors = report.problems.iter().filter(|problem| problem.level == Level::Error).count();
    let warnings = report.problems.len() - errors;
    out.line("");
    let counts: Vec<String> = [(errors, "error"), (warnings, "warning")]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, noun)| counted(count, noun))
        .collect();
    let title = out.paint("1", &format!("Problems: {}", counts.join(", ")));
    out.line(&title);
    for problem in &report.problems {
        let level = match problem.level {
            Level::Error => out.paint("31", "error  "),
            Level::Warning => out.paint("33", "warning"),
        };
        let place = problem.place.as_ref().map(|place| format!("{}: ", visible(&place.to_string())));
        out.line(&format!("  {level}  {}{}", place.unwrap_or_default(), visible(&problem.message)));
        if let Some(help) = &problem.help {
            out.line(&format!("           {}", visible(help)));
        }
    }
}
