//! What templates may call besides what Jinja has: the functions that the platform's templates expect, and filters as
//! Ansible names them. docs/jinja.md has the table.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minijinja::value::{Kwargs, Rest, Serde, ValueKind};
use minijinja::{Environment, Error, ErrorKind, State, Value};
use serde_json::{Value as Json, json};

use crate::domain::yaml::read_documents;
use crate::domain::yaml::write::to_yaml;

/// What a workload gets at an expected load of 1000 in production: millicores, MiB and GPUs. The first is for any other.
const WORKLOADS: [(&str, [f64; 3]); 3] = [
    ("inference", [1000.0, 2048.0, 0.0]),
    ("training", [4000.0, 16_384.0, 1.0]),
    ("data_processing", [8000.0, 32_768.0, 0.0]),
];
/// What the platform's own validation allows: 100m to 32 CPUs, 128Mi to 256Gi, up to 8 GPUs.
const CPU: (f64, f64) = (100.0, 32_000.0);
const MEMORY: (f64, f64) = (128.0, 262_144.0);
const GPUS: f64 = 8.0;

/// How deep values that are written as YAML or JSON may be nested.
const DEPTH: usize = 100;

/// Gives an environment the functions and filters.
pub(super) fn add_to(environment: &mut Environment<'_>) {
    environment.add_function("resource_calculation", resource_calculation);
    environment.add_function("security_level", security_level);
    environment.add_function("compliance_requirements", compliance_requirements);
    for name in ["to_yaml", "to_nice_yaml"] {
        environment.add_filter(name, |value: Value, _: Kwargs| Ok::<_, Error>(to_yaml(&json_of(&value)?)));
    }
    environment.add_filter("to_json", |value: Value, _: Kwargs| Ok::<_, Error>(json_of(&value)?.to_string()));
    environment.add_filter("to_nice_json", |value: Value, _: Kwargs| Ok::<_, Error>(format!("{:#}", json_of(&value)?)));
    environment.add_filter("from_json", |text: &str| {
        let parsed: Json = serde_json::from_str(text).map_err(|_| refuse("cannot read the text as JSON"))?;
        Ok::<_, Error>(Value::from(Serde(parsed)))
    });
    environment.add_filter("from_yaml", |text: &str| {
        let documents = read_documents(text).map_err(|_| refuse("cannot read the text as YAML"))?;
        let root = documents.first().and_then(|document| document.root.as_ref());
        Ok::<_, Error>(root.map_or_else(|| Value::from(()), |root| super::values::to_value(&root.content)))
    });
    environment.add_filter("b64encode", |value: Value| Ok::<_, Error>(STANDARD.encode(text_of(&value)?)));
    environment.add_filter("b64decode", |text: &str| {
        let bytes = STANDARD.decode(text.trim()).map_err(|_| refuse("cannot decode the text, it is no base64"))?;
        String::from_utf8(bytes).map_err(|_| refuse("cannot decode the text, it is not UTF-8"))
    });
    environment.add_filter("quote", |value: Value| Ok::<_, Error>(Json::from(text_of(&value)?).to_string()));
    environment.add_filter(
        "ternary",
        |condition: Value, yes: Value, no: Value| {
            if condition.is_true() { yes } else { no }
        },
    );
}

/// `resource_calculation(workload_type, expected_load, environment)`: requests in Kubernetes' own units, rounded up and
/// within what the platform allows.
fn resource_calculation(state: &State<'_, '_>, args: Rest<Value>, kwargs: Kwargs) -> Result<Value, Error> {
    let workload = argument(&args, &kwargs, 0, "workload_type")?.ok_or_else(|| missing("workload_type"))?;
    let load = argument(&args, &kwargs, 1, "expected_load")?.ok_or_else(|| missing("expected_load"))?;
    let environment = environment_of(state, &args, &kwargs, 2)?;
    kwargs.assert_all_used()?;
    let load = f64::try_from(load).map_err(|_| refuse("cannot calculate resources, `expected_load` is no number"))?;
    let known = WORKLOADS.iter().find(|(name, _)| workload.as_str() == Some(name));
    let [cpu, memory, gpus] = known.unwrap_or(&WORKLOADS[0]).1;
    let share = match environment.as_str() {
        "development" => 0.25,
        "staging" => 0.75,
        _ => 1.0,
    };
    let factor = share * (load / 1000.0).clamp(0.1, 10.0);
    // a share such as 0.075 is not exact, and must not round up what is whole
    let exact = |amount: f64| (amount * 1e6).round() / 1e6;
    let scaled = |base: f64, (least, most): (f64, f64)| exact(base * factor).ceil().clamp(least, most) as u64;
    let gpus = if gpus > 0.0 { scaled(gpus, (1.0, GPUS)) } else { 0 };
    Ok(Value::from(Serde(json!({
        "cpu": in_units(scaled(cpu, CPU), 1000, "", "m"),
        "memory": in_units(scaled(memory, MEMORY), 1024, "Gi", "Mi"),
        "gpu": gpus,
    }))))
}

