//! The jq path expressions of Argo CD's `jqPathExpressions`: a text in, the places of an object that it selects out.
//!
//! The syntax is read by jaq's parser. It is evaluated here, with a budget instead of a clock: jaq's own interpreter can
//! neither be stopped nor kept from recursing, and these texts are not ours. What an expression that selects fields has
//! no use for (definitions, loops, assignments, arithmetic) is refused with its name when the rule is read.

mod eval;
mod functions;

use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::{BinaryOp, Pattern, Term};
use jaq_core::load::{Lexer, Parser};
use jaq_core::ops::{Cmp, Math};
use jaq_core::path::{Opt, Part};
use serde_json::Value;

use super::pointer::Pointer;

/// A longer expression is refused: the parser goes as deep as the text is long.
const LONGEST: usize = 1000;
/// Brackets inside one another, and half of how often what nests without a bracket may stand there.
const DEEPEST: usize = 32;
const OPENERS: [&str; 14] =
    ["-", "|", ",", "or", "and", "//", "try", "if", "def", "label", "reduce", "foreach", " as ", "\\("];

/// A path expression, ready to be asked.
#[derive(Debug, Clone)]
pub(super) struct PathExpression(Expr);

/// What an expression is made of.
#[derive(Debug, Clone)]
enum Expr {
    Id,
    Literal(Value),
    Variable(String),
    Array(Box<Self>),
    Pipe(Box<Self>, Box<Self>),
    /// `f as $name | g`
    Bind(Box<Self>, String, Box<Self>),
    Comma(Box<Self>, Box<Self>),
    Alternative(Box<Self>, Box<Self>),
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
    Compare(Cmp, Box<Self>, Box<Self>),
    Try(Box<Self>, Option<Box<Self>>),
    If(Vec<(Self, Self)>, Option<Box<Self>>),
    /// `f.a`, `f["a"]`, `f[0]`; whether an object that has no such part counts as an error
    Index(Box<Self>, Box<Self>),
    /// `f[]`
    Iterate(Box<Self>),
    Call(&'static str, Vec<Self>),
}

impl PathExpression {
    /// Reads an expression; the error says what is wrong with it, or what of it is not understood here.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text.len() > LONGEST {
            return Err(format!("is longer than {LONGEST} characters"));
        }
        let brackets = text.chars().scan(0_usize, |depth, char| {
            match char {
                '(' | '[' | '{' => *depth += 1,
                ')' | ']' | '}' => *depth = depth.saturating_sub(1),
                _ => {}
            }
            Some(*depth)
        });
        if brackets.max().is_some_and(|depth| depth > DEEPEST) {
            return Err(format!("has more than {DEEPEST} brackets inside one another"));
        }
        // a name may hold a few of these too
        if OPENERS.iter().any(|opener| text.matches(opener).count() > 2 * DEEPEST) {
            return Err(format!("has more than {} times the same operator", 2 * DEEPEST));
        }
        let tokens = Lexer::new(text).lex().map_err(|_| "is no jq expression".to_owned())?;
        let term = Parser::new(&tokens).parse(Parser::term).map_err(|errors| {
            let expected = errors.first().map_or("something else", |(expected, _)| expected.as_str());
            format!("is no jq expression: {expected} expected")
        })?;
        lower(&term).map(Self)
    }

    /// The places of `object` that the expression selects: none where it does not apply to it, since Argo CD takes
    /// nothing out of an object on which an expression fails. An error where it takes too long.
    pub(super) fn select(&self, object: &Value) -> Result<Vec<Pointer>, String> {
        eval::select(&self.0, object)
    }
}

