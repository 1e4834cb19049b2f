//! What helm prints → objects with the template that each came from, and its complaints → one problem with its place.

use std::collections::HashMap;

use super::chart::Chart;
use super::objects::{Objects, read_objects};
use super::tree::SourceTree;
use crate::domain::problem::{Place, Problem};
use crate::domain::resource::Origin;

const SOURCE: &str = "# Source: ";
/// Characters of a complaint that are repeated.
const LONGEST: usize = 300;

/// The objects that helm printed. `namespace` is for those that name none.
pub(super) fn objects(output: &str, chart: &Chart, tree: &SourceTree, namespace: Option<&str>) -> Objects {
    let mut all = Objects::default();
    let mut texts: HashMap<String, String> = HashMap::new();
    let mut seen: HashMap<(String, String), usize> = HashMap::new();
    for (name, text) in pieces(output) {
        let file = chart.file_of(name);
        let template =
            texts.entry(file.clone()).or_insert_with(|| tree.read_text(&file).ok().flatten().unwrap_or_default());
        let read = read_objects(&file, text, namespace);
        for mut found in read.found {
            // a file of crds/ is printed as it is, below the line that names it
            let is_verbatim = name.split('/').any(|part| part == "crds");
            let (document, line) = if is_verbatim {
                let at = found.origin.as_ref().map(|origin| (origin.document, origin.line.saturating_sub(1).max(1)));
                at.unwrap_or((0, 1))
            } else {
                let nth = seen.entry((file.clone(), found.id.kind.kind.clone())).or_default();
                *nth += 1;
                document_of(template, &found.id.kind.kind, *nth)
            };
            found.place = Place::line(&*file, line);
            found.origin = Some(Origin { file: file.clone(), document, line, list_item: None });
            all.found.push(found);
        }
        all.nameless.extend(read.nameless);
        all.problems.extend(read.problems.into_iter().map(|problem| {
            let line = problem.place.as_ref().and_then(|place| place.line).unwrap_or(1);
            let message = format!("{} (line {} of what it renders to)", problem.message, line.saturating_sub(1));
            Problem { message, place: Some(Place::file(&*file)), ..problem }
        }));
    }
    all
}

/// What helm printed, cut where it names the next template: the name and the text below it.
fn pieces(output: &str) -> Vec<(&str, &str)> {
    let mut cuts = Vec::new();
    let mut offset = 0;
    let mut after_separator = true;
    for line in output.split_inclusive('\n') {
        if let Some(name) = line.strip_prefix(SOURCE).filter(|_| after_separator) {
            cuts.push((name.trim(), offset));
        }
        after_separator = line.trim_end() == "---";
        offset += line.len();
    }
    let ends = cuts.iter().skip(1).map(|(_, start)| *start).chain([output.len()]);
    cuts.iter().zip(ends).map(|((name, start), end)| (*name, output[*start..end].trim_end_matches("---\n"))).collect()
}

/// The document of a template's text that declares the nth object of a kind, and its first line: a guess for people, since
/// a template is no YAML.
fn document_of(template: &str, kind: &str, nth: usize) -> (usize, usize) {
    let mut documents = vec![Part::default()];
    for (index, line) in template.lines().enumerate() {
        let last = documents.len() - 1;
        if line.starts_with("---") && documents[last].is_begun {
            documents.push(Part::default());
        } else if !line.starts_with("---") {
            documents[last].read(line, index + 1);
        }
    }
    let alike: Vec<_> =
        documents.iter().enumerate().filter(|(_, part)| part.kinds.iter().any(|own| own == kind)).collect();
    let found = alike.get(nth.saturating_sub(1)).or(alike.last());
    found.map_or((0, documents[0].line.unwrap_or(1)), |(index, part)| (*index, part.line.unwrap_or(1)))
}

/// One document of a template.
#[derive(Default)]
struct Part {
    /// Whether anything stands in it.
    is_begun: bool,
    /// The line of its first field.
    line: Option<usize>,
    /// What it may be.
    kinds: Vec<String>,
}

