//! Renders one template: in memory, with limits, and without any file but those of the repository. Every line of the
//! result knows the line of the template that wrote it.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::error::Error as _;
use std::sync::{Arc, Mutex, PoisonError};

use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, OutputSpan, OutputSpanKind, UndefinedBehavior, Value};
use minijinja::{escape_formatter, value::ValueKind};
use minijinja_contrib::pycompat::unknown_method_callback;

use super::builtins;
use crate::adapters::render::tree::SourceTree;
use crate::domain::problem::{Place, Problem};
use crate::domain::repository_path::inside;
use crate::domain::source::JinjaTemplates;

/// Steps of one template, and 64 times as many bytes of data; the largest real ones take some ten thousand.
const FUEL: u64 = 500_000;
/// The stack for that many steps that put a list into a list: it is walked when it is printed or dropped. Only what is
/// used of it takes memory.
const STACK: usize = 512 << 20;
/// How deep macros, includes and loops may be nested.
const RECURSION: usize = 100;

/// Renders the templates of a source.
pub(super) struct Engine {
    environment: Environment<'static>,
    context: Value,
    values: Vec<String>,
    loaded: Arc<Mutex<BTreeSet<String>>>,
    threads: rayon::ThreadPool,
}

impl Engine {
    /// `folder` is where templates look for others that are not beside them; `values` is what they see.
    pub(super) fn new(
        tree: &SourceTree,
        folder: &str,
        settings: &JinjaTemplates,
        values: Value,
    ) -> Result<Self, Problem> {
        let mut environment = Environment::new();
        let mut syntax = SyntaxConfig::builder();
        syntax.trim_blocks(settings.trim_blocks).lstrip_blocks(settings.lstrip_blocks);
        environment.set_syntax(syntax.build().map_err(|_| Problem::error("the settings of Jinja do not fit"))?);
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|_| AutoEscape::None);
        environment.set_unknown_method_callback(unknown_method_callback);
        environment.set_fuel(Some(FUEL));
        environment.set_recursion_limit(RECURSION);
        // undefined values remember where they come from
        environment.set_debug(true);
        // prints all values
        environment.remove_global("debug");
        environment.set_formatter(|out, state, value| match value.kind() {
            ValueKind::Plain => Err(Error::new(ErrorKind::InvalidOperation, "cannot print a function, call it")),
            _ => escape_formatter(out, state, value),
        });
        builtins::add_to(&mut environment);
        let loaded = Arc::new(Mutex::new(BTreeSet::new()));
        let (own, known) = (Arc::new(tree.clone()), Arc::clone(&loaded));
        let (files, folder) = (Arc::clone(&own), folder.to_owned());
        environment.set_path_join_callback(move |name, parent| resolve(&files, &folder, name, parent));
        environment.set_loader(move |path| {
            known.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned());
            own.read_text(path).map_err(|problem| {
                Error::new(ErrorKind::InvalidOperation, format!("cannot include the file: {}", problem.message))
            })
        });
        let threads = rayon::ThreadPoolBuilder::new().stack_size(STACK).build();
        let threads =
            threads.map_err(|error| Problem::error(format!("no thread can be had for templates: {error}")))?;
        Ok(Self { environment, context: values, values: settings.values.clone(), loaded, threads })
    }

    /// Renders the template of a path.
    pub(super) fn render(&self, path: &str) -> Result<Text, Problem> {
        // errors hold values too, and are dropped where there is room for that
        self.threads.install(|| {
            let template = self.environment.get_template(path);
            let rendered = template.and_then(|template| template.render_with_spans(self.context.clone()));
            match rendered {
                Ok((text, spans)) => Ok(Text::new(text, spans, path)),
                Err(error) => Err(self.problem(path, &error)),
            }
        })
    }

    /// The templates that were read.
    pub(super) fn loaded(&self) -> Vec<String> {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// The innermost error with its place. What it quotes of values is left out.
    fn problem(&self, path: &str, error: &Error) -> Problem {
        let mut inner = error;
        while let Some(source) = inner.source().and_then(|source| source.downcast_ref::<Error>()) {
            inner = source;
        }
        let place = |error: &Error| Some(Place::line(error.name()?, error.line()?));
        let place = place(inner).or_else(|| place(error)).unwrap_or_else(|| Place::file(path));
        let (message, help) = match inner.kind() {
            ErrorKind::UndefinedError => {
                (inner.detail().unwrap_or("a value is undefined").to_owned(), self.where_to_define())
            }
            ErrorKind::OutOfFuel => (
                "the template takes too long or writes too much".to_owned(),
                format!("it may take {FUEL} steps and write {} MiB: look for loops", (FUEL * 64) >> 20),
            ),
            ErrorKind::TemplateNotFound | ErrorKind::BadInclude => (
                "the template that is included, imported or extended is not in the repository".to_owned(),
                "it is looked for beside the template, in the source's folder and from the repository's root"
                    .to_owned(),
            ),
            kind => (
                inner.detail().filter(|detail| is_public(kind, detail)).map_or_else(|| kind.to_string(), str::to_owned),
                "correct the template, nothing of it is known until then".to_owned(),
            ),
        };
        Problem::error(message).at(place).help(help)
    }

    fn where_to_define(&self) -> String {
        match &self.values[..] {
            [] => "name values files in the source's `jinja.values`, or write `| default(…)`".to_owned(),
            files => format!("define it in {}, or write `| default(…)`", files.join(" or ")),
        }
    }
}