/// Turns the parser's tree into what can be evaluated.
fn lower(term: &Term<&str>) -> Result<Expr, String> {
    let boxed = |term: &Term<&str>| lower(term).map(Box::new);
    Ok(match term {
        Term::Id => Expr::Id,
        Term::Recurse => Expr::Call("recurse", Vec::new()),
        Term::Num(number) => {
            Expr::Literal(serde_json::from_str(number).map_err(|_| format!("`{number}` is no number"))?)
        }
        Term::Str(None, parts) => Expr::Literal(Value::from(text(parts)?)),
        Term::Str(Some(format), _) => return Err(unknown(format)),
        Term::Arr(None) => Expr::Literal(Value::Array(Vec::new())),
        Term::Arr(Some(items)) => Expr::Array(boxed(items)?),
        Term::Obj(_) => return Err(unknown("{…}")),
        Term::Neg(inner) => match lower(inner)? {
            Expr::Literal(Value::Number(number)) => {
                Expr::Literal(serde_json::from_str(&format!("-{number}")).map_err(|_| unknown("-"))?)
            }
            _ => return Err(unknown("-")),
        },
        Term::BinOp(left, operator, right) => binary(operator, boxed(left)?, boxed(right)?)?,
        Term::TryCatch(body, caught) => Expr::Try(boxed(body)?, caught.as_deref().map(boxed).transpose()?),
        Term::IfThenElse(branches, otherwise) => {
            let branch = |(condition, then): &(Term<&str>, Term<&str>)| Ok((lower(condition)?, lower(then)?));
            let branches = branches.iter().map(branch).collect::<Result<_, String>>()?;
            Expr::If(branches, otherwise.as_deref().map(boxed).transpose()?)
        }
        Term::Var(name) => Expr::Variable((*name).to_owned()),
        Term::Call(name, arguments) => call(name, arguments)?,
        Term::Path(head, path) => path.0.iter().try_fold(lower(head)?, |whole, (part, optional)| {
            let whole = Box::new(whole);
            let reached = match part {
                Part::Index(at) => Expr::Index(whole, boxed(at)?),
                Part::Range(None, None) => Expr::Iterate(whole),
                Part::Range(..) => return Err(unknown("[from:to]")),
            };
            Ok(match optional {
                Opt::Optional => Expr::Try(Box::new(reached), None),
                Opt::Essential => reached,
            })
        })?,
        Term::Fold(name, ..) => return Err(unknown(name)),
        Term::Def(..) => return Err(unknown("def")),
        Term::Label(..) | Term::Break(_) => return Err(unknown("label")),
    })
}

fn binary(operator: &BinaryOp<&str>, left: Box<Expr>, right: Box<Expr>) -> Result<Expr, String> {
    Ok(match operator {
        BinaryOp::Pipe(None) => Expr::Pipe(left, right),
        BinaryOp::Pipe(Some(Pattern::Var(name))) => Expr::Bind(left, (*name).to_owned(), right),
        BinaryOp::Pipe(Some(_)) => return Err(unknown("as […]")),
        BinaryOp::Comma => Expr::Comma(left, right),
        BinaryOp::Alt => Expr::Alternative(left, right),
        BinaryOp::And => Expr::And(left, right),
        BinaryOp::Or => Expr::Or(left, right),
        BinaryOp::Cmp(compare) => Expr::Compare(*compare, left, right),
        BinaryOp::Math(Math::Add) => return Err(unknown("+")),
        BinaryOp::Math(_) => return Err(unknown("arithmetic")),
        BinaryOp::Assign | BinaryOp::Update | BinaryOp::UpdateMath(_) | BinaryOp::UpdateAlt => {
            return Err(unknown("="));
        }
    })
}

fn call(name: &str, arguments: &[Term<&str>]) -> Result<Expr, String> {
    match (name, arguments) {
        ("true", []) => return Ok(Expr::Literal(Value::Bool(true))),
        ("false", []) => return Ok(Expr::Literal(Value::Bool(false))),
        ("null", []) => return Ok(Expr::Literal(Value::Null)),
        _ => {}
    }
    let known = functions::KNOWN.iter().find(|(known, takes)| *known == name && takes.contains(&arguments.len()));
    let (name, _) = known.ok_or_else(|| unknown(&format!("{name}/{}", arguments.len())))?;
    Ok(Expr::Call(name, arguments.iter().map(lower).collect::<Result<_, _>>()?))
}

fn text(parts: &[StrPart<&str, Term<&str>>]) -> Result<String, String> {
    let part = |part: &StrPart<&str, Term<&str>>| match part {
        StrPart::Str(text) => Ok((*text).to_owned()),
        StrPart::Char(char) => Ok(char.to_string()),
        StrPart::Term(_) => Err(unknown("\\(…)")),
    };
    parts.iter().map(part).collect()
}

fn unknown(what: &str) -> String {
    format!("uses `{what}`, which trueup does not evaluate")
}

#[cfg(test)]
mod tests;
