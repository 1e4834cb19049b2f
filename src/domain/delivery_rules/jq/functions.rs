//! The functions that expressions may call, and jq's order of values.

use std::cmp::Ordering;

use serde_json::{Map, Value};

use super::Expr;
use super::eval::{Flow, Item, Machine, Scope, Stop, index, raised, weight};

/// Their names, and with how many arguments they may be called.
pub(super) const KNOWN: &[(&str, &[usize])] = &[
    ("IN", &[1]),
    ("all", &[0, 1, 2]),
    ("any", &[0, 1, 2]),
    ("arrays", &[0]),
    ("ascii_downcase", &[0]),
    ("ascii_upcase", &[0]),
    ("booleans", &[0]),
    ("contains", &[1]),
    ("empty", &[0]),
    ("endswith", &[1]),
    ("error", &[0, 1]),
    ("first", &[0, 1]),
    ("getpath", &[1]),
    ("has", &[1]),
    ("index", &[1]),
    ("inside", &[1]),
    ("isempty", &[1]),
    ("iterables", &[0]),
    ("keys", &[0]),
    ("last", &[0, 1]),
    ("length", &[0]),
    ("ltrimstr", &[1]),
    ("map", &[1]),
    ("not", &[0]),
    ("nulls", &[0]),
    ("numbers", &[0]),
    ("objects", &[0]),
    ("recurse", &[0, 1, 2]),
    ("rtrimstr", &[1]),
    ("scalars", &[0]),
    ("select", &[1]),
    ("split", &[1]),
    ("startswith", &[1]),
    ("strings", &[0]),
    ("test", &[1, 2]),
    ("to_entries", &[0]),
    ("tonumber", &[0]),
    ("tostring", &[0]),
    ("type", &[0]),
    ("values", &[0]),
];

/// Calls a function of [`KNOWN`]. Those that hand their input or a part of it on keep its place.
pub(super) fn call<'v>(
    machine: &mut Machine,
    name: &str,
    arguments: &'v [Expr],
    input: &Item<'v>,
    bound: Scope<'_, 'v>,
    out: &mut Vec<Item<'v>>,
) -> Flow {
    match (name, arguments) {
        ("empty", []) => {}
        ("error", []) => return Err(raised(plain(&input.value))),
        ("error", [message]) => {
            let message = machine.all(message, input, bound)?;
            return Err(raised(message.first().map(|item| plain(&item.value)).unwrap_or_default()));
        }
        ("select", [condition]) => {
            let decided = machine.all(condition, input, bound)?;
            out.extend(decided.iter().filter(|item| item.is_truthy()).map(|_| input.clone()));
        }
        ("first", []) => out.push(index(input, &Value::from(0))?),
        ("last", []) => out.push(index(input, &Value::from(-1))?),
        ("first", [of]) => out.extend(machine.all(of, input, bound)?.into_iter().next()),
        ("last", [of]) => out.extend(machine.all(of, input, bound)?.pop()),
        ("getpath", [path]) => {
            for path in machine.all(path, input, bound)? {
                let steps = path.value.as_array().ok_or_else(|| raised("a path has to be a list"))?;
                let reached = steps.iter().try_fold(input.clone(), |item, step| index(&item, step))?;
                out.push(reached);
            }
        }
        ("IN", [of]) => {
            let others = machine.all(of, input, bound)?;
            machine.spend(others.len())?;
            let is_in = others.iter().any(|other| order(&input.value, &other.value).is_eq());
            out.push(Item::made(Value::Bool(is_in)));
        }
        ("recurse", steps) => recurse(machine, steps, input, bound, out)?,
        ("isempty", [of]) => out.push(Item::made(Value::Bool(machine.all(of, input, bound)?.is_empty()))),
        ("any" | "all", arguments) => {
            let answer = any_or_all(machine, name == "any", arguments, input, bound)?;
            out.push(Item::made(Value::Bool(answer)));
        }
        ("map", [each]) => {
            let mut parts = Vec::new();
            machine.iterate(input, &mut parts)?;
            let mut made = Vec::new();
            for part in &parts {
                machine.eval(each, part, bound, &mut made)?;
            }
            machine.spend(made.iter().map(|item| weight(&item.value)).sum())?;
            out.push(Item::made(made.into_iter().map(|item| item.value.into_owned()).collect()));
        }
        (_, []) if selects(name, &input.value).is_some() => {
            out.extend(selects(name, &input.value).filter(|fits| *fits).map(|_| input.clone()));
        }
        (_, []) => {
            machine.spend(weight(&input.value))?;
            out.push(Item::made(convert(name, &input.value)?));
        }
        ("test", [pattern, flags @ ..]) => {
            for pattern in machine.all(pattern, input, bound)? {
                let flags = match flags {
                    [flags, ..] => machine.all(flags, input, bound)?.first().map(|item| plain(&item.value)),
                    [] => None,
                };
                let text = text_of(&input.value)?;
                machine.spend(text.len())?;
                let found = machine.pattern(text_of(&pattern.value)?, &flags.unwrap_or_default())?.is_match(text);
                out.push(Item::made(Value::Bool(found)));
            }
        }
        (_, [other, ..]) => {
            for other in machine.all(other, input, bound)? {
                machine.spend(weight(&input.value).saturating_mul(weight(&other.value)))?;
                out.push(Item::made(together(name, &input.value, &other.value)?));
            }
        }
    }
    Ok(())
}