/// Whether what an error says holds nothing of a value, only names of the template and of types.
fn is_public(kind: ErrorKind, detail: &str) -> bool {
    let told =
        ["tried to use ", "cannot ", "value of type ", "recursion limit", "loop recursion", "range has too many"];
    match kind {
        ErrorKind::SyntaxError
        | ErrorKind::UnknownFilter
        | ErrorKind::UnknownTest
        | ErrorKind::UnknownFunction
        | ErrorKind::UnknownMethod
        | ErrorKind::UnknownBlock
        | ErrorKind::TooManyArguments
        | ErrorKind::MissingArgument => true,
        _ => told.iter().any(|start| detail.starts_with(start)),
    }
}

/// The file that a template means by a name: beside it, else in the source's folder, else from the repository's root.
fn resolve<'n>(tree: &SourceTree, folder: &str, name: &'n str, parent: &str) -> Cow<'n, str> {
    let beside = parent.rsplit_once('/').map_or("", |(folder, _)| folder);
    let found = [beside, folder, ""].into_iter().filter_map(|folder| inside(folder, name));
    let found = found.into_iter().find(|path| !matches!(tree.read(path), Ok(None)));
    found.map_or(Cow::Borrowed(name), Cow::Owned)
}

/// What a template came to.
pub(super) struct Text {
    /// The text.
    pub(super) text: String,
    spans: Vec<OutputSpan>,
    /// Where each line starts.
    lines: Vec<usize>,
    template: String,
}

impl Text {
    fn new(text: String, spans: Vec<OutputSpan>, template: &str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        let lines = std::iter::once(0).chain(ends).collect();
        Self { text, spans, lines, template: template.to_owned() }
    }

    /// Where a line of the text (from 1) was written: the template, or one that it includes or extends, and the line
    /// there. For what a macro wrote that is the line of its call.
    pub(super) fn place(&self, line: usize) -> Place {
        let start = self.lines.get(line.saturating_sub(1)).copied().unwrap_or(self.text.len());
        let blanks = self.text[start..].bytes().take_while(|byte| *byte == b' ').count();
        let at = start + blanks;
        let after = self.spans.partition_point(|span| span.output_range().end <= at);
        let Some(span) = self.spans.get(after).or_else(|| self.spans.last()) else {
            return Place::file(&*self.template);
        };
        let before = match span.kind() {
            OutputSpanKind::Raw => self.text.get(span.output_range().start..at).unwrap_or_default(),
            _ => "",
        };
        Place::line(span.name(), span.line() + before.matches('\n').count())
    }
}
