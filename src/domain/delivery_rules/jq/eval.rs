//! Evaluates a path expression within a budget of steps, so that no text can keep a scan busy.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use jaq_core::ops::Cmp;
use regex::Regex;
use serde_json::Value;

use super::functions;
use super::{Expr, Pointer};
use crate::domain::delivery_rules::pointer::Token;

/// Steps for one expression on one object: the largest objects have some ten thousand values.
const BUDGET: usize = 200_000;

/// A value on its way through an expression, and where in the object it is, if it is a part of it.
#[derive(Debug, Clone)]
pub(super) struct Item<'v> {
    pub(super) value: Cow<'v, Value>,
    at: Option<Place>,
}

/// A place, as the way up from it: shared, since most places of one object have most of it in common.
#[derive(Debug, Clone)]
struct Place(Option<Rc<(Self, Token)>>);

/// Why an evaluation ended early.
#[derive(Debug)]
pub(super) enum Stop {
    /// An error that `?` and `try` catch.
    Raised(String),
    /// The budget is spent; nothing catches that.
    Spent,
}

pub(super) type Flow = Result<(), Stop>;

/// What was bound by `as`, the last first.
#[derive(Clone, Copy)]
pub(super) struct Bound<'b, 'v> {
    name: &'b str,
    value: &'b Item<'v>,
    before: Option<&'b Self>,
}

/// What is bound where an expression is evaluated.
pub(super) type Scope<'b, 'v> = Option<&'b Bound<'b, 'v>>;

/// One evaluation.
pub(super) struct Machine {
    left: usize,
    patterns: HashMap<String, Regex>,
}

/// The places that an expression selects.
pub(super) fn select(expr: &Expr, object: &Value) -> Result<Vec<Pointer>, String> {
    let mut machine = Machine { left: BUDGET, patterns: HashMap::new() };
    let root = Item { value: Cow::Borrowed(object), at: Some(Place(None)) };
    let mut found = Vec::new();
    match machine.eval(expr, &root, None, &mut found) {
        Ok(()) => {
            // one that is no part of the object spoils the expression, as it does for jq's `path`
            let places: Option<BTreeSet<_>> = found.into_iter().map(|item| item.at.map(|at| at.pointer())).collect();
            Ok(places.unwrap_or_default().into_iter().collect())
        }
        Err(Stop::Raised(_)) => Ok(Vec::new()),
        Err(Stop::Spent) => Err("takes too long".to_owned()),
    }
}

impl Place {
    fn below(&self, token: Token) -> Self {
        Self(Some(Rc::new((self.clone(), token))))
    }

    fn pointer(&self) -> Pointer {
        let mut tokens = Vec::new();
        let mut here = self;
        while let Some(link) = &here.0 {
            tokens.push(link.1.clone());
            here = &link.0;
        }
        tokens.reverse();
        Pointer(tokens)
    }
}

impl<'v> Item<'v> {
    /// A value that is no part of the object.
    pub(super) fn made(value: Value) -> Self {
        Self { value: Cow::Owned(value), at: None }
    }

    fn part(&self, token: Token, value: Cow<'v, Value>) -> Self {
        Self { value, at: self.at.as_ref().map(|at| at.below(token)) }
    }

    /// What is at this place of the value, borrowed where it can be; null where nothing is.
    fn look<F: for<'a> Fn(&'a Value) -> Option<&'a Value>>(&self, part: F) -> Cow<'v, Value> {
        let found = match &self.value {
            Cow::Borrowed(value) => part(value).map(Cow::Borrowed),
            Cow::Owned(value) => part(value).cloned().map(Cow::Owned),
        };
        found.unwrap_or(Cow::Owned(Value::Null))
    }

    pub(super) fn is_truthy(&self) -> bool {
        !matches!(*self.value, Value::Null | Value::Bool(false))
    }
}

impl Machine {
    /// Takes steps from the budget.
    pub(super) fn spend(&mut self, steps: usize) -> Flow {
        self.left = self.left.checked_sub(steps).ok_or(Stop::Spent)?;
        Ok(())
    }