/// `..` and its like, without recursion.
fn recurse<'v>(
    machine: &mut Machine,
    steps: &'v [Expr],
    input: &Item<'v>,
    bound: Scope<'_, 'v>,
    out: &mut Vec<Item<'v>>,
) -> Flow {
    let mut waiting = vec![input.clone()];
    while let Some(item) = waiting.pop() {
        machine.spend(1)?;
        let mut below = Vec::new();
        match steps {
            [] if !matches!(*item.value, Value::Array(_) | Value::Object(_)) => {}
            [] => machine.iterate(&item, &mut below)?,
            [step, conditions @ ..] => {
                for next in machine.all(step, &item, bound)? {
                    let goes_on = match conditions {
                        [condition, ..] => machine.all(condition, &next, bound)?.iter().any(Item::is_truthy),
                        [] => true,
                    };
                    below.extend(goes_on.then_some(next));
                }
            }
        }
        out.push(item);
        waiting.extend(below.into_iter().rev());
    }
    Ok(())
}

fn any_or_all<'v>(
    machine: &mut Machine,
    any: bool,
    arguments: &'v [Expr],
    input: &Item<'v>,
    bound: Scope<'_, 'v>,
) -> Result<bool, Stop> {
    let mut items = Vec::new();
    match arguments {
        [of, _] => items = machine.all(of, input, bound)?,
        _ => machine.iterate(input, &mut items)?,
    }
    for item in &items {
        let holds = match arguments {
            [.., condition] => machine.all(condition, item, bound)?.iter().any(|item| item.is_truthy() == any) == any,
            [] => item.is_truthy(),
        };
        if holds == any {
            return Ok(any);
        }
    }
    Ok(!any)
}

/// Whether a selector by type lets a value pass; none if it is another function.
fn selects(name: &str, value: &Value) -> Option<bool> {
    let is_iterable = value.is_array() || value.is_object();
    Some(match name {
        "values" => !value.is_null(),
        "nulls" => value.is_null(),
        "booleans" => value.is_boolean(),
        "numbers" => value.is_number(),
        "strings" => value.is_string(),
        "arrays" => value.is_array(),
        "objects" => value.is_object(),
        "iterables" => is_iterable,
        "scalars" => !is_iterable,
        _ => return None,
    })
}

/// Functions of their input alone.
fn convert(name: &str, value: &Value) -> Result<Value, Stop> {
    Ok(match name {
        "not" => Value::Bool(matches!(value, Value::Null | Value::Bool(false))),
        "type" => Value::from(type_of(value)),
        "length" => match value {
            Value::Null => Value::from(0),
            Value::Array(items) => Value::from(items.len()),
            Value::Object(fields) => Value::from(fields.len()),
            Value::String(text) => Value::from(text.chars().count()),
            Value::Number(number) => Value::from(number.as_f64().unwrap_or_default().abs()),
            Value::Bool(_) => return Err(raised("a boolean has no length")),
        },
        "keys" => match value {
            Value::Array(items) => (0..items.len()).map(Value::from).collect(),
            Value::Object(fields) => {
                let mut names: Vec<_> = fields.keys().collect();
                names.sort();
                names.into_iter().cloned().map(Value::from).collect()
            }
            other => return Err(raised(format!("{} has no keys", type_of(other)))),
        },
        "to_entries" => {
            let fields = value.as_object().ok_or_else(|| raised(format!("{} has no entries", type_of(value))))?;
            let entry = |(name, value): (&String, &Value)| {
                let pair = [("key", Value::from(name.clone())), ("value", value.clone())];
                Value::Object(pair.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>())
            };
            fields.iter().map(entry).collect()
        }
        "tostring" => Value::from(plain(value)),
        "tonumber" => match value {
            Value::Number(_) => value.clone(),
            Value::String(text) => {
                serde_json::from_str::<serde_json::Number>(text.trim()).map_err(|_| raised("is no number"))?.into()
            }
            other => return Err(raised(format!("{} is no number", type_of(other)))),
        },
        "ascii_downcase" => Value::from(text_of(value)?.to_ascii_lowercase()),
        _ => Value::from(text_of(value)?.to_ascii_uppercase()),
    })
}

