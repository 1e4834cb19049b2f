//! GitHub's own API description, as `tests/data/github` has it: holds requests and replies against it, and makes the least
//! reply that it accepts. The description leaves request bodies open, so that a misspelt member would pass: they are
//! closed here.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use apollo_compiler::Schema;
use apollo_compiler::validation::Valid;
use jsonschema::Validator;
use serde_json::{Map, Value, json};

const DESCRIPTION: &str = include_str!("../../../data/github/contract.json");
const GRAPHQL: &str = include_str!("../../../data/github/github.graphql");

/// One operation of the REST API.
pub(crate) struct Operation {
    /// `pulls/create`
    pub(crate) id: String,
    pub(crate) method: String,
    segments: Vec<String>,
    query: Vec<Parameter>,
    path: Vec<Parameter>,
    /// Whether a body has to be there, and what it may be.
    body: Option<(bool, Validator)>,
    replies: BTreeMap<u16, Option<Validator>>,
}

struct Parameter {
    name: String,
    schema: Value,
    validator: Validator,
}

/// The operations and the schemas they share.
pub(crate) struct Contract {
    pub(crate) operations: Vec<Operation>,
    definitions: Value,
    pub(crate) graphql: Valid<Schema>,
}

/// Compiled once for all tests of the process.
pub(crate) fn contract() -> &'static Contract {
    static CONTRACT: OnceLock<Contract> = OnceLock::new();
    CONTRACT.get_or_init(Contract::load)
}

/// Values of the `{…}` segments of an operation's path.
pub(crate) type PathValues = BTreeMap<String, String>;

impl Contract {
    fn load() -> Self {
        let description: Value = serde_json::from_str(DESCRIPTION).expect("contract.json is JSON");
        let definitions = description["$defs"].clone();
        let described = description["operations"].as_object().expect("operations");
        let operations = described.iter().map(|(id, operation)| Operation::load(id, operation, &definitions)).collect();
        let graphql = Schema::parse_and_validate(GRAPHQL, "github.graphql").expect("github.graphql is a schema");
        Self { operations, definitions, graphql }
    }

    /// The operation behind a request, and what stands in its path.
    pub(crate) fn find(&self, method: &str, path: &str) -> Option<(&Operation, PathValues)> {
        let given: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        self.operations
            .iter()
            .filter(|operation| operation.method == method)
            .find_map(|operation| operation.values(&given).map(|values| (operation, values)))
    }

    /// The least value that a named schema accepts; real values are laid over it.
    pub(crate) fn least(&self, name: &str) -> Value {
        self.least_of(&json!({ "$ref": format!("#/$defs/{name}") }))
    }

    fn least_of(&self, schema: &Value) -> Value {
        if let Some(name) = referenced(schema) {
            return self.least_of(&self.definitions[name]);
        }
        if let Some(options) = schema["anyOf"].as_array().or(schema["oneOf"].as_array()) {
            let nullable = options.iter().any(|option| option["type"] == "null");
            return if nullable { Value::Null } else { self.least_of(&options[0]) };
        }
        if let Some(parts) = schema["allOf"].as_array() {
            let parts: Vec<_> = parts.iter().map(|part| self.least_of(part)).collect();
            let objects: Option<Vec<_>> = parts.iter().map(Value::as_object).collect();
            return objects
                .map_or_else(|| parts[0].clone(), |objects| objects.into_iter().flat_map(Clone::clone).collect());
        }
        if let Some(options) = schema["enum"].as_array() {
            return options[0].clone();
        }
        let is_object = schema["properties"].is_object();
        match &schema["type"] {
            Value::Array(_) => Value::Null,
            kind => match kind.as_str().unwrap_or(if is_object { "object" } else { "string" }) {
                "object" => self.least_object(schema),
                "array" => json!([]),
                "integer" | "number" => json!(schema["minimum"].as_i64().unwrap_or(0)),
                "boolean" => json!(false),
                _ => least_text(schema),
            },
        }
    }

    fn least_object(&self, schema: &Value) -> Value {
        let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let member = |name: &str| {
            let value = self.least_of(&schema["properties"][name]);
            let is_address = name.ends_with("url") || name == "href";
            match value.as_str() {
                Some("") if is_address => json!("https://example.invalid/"),
                Some("") if name.ends_with("_at") => json!("2026-01-02T03:04:05Z"),
                _ => value,
            }
        };
        required.map(|name| (name.to_owned(), member(name))).collect()
    }
}

fn least_text(schema: &Value) -> Value {
    match schema["format"].as_str() {
        Some("date-time") => json!("2026-01-02T03:04:05Z"),
        Some("uri") => json!("https://example.invalid/"),
        Some("email") => json!("someone@example.invalid"),
        _ => {
            json!("0".repeat(schema["minLength"].as_u64().and_then(|length| usize::try_from(length).ok()).unwrap_or(0)))
        }
    }
}