    /// Adds what `expr` makes of an input to `out`; what came before an error stays there.
    pub(super) fn eval<'v>(
        &mut self,
        expr: &'v Expr,
        input: &Item<'v>,
        bound: Scope<'_, 'v>,
        out: &mut Vec<Item<'v>>,
    ) -> Flow {
        self.spend(1)?;
        match expr {
            Expr::Id => out.push(input.clone()),
            Expr::Literal(value) => out.push(Item { value: Cow::Borrowed(value), at: None }),
            Expr::Variable(name) => {
                let mut scope = bound;
                while scope.is_some_and(|scope| scope.name != name) {
                    scope = scope.and_then(|scope| scope.before);
                }
                out.push(scope.ok_or_else(|| raised(format!("{name} is not defined")))?.value.clone());
            }
            Expr::Array(items) => {
                let made = self.all(items, input, bound)?;
                self.spend(made.iter().map(|item| weight(&item.value)).sum())?;
                out.push(Item::made(made.iter().map(|item| item.value.clone().into_owned()).collect()));
            }
            Expr::Pipe(first, then) => {
                let (items, flow) = self.some(first, input, bound);
                for item in &items {
                    self.eval(then, item, bound, out)?;
                }
                flow?;
            }
            Expr::Bind(of, name, then) => {
                for value in &self.all(of, input, bound)? {
                    let inner = Bound { name, value, before: bound };
                    self.eval(then, input, Some(&inner), out)?;
                }
            }
            Expr::Comma(first, second) => {
                self.eval(first, input, bound, out)?;
                self.eval(second, input, bound, out)?;
            }
            Expr::Alternative(first, second) => self.alternative(first, second, input, bound, out)?,
            Expr::And(left, right) => self.logic(false, (left, right), input, bound, out)?,
            Expr::Or(left, right) => self.logic(true, (left, right), input, bound, out)?,
            Expr::Compare(operator, left, right) => {
                for right in &self.all(right, input, bound)? {
                    for left in &self.all(left, input, bound)? {
                        self.spend(weight(&left.value).min(weight(&right.value)))?;
                        out.push(Item::made(Value::Bool(holds(*operator, &left.value, &right.value))));
                    }
                }
            }
            Expr::Try(body, caught) => self.attempt(body, caught.as_deref(), input, bound, out)?,
            Expr::If(branches, otherwise) => self.choose(branches, otherwise.as_deref(), input, bound, out)?,
            Expr::Index(of, at) => {
                let (items, flow) = self.some(of, input, bound);
                for item in &items {
                    for at in &self.all(at, input, bound)? {
                        out.push(index(item, &at.value)?);
                    }
                }
                flow?;
            }
            Expr::Iterate(of) => {
                let (items, flow) = self.some(of, input, bound);
                for item in &items {
                    self.iterate(item, out)?;
                }
                flow?;
            }
            Expr::Call(name, arguments) => functions::call(self, name, arguments, input, bound, out)?,
        }
        Ok(())
    }

    /// Everything that an expression makes, or its error.
    pub(super) fn all<'v>(
        &mut self,
        expr: &'v Expr,
        input: &Item<'v>,
        bound: Scope<'_, 'v>,
    ) -> Result<Vec<Item<'v>>, Stop> {
        let mut items = Vec::new();
        self.eval(expr, input, bound, &mut items).map(|()| items)
    }

    /// What an expression makes before it ends, and how it ends.
    fn some<'v>(&mut self, expr: &'v Expr, input: &Item<'v>, bound: Scope<'_, 'v>) -> (Vec<Item<'v>>, Flow) {
        let mut items = Vec::new();
        let flow = self.eval(expr, input, bound, &mut items);
        (items, flow)
    }

    fn alternative<'v>(
        &mut self,
        first: &'v Expr,
        second: &'v Expr,
        input: &Item<'v>,
        bound: Scope<'_, 'v>,
        out: &mut Vec<Item<'v>>,
    ) -> Flow {
        let (mut items, flow) = self.some(first, input, bound);
        if let Err(Stop::Spent) = flow {
            return flow;
        }
        items.retain(Item::is_truthy);
        if items.is_empty() {
            self.eval(second, input, bound, out)?;
        }
        out.append(&mut items);
        Ok(())
    }

    fn attempt<'v>(
        &mut self,
        body: &'v Expr,
        caught: Option<&'v Expr>,
        input: &Item<'v>,
        bound: Scope<'_, 'v>,
        out: &mut Vec<Item<'v>>,
    ) -> Flow {
        let (mut items, flow) = self.some(body, input, bound);
        out.append(&mut items);
        match (flow, caught) {
            (Err(Stop::Raised(message)), Some(caught)) => {
                self.eval(caught, &Item::made(Value::from(message)), bound, out)
            }
            (Err(Stop::Raised(_)), None) | (Ok(()), _) => Ok(()),
            (Err(Stop::Spent), _) => Err(Stop::Spent),
        }
    }

    fn logic<'v>(
        &mut self,
        decisive: bool,
        (left, right): (&'v Expr, &'v Expr),
        input: &Item<'v>,
        bound: Scope<'_, 'v>,
        out: &mut Vec<Item<'v>>,
    ) -> Flow {
        for left in self.all(left, input, bound)? {
            if left.is_truthy() == decisive {
                out.push(Item::made(Value::Bool(decisive)));
                continue;
            }
            let right = self.all(right, input, bound)?;
            out.extend(right.iter().map(|right| Item::made(Value::Bool(right.is_truthy()))));
        }
        Ok(())
    }

    fn choose<'v>(
        &mut self,
        branches: &'v [(Expr, Expr)],
        otherwise: Option<&'v Expr>,
        input: &Item<'v>,
        bound: Scope<'_, 'v>,
        out: &mut Vec<Item<'v>>,
    ) -> Flow {
        let Some(((condition, then), rest)) = branches.split_first() else {
            return match otherwise {
                Some(otherwise) => self.eval(otherwise, input, bound, out),
                None => {
                    out.push(input.clone());
                    Ok(())
                }
            };
        };
        for decided in self.all(condition, input, bound)? {
            if decided.is_truthy() {
                self.eval(then, input, bound, out)?;
            } else {
                self.choose(rest, otherwise, input, bound, out)?;
            }
        }
        Ok(())
    }

    /// Adds the parts of a list or an object.
    pub(super) fn iterate<'v>(&mut self, item: &Item<'v>, out: &mut Vec<Item<'v>>) -> Flow {
        if let Cow::Owned(made) = &item.value {
            self.spend(weight(made))?;
        }
        match &*item.value {
            Value::Array(items) => {
                self.spend(items.len())?;
                let part = |at: usize| item.part(Token::Index(at), item.look(|value| value.get(at)));
                out.extend((0..items.len()).map(part));
            }
            Value::Object(fields) => {
                self.spend(fields.len())?;
                let part = |name: &String| item.part(Token::Key(name.clone()), item.look(|value| value.get(name)));
                out.extend(fields.keys().map(part));
            }
            other => return Err(raised(format!("cannot iterate over {}", functions::type_of(other)))),
        }
        Ok(())
    }

    /// A pattern, compiled once for one evaluation.
    pub(super) fn pattern(&mut self, pattern: &str, flags: &str) -> Result<&Regex, Stop> {
        let key = format!("(?{flags}:{pattern})");
        if !self.patterns.contains_key(&key) {
            self.spend(1000)?;
            let mut builder = regex::RegexBuilder::new(pattern);
            builder.size_limit(1 << 20);
            for flag in flags.chars() {
                match flag {
                    'i' => builder.case_insensitive(true),
                    'x' => builder.ignore_whitespace(true),
                    's' => builder.dot_matches_new_line(true),
                    'g' | 'n' | 'l' => &mut builder,
                    _ => return Err(raised(format!("`{flag}` is no flag of a regular expression"))),
                };
            }
            let built = builder.build().map_err(|_| raised(format!("`{pattern}` is no regular expression")))?;
            self.patterns.insert(key.clone(), built);
        }
        Ok(&self.patterns[&key])
    }
}