/// Functions of their input and one value more.
fn together(name: &str, value: &Value, other: &Value) -> Result<Value, Stop> {
    Ok(match name {
        "has" => Value::Bool(match (value, other) {
            (Value::Object(fields), Value::String(name)) => fields.contains_key(name),
            (Value::Array(items), Value::Number(at)) => at.as_u64().is_some_and(|at| at < items.len() as u64),
            _ => return Err(raised(format!("{} cannot have {}", type_of(value), type_of(other)))),
        }),
        "contains" => Value::Bool(contains(value, other)?),
        "inside" => Value::Bool(contains(other, value)?),
        "startswith" => Value::Bool(text_of(value)?.starts_with(text_of(other)?)),
        "endswith" => Value::Bool(text_of(value)?.ends_with(text_of(other)?)),
        // these two leave alone what is no text
        "ltrimstr" => trimmed(value, other, |text, end| text.strip_prefix(end)),
        "rtrimstr" => trimmed(value, other, |text, end| text.strip_suffix(end)),
        "split" => text_of(value)?.split(text_of(other)?).map(Value::from).collect(),
        _ => match (value, other) {
            (Value::String(text), Value::String(part)) => text.find(&**part).map_or(Value::Null, Value::from),
            _ => return Err(raised(format!("{} has no index of {}", type_of(value), type_of(other)))),
        },
    })
}

fn trimmed(value: &Value, end: &Value, trim: impl for<'t> Fn(&'t str, &str) -> Option<&'t str>) -> Value {
    let shorter = value.as_str().zip(end.as_str()).and_then(|(text, end)| trim(text, end));
    shorter.map_or_else(|| value.clone(), Value::from)
}

fn contains(whole: &Value, part: &Value) -> Result<bool, Stop> {
    Ok(match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => {
            for (name, value) in part {
                match whole.get(name) {
                    Some(own) if contains(own, value)? => {}
                    _ => return Ok(false),
                }
            }
            true
        }
        (Value::Array(whole), Value::Array(part)) => {
            part.iter().all(|value| whole.iter().any(|own| contains(own, value).is_ok_and(|inside| inside)))
        }
        (Value::String(whole), Value::String(part)) => whole.contains(&**part),
        _ if type_of(whole) == type_of(part) => order(whole, part).is_eq(),
        _ => return Err(raised(format!("{} cannot contain {}", type_of(whole), type_of(part)))),
    })
}

fn text_of(value: &Value) -> Result<&str, Stop> {
    value.as_str().ok_or_else(|| raised(format!("{} is no string", type_of(value))))
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// jq's name of a type.
pub(super) fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// jq's order: null, false, true, numbers, strings, arrays, objects.
pub(super) fn order(left: &Value, right: &Value) -> Ordering {
    let rank = |value: &Value| match value {
        Value::Null => 0,
        Value::Bool(false) => 1,
        Value::Bool(true) => 2,
        Value::Number(_) => 3,
        Value::String(_) => 4,
        Value::Array(_) => 5,
        Value::Object(_) => 6,
    };
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => {
            left.as_f64().unwrap_or_default().total_cmp(&right.as_f64().unwrap_or_default())
        }
        (Value::String(left), Value::String(right)) => left.cmp(right),
        (Value::Array(left), Value::Array(right)) => {
            let pairs = left.iter().zip(right).map(|(left, right)| order(left, right));
            pairs.into_iter().find(|order| order.is_ne()).unwrap_or_else(|| left.len().cmp(&right.len()))
        }
        (Value::Object(left), Value::Object(right)) => {
            let sorted = |fields: &Map<String, Value>| {
                let mut names: Vec<_> = fields.keys().cloned().collect();
                names.sort();
                names
            };
            let names = sorted(left);
            names.cmp(&sorted(right)).then_with(|| {
                let values = names.iter().map(|name| order(&left[name], &right[name]));
                values.into_iter().find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
            })
        }
        _ => rank(left).cmp(&rank(right)),
    }
}