impl Part {
    fn read(&mut self, line: &str, number: usize) {
        self.is_begun |= !line.trim().is_empty();
        if self.line.is_none() && ["apiVersion:", "kind:"].iter().any(|field| line.starts_with(field)) {
            self.line = Some(number);
        }
        self.kinds.extend(line.strip_prefix("kind:").map(|kind| kind.trim().trim_matches(['"', '\'']).to_owned()));
    }
}

/// The cause at the end of helm's chain of causes, at the template and line that it names. What is quoted in it may be a
/// value and may be secret: it is left out, and so is the message of a `fail` that a template puts together.
pub(super) fn complaint(
    text: &str,
    chart: &Chart,
    tree: &SourceTree,
    folder: &str,
    values: &[(String, String)],
) -> Problem {
    let lines = text.lines().skip_while(|line| !line.starts_with("Error: "));
    let message = lines.take_while(|line| !line.trim().is_empty()).collect::<Vec<_>>().join("; ");
    let message = if message.is_empty() { text.lines().next().unwrap_or_default() } else { &message };
    let message = message.trim_start_matches("Error: ");
    let (place, cause) = match innermost(message) {
        Some((name, line, cause)) => {
            let file = chart.file_of(name);
            (line.map_or_else(|| Place::file(&*file), |line| Place::line(&*file, line)), cause)
        }
        None => {
            let of_values = values.iter().find_map(|(name, file)| {
                let cause = message.strip_prefix("failed to parse ")?.strip_prefix(name.as_str())?;
                Some((Place::file(&**file), cause.trim_start_matches(": ")))
            });
            of_values.unwrap_or((Place::file(folder), message))
        }
    };
    let own_words = message.starts_with("execution error at ");
    let is_literal = || {
        let texts = chart.files.values().filter_map(|path| tree.read_text(path).ok().flatten());
        cause.len() > 1 && texts.into_iter().any(|text| text.contains(cause))
    };
    let cause = if own_words && !is_literal() {
        "the chart refuses its values (what it says may hold them, and is left out)".to_owned()
    } else if own_words {
        cause.to_owned()
    } else {
        unquoted(cause)
    };
    let cause: String = cause.chars().take(LONGEST).collect();
    Problem::error(format!("helm: {cause}")).at(place).help("nothing of this source is known until then")
}

/// The last template and line that a complaint names, and what comes after: `template: web/templates/x.yaml:3:5: …`,
/// `execution error at (web/templates/x.yaml:3:5): …`, `YAML parse error on web/templates/x.yaml: …`.
fn innermost(message: &str) -> Option<(&str, Option<usize>, &str)> {
    const MARKS: [&str; 4] = ["template: ", "execution error at (", "parse error at (", "parse error on "];
    let named = MARKS.iter().flat_map(|mark| message.match_indices(mark).map(|(at, mark)| at + mark.len()));
    let mut starts: Vec<_> = named.collect();
    starts.sort_unstable();
    starts.into_iter().rev().find_map(|start| {
        let rest = &message[start..];
        let name_end = rest.find([':', ')', ' '])?;
        let (name, rest) = rest.split_at(name_end);
        if !name.contains('/') {
            return None;
        }
        let numbers = rest.trim_start_matches(':');
        let line = numbers.split([':', ')']).next().and_then(|line| line.parse().ok());
        let cause = rest.trim_start_matches(|char: char| char.is_ascii_digit() || ":)".contains(char)).trim_start();
        Some((name, line, cause))
    })
}