impl Operation {
    fn load(id: &str, described: &Value, definitions: &Value) -> Self {
        let parameters = |place: &str| {
            let all = described["params"].as_array().expect("params").iter().filter(|each| each["in"] == place);
            let parameter = |each: &Value| Parameter {
                name: each["name"].as_str().expect("name").to_owned(),
                schema: each["schema"].clone(),
                validator: compile(&each["schema"], definitions),
            };
            all.map(parameter).collect()
        };
        let body = described.get("request").map(|request| {
            let (mut schema, mut closed) = (request["schema"].clone(), definitions.clone());
            close(&mut schema);
            close(&mut closed);
            (request["required"] == true, compile(&schema, &closed))
        });
        let replies = described["responses"].as_object().expect("responses").iter().map(|(status, schema)| {
            let validator = (!schema.is_null()).then(|| compile(schema, definitions));
            (status.parse().expect("status"), validator)
        });
        let path = described["path"].as_str().expect("path").trim_start_matches('/');
        Self {
            id: id.to_owned(),
            method: described["method"].as_str().expect("method").to_owned(),
            segments: path.split('/').map(str::to_owned).collect(),
            query: parameters("query"),
            path: parameters("path"),
            body,
            replies: replies.collect(),
        }
    }

    fn values(&self, given: &[&str]) -> Option<PathValues> {
        if self.segments.len() != given.len() {
            return None;
        }
        let mut values = PathValues::new();
        for (segment, given) in self.segments.iter().zip(given) {
            match segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
                Some(_) if given.is_empty() => return None,
                Some(name) => drop(values.insert(name.to_owned(), (*given).to_owned())),
                None if segment != given => return None,
                None => {}
            }
        }
        Some(values)
    }

    /// What is wrong with a request.
    pub(crate) fn check_request(&self, path: &PathValues, query: &[(String, String)], body: &[u8]) -> Vec<String> {
        let mut wrong = Vec::new();
        for parameter in &self.path {
            wrong.extend(
                parameter.check(&path[&parameter.name]).map(|error| format!("path {}: {error}", parameter.name)),
            );
        }
        for (name, value) in query {
            match self.query.iter().find(|parameter| parameter.name == *name) {
                None => wrong.push(format!("query {name}: no parameter of {}", self.id)),
                Some(parameter) => wrong.extend(parameter.check(value).map(|error| format!("query {name}: {error}"))),
            }
            // told in words only: https://docs.github.com/en/rest/using-the-rest-api/using-pagination-in-the-rest-api
            if name == "per_page" && !value.parse().is_ok_and(|count: u32| (1..=100).contains(&count)) {
                wrong.push("query per_page: GitHub gives at most 100".to_owned());
            }
        }
        match (&self.body, body.is_empty()) {
            (None, true) | (Some((false, _)), true) => {}
            (None, false) => wrong.push("body: the operation takes none".to_owned()),
            (Some((true, _)), true) => wrong.push("body: is required".to_owned()),
            (Some((_, validator)), false) => match serde_json::from_slice(body) {
                Err(error) => wrong.push(format!("body: no JSON: {error}")),
                Ok(body) => wrong.extend(errors(validator, &body).map(|error| format!("body {error}"))),
            },
        }
        wrong
    }

    /// What is wrong with a reply. Refusals for reasons of access, rate or failure may come from everywhere.
    pub(crate) fn check_reply(&self, status: u16, body: &Value) -> Vec<String> {
        match self.replies.get(&status) {
            Some(Some(validator)) => errors(validator, body).collect(),
            Some(None) => Vec::new(),
            None if [301, 307, 401, 403, 404, 422, 429].contains(&status) || status >= 500 => Vec::new(),
            None => vec![format!("the status {status} is not described")],
        }
    }
}

impl Parameter {
    fn check(&self, given: &str) -> Option<String> {
        let value = match self.schema["type"].as_str() {
            Some("integer") => given.parse::<i64>().map_or_else(|_| json!(given), |number| json!(number)),
            Some("boolean") => given.parse::<bool>().map_or_else(|_| json!(given), |flag| json!(flag)),
            _ => json!(given),
        };
        errors(&self.validator, &value).next()
    }
}

fn errors<'v>(validator: &'v Validator, value: &'v Value) -> impl Iterator<Item = String> + 'v {
    validator.iter_errors(value).map(|error| {
        let text: String = error.to_string().chars().take(200).collect();
        format!("{}: {text}", error.instance_path())
    })
}

fn compile(schema: &Value, definitions: &Value) -> Validator {
    let mut needed = Map::new();
    reach(schema, definitions, &mut needed);
    let whole = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema", "allOf": [schema], "$defs": needed,
    });
    let is_name = |text: &str| {
        let parts: Vec<_> = text.split('/').collect();
        parts.len() == 2 && parts.iter().all(|part| !part.is_empty())
    };
    let options = jsonschema::options().with_draft(jsonschema::Draft::Draft202012).should_validate_formats(true);
    options.with_format("repo.nwo", is_name).build(&whole).expect("the description holds schemas")
}

fn referenced(schema: &Value) -> Option<String> {
    let pointer = schema["$ref"].as_str()?;
    Some(pointer.trim_start_matches("#/$defs/").replace("~1", "/").replace("~0", "~"))
}

/// Collects the definitions that a schema leads to.
fn reach(schema: &Value, definitions: &Value, needed: &mut Map<String, Value>) {
    if let Some(name) = referenced(schema)
        && !needed.contains_key(&name)
    {
        needed.insert(name.clone(), definitions[&name].clone());
        reach(&definitions[&name], definitions, needed);
    }
    match schema {
        Value::Object(members) => members.values().for_each(|member| reach(member, definitions, needed)),
        Value::Array(items) => items.iter().for_each(|item| reach(item, definitions, needed)),
        _ => {}
    }
}

fn close(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if members.contains_key("properties") && !members.contains_key("additionalProperties") {
                members.insert("additionalProperties".to_owned(), json!(false));
            }
            members.values_mut().for_each(close);
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}