/// Whole numbers of the larger unit, else the smaller one.
fn in_units(amount: u64, size: u64, larger: &str, smaller: &str) -> String {
    if amount.is_multiple_of(size) { format!("{}{larger}", amount / size) } else { format!("{amount}{smaller}") }
}

/// `security_level(environment)`. An environment that nobody knows is protected like production.
fn security_level(state: &State<'_, '_>, args: Rest<Value>, kwargs: Kwargs) -> Result<&'static str, Error> {
    let environment = environment_of(state, &args, &kwargs, 0)?;
    kwargs.assert_all_used()?;
    Ok(match environment.as_str() {
        "development" => "relaxed",
        "staging" => "strict",
        _ => "maximum",
    })
}

/// `compliance_requirements(environment)`. Only development may do with less than production.
fn compliance_requirements(state: &State<'_, '_>, args: Rest<Value>, kwargs: Kwargs) -> Result<Value, Error> {
    let environment = environment_of(state, &args, &kwargs, 0)?;
    kwargs.assert_all_used()?;
    let (labels, registries): (&[&str], &[&str]) = if environment == "development" {
        (&["team", "environment"], &["*"])
    } else {
        (&["team", "cost-center", "environment"], &["gcr.io/company", "company.azurecr.io"])
    };
    Ok(Value::from(Serde(json!({
        "required_labels": labels,
        "allowed_registries": registries,
        "encryption": "required",
        "access_logging": "enabled",
        "retention_days": {"min": 90, "max": 2555},
    }))))
}

/// The environment that is given, else the value of that name.
fn environment_of(state: &State<'_, '_>, args: &[Value], kwargs: &Kwargs, index: usize) -> Result<String, Error> {
    let given = argument(args, kwargs, index, "environment")?;
    let environment = given.or_else(|| state.lookup("environment")).ok_or_else(|| missing("environment"))?;
    text_of(&environment)
}

fn argument(args: &[Value], kwargs: &Kwargs, index: usize, name: &str) -> Result<Option<Value>, Error> {
    match args.get(index) {
        Some(value) => Ok(Some(value.clone())),
        None if kwargs.has(name) => kwargs.get(name).map(Some),
        None => Ok(None),
    }
}

fn json_of(value: &Value) -> Result<Json, Error> {
    if has_undefined(value, DEPTH) {
        return Err(ErrorKind::UndefinedError.into());
    }
    serde_json::to_value(value).map_err(|_| refuse("cannot write the value as YAML or JSON"))
}

/// Whether a value is undefined or holds something that is; what is nested deeper than any manifest counts too.
fn has_undefined(value: &Value, depth: usize) -> bool {
    let below = |item: Value| depth == 0 || has_undefined(&item, depth - 1);
    match value.kind() {
        ValueKind::Undefined => true,
        ValueKind::Seq | ValueKind::Iterable => value.try_iter().is_ok_and(|mut items| items.any(below)),
        ValueKind::Map => value
            .try_iter()
            .is_ok_and(|mut keys| keys.any(|key| below(value.get_item(&key).unwrap_or(Value::UNDEFINED)))),
        _ => false,
    }
}

fn text_of(value: &Value) -> Result<String, Error> {
    if value.is_undefined() { Err(ErrorKind::UndefinedError.into()) } else { Ok(value.to_string()) }
}

fn missing(name: &str) -> Error {
    Error::new(ErrorKind::MissingArgument, format!("`{name}` is not given"))
}

fn refuse(message: &'static str) -> Error {
    Error::new(ErrorKind::InvalidOperation, message)
}