/// A text without what stands in quotes.
fn unquoted(text: &str) -> String {
    let mut plain = String::new();
    let mut open = None;
    for char in text.chars() {
        match open {
            Some(quote) if quote == char => open = None,
            Some(_) => {}
            None if matches!(char, '`' | '"') => {
                open = Some(char);
                plain.push('…');
            }
            None => plain.push(char),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Helm's own separators are cut at, those of a file that it prints as it is are not.
    #[test]
    fn the_output_is_cut_by_templates() {
        let output = "---\n# Source: web/crds/x.yaml\na: 1\n---\nb: 1\n---\n# Source: web/templates/y.yaml\ndata:\n  x: |\n    # Source: no\n";
        let pieces = pieces(output);
        assert_eq!(
            pieces.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
            ["web/crds/x.yaml", "web/templates/y.yaml"]
        );
        assert_eq!(pieces[0].1, "# Source: web/crds/x.yaml\na: 1\n---\nb: 1\n");
    }

    /// Objects are found in their template by kind; where several come from one text, the last one stands for them.
    #[test]
    fn documents_of_templates_are_guessed() {
        let template = "{{- if .Values.a }}\n---\n# c\napiVersion: v1\nkind: ConfigMap\n---\nkind: Service\napiVersion: v1\n{{- end }}\n---\napiVersion: v1\nkind: ConfigMap\n";
        for (kind, nth, expected) in [
            ("ConfigMap", 1, (1, 4)),
            ("Service", 1, (2, 7)),
            ("ConfigMap", 2, (3, 11)),
            ("ConfigMap", 9, (3, 11)),
            ("Secret", 1, (0, 1)),
        ] {
            assert_eq!(document_of(template, kind, nth), expected, "{kind} {nth}");
        }
        assert_eq!(document_of("---\napiVersion: v1\nkind: Pod\n", "Pod", 1), (0, 2));
    }

    /// The innermost place and cause are kept, values that may be secret are not.
    #[test]
    fn complaints_are_cut_to_their_cause() {
        let folder = tempfile::tempdir().expect("folder");
        let overlay = [("web/templates/a.yaml".to_owned(), Some(b"{{ required \"give a host\" .Values.h }}".to_vec()))];
        let tree = SourceTree { root: folder.path().to_owned(), overlay: overlay.into(), ..SourceTree::default() };
        let chart = super::super::chart::look_through(&tree, "web");
        for (text, expected) in [
            (
                "Error: template: web/templates/y.yaml:1:10: executing \"web/templates/y.yaml\" at <.Values.b.c>: nil pointer evaluating interface {}.c\n\nUse --debug",
                "web/templates/y.yaml:1 helm: executing … at <.Values.b.c>: nil pointer evaluating interface {}.c",
            ),
            (
                "Error: template: web/templates/y.yaml:1:3: executing \"web/templates/y.yaml\" at <include \"h\" .>: error calling include: template: web/templates/_h.tpl:7:2: executing \"h\" at <atoi \"hunter2\">: error calling atoi: parsing \"hunter2\"\n",
                "web/templates/_h.tpl:7 helm: executing … at <atoi …>: error calling atoi: parsing …",
            ),
            (
                "warning: x\nError: execution error at (web/templates/a.yaml:1:3): give a host\n",
                "web/templates/a.yaml:1 helm: give a host",
            ),
            (
                "Error: execution error at (web/templates/a.yaml:1:3): hunter2 is too short\n",
                "web/templates/a.yaml:1 helm: the chart refuses its values (what it says may hold them, and is left out)",
            ),
            (
                "Error: failed to parse values-0.yaml: error converting YAML to JSON: yaml: line 2: found `x`",
                "envs/a.yaml helm: error converting YAML to JSON: yaml: line 2: found …",
            ),
            (
                "Error: parse error at (web/templates/y.yaml:4): missing value for if",
                "web/templates/y.yaml:4 helm: missing value for if",
            ),
            (
                "Error: YAML parse error on web/templates/y.yaml: error converting YAML to JSON: yaml: line 3: cannot unmarshal !!str `hunter2` into int",
                "web/templates/y.yaml helm: error converting YAML to JSON: yaml: line 3: cannot unmarshal !!str … into int",
            ),
            (
                "Error: values don't meet the specifications of the schema(s) in the following chart(s):\nweb:\n- at '/a': got number, want string\n\n",
                "web helm: values don't meet the specifications of the schema(s) in the following chart(s):; web:; - at '/a': got number, want string",
            ),
        ] {
            let values = [("values-0.yaml".to_owned(), "envs/a.yaml".to_owned())];
            let problem = complaint(text, &chart, &tree, "web", &values);
            assert_eq!(format!("{} {}", problem.place.expect("place"), problem.message), expected);
        }
    }
}