pub(super) fn raised(message: impl Into<String>) -> Stop {
    Stop::Raised(message.into())
}

/// One part of a value; where there is none, it is null at the place where it would be.
pub(super) fn index<'v>(item: &Item<'v>, at: &Value) -> Result<Item<'v>, Stop> {
    match (&*item.value, at) {
        (Value::Object(_) | Value::Null, Value::String(name)) => {
            Ok(item.part(Token::Key(name.clone()), item.look(|value| value.get(name))))
        }
        (Value::Array(items), Value::Number(number)) => {
            let wanted = number.as_i64().ok_or_else(|| raised("an index has to be a whole number"))?;
            let from_end = || items.len().checked_sub(usize::try_from(wanted.unsigned_abs()).ok()?);
            let at = if wanted < 0 { from_end() } else { usize::try_from(wanted).ok() };
            // one that lies outside is nowhere
            let at = at.unwrap_or(usize::MAX);
            Ok(item.part(Token::Index(at), item.look(|value| value.get(at))))
        }
        (Value::Null, Value::Number(_)) => Ok(item.part(Token::Index(usize::MAX), Cow::Owned(Value::Null))),
        (value, at) => {
            Err(raised(format!("cannot index {} with {}", functions::type_of(value), functions::type_of(at))))
        }
    }
}

/// How many values a value is made of, long texts for more than one.
pub(super) fn weight(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(weight).sum(),
        Value::Object(fields) => fields.values().map(weight).sum(),
        Value::String(text) => text.len() / 256,
        _ => 0,
    }
}

fn holds(operator: Cmp, left: &Value, right: &Value) -> bool {
    let order = functions::order(left, right);
    match operator {
        Cmp::Lt => order.is_lt(),
        Cmp::Le => order.is_le(),
        Cmp::Gt => order.is_gt(),
        Cmp::Ge => order.is_ge(),
        Cmp::Eq => order.is_eq(),
        Cmp::Ne => order.is_ne(),
    }
}
