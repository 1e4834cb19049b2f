//! The walk over a declared and a live object, guided by the type of each field.
//!
//! Declared and different is changed, declared and absent is removed (or unknown to the schema). What only the live object has passes a sieve:
//! empty, default, allocated and tool-written fields are no drift, then ownership decides (see facts of each rule in
//! [`crate::domain::normalize`] and [`crate::domain::ownership`]).

use serde_json::{Map, Value};

use crate::domain::drift::amount::distance;
use crate::domain::drift::compare::{Comparison, Explained, Rules};
use crate::domain::drift::unknown_field::UnknownField;
use crate::domain::drift::{Change, Confidence, Difference, ManagerClass};
use crate::domain::field_path::{FieldPath, Step};
use crate::domain::normalize::defaults::{self, Site};
use crate::domain::normalize::written::{is_tool_annotation, is_tool_label};
use crate::domain::normalize::{
    RESTORE_ANNOTATION, is_nothing, is_skipped, may_be_written_by_any, scalar, zero_matters,
};
use crate::domain::ownership::{Entry, Owners, latest};
use crate::domain::resource::LiveObject;
use crate::domain::schema::{Field, Schemas, Shape};

/// Where the walk is and what it found.
pub(super) struct Walker<'a> {
    pub(super) root: &'a Value,
    shape: Shape,
    custom: bool,
    owners: Owners<'a>,
    pub(super) path: FieldPath,
    /// How many steps lead to the outermost part that is owned as one unit.
    pub(super) unit: Option<usize>,
    /// How many more pairs of items may be tried where a list's order means nothing.
    pub(super) tries: usize,
    pub(super) found: Comparison,
}

/// The object that holds a field: its type's name and what is declared in it.
#[derive(Clone, Copy)]
pub(super) struct Holder<'v> {
    pub(super) part: &'v str,
    pub(super) field: &'v str,
    pub(super) declared: &'v Map<String, Value>,
}

impl<'a> Walker<'a> {
    pub(super) fn new(declared: &'a Value, live: &'a LiveObject, rules: &Rules<'a>) -> Self {
        let text = |name: &str| declared.get(name).and_then(Value::as_str).unwrap_or_default();
        let (api_version, kind) = (text("apiVersion"), text("kind"));
        Self {
            root: declared,
            shape: rules.schemas.kind(api_version, kind),
            custom: !Schemas::is_built_in(api_version, kind),
            owners: Owners::read(live.managed_fields.as_deref(), rules.managers, rules.delivery_manager),
            path: FieldPath::root(),
            unit: None,
            tries: 20_000,
            found: Comparison::default(),
        }
    }

    pub(super) fn run(mut self, live: &Value) -> Comparison {
        let shape = self.shape.clone();
        if let (Some(declared), Some(live)) = (self.root.as_object(), live.as_object()) {
            self.object(&shape, declared, live, None);
        }
        self.found
    }

    /// Two values of one field, both there.
    pub(super) fn value(&mut self, shape: &Shape, declared: &Value, live: &Value, holder: Option<Holder<'_>>) {
        match (declared, live) {
            (Value::Object(declared), Value::Object(live)) => self.object(shape, declared, live, holder),
            (Value::Array(declared), Value::Array(live)) => self.list(shape, declared, live, holder),
            _ if scalar::same(shape, self.custom, declared, live) => {}
            _ if is_nothing(shape, declared) && is_nothing(shape, live) => {}
            _ => self.report(Change::Changed, shape, Some(declared), Some(live)),
        }
    }

    fn object(
        &mut self,
        shape: &Shape,
        declared: &Map<String, Value>,
        live: &Map<String, Value>,
        holder: Option<Holder<'_>>,
    ) {
        let before = self.unit;
        let atomic = match shape {
            Shape::Struct(part) => part.atomic,
            Shape::Map(map) => map.atomic,
            _ => false,
        };
        if atomic {
            self.unit.get_or_insert(self.path.steps().len());
        }
        let part = if let Shape::Struct(part) = shape { &*part.name } else { "" };
        let only_live = live.keys().filter(|name| !declared.contains_key(*name));
        for name in declared.keys().chain(only_live) {
            if is_skipped(part, name, self.path.is_root(), Some(declared)) || name == RESTORE_ANNOTATION {
                continue;
            }
            self.path.push(Step::Field(name.clone()));
            let field = self.field(shape, name);
            let here = Holder { part, field: name, declared };
            let present = |value: Option<&'_ Value>| value.is_some_and(|value| !value.is_null());
            match (declared.get(name), live.get(name)) {
                (Some(value), Some(other)) if present(Some(value)) && present(Some(other)) => {
                    if self.counts_as_unset(&field, here, value, other) {
                        self.added(&field, other, here, holder);
                    } else {
                        self.value(&field.shape, value, other, Some(here));
                    }
                }
                (Some(value), _) if present(Some(value)) => match UnknownField::find(shape, name, value, &self.path) {
                    Some(unknown) => self.found.unknown.push(unknown),
                    None => self.removed(shape, &field, value, here),
                },
                // in a map, a declared null is kept as an empty value by some ways of applying, and dropped by others
                (Some(_), Some(other)) if is_nothing(&field.shape, other) => {}
                (_, Some(other)) if present(Some(other)) => self.added(&field, other, here, holder),
                _ => {}
            }
            self.path.pop();
        }
        self.unit = before;
    }

    fn field(&self, shape: &Shape, name: &str) -> Field {
        let any = |shape: Shape| Field { name: name.to_owned().into(), shape, default: None };
        match shape {
            Shape::Struct(part) => part.field(name).cloned().unwrap_or_else(|| any(Shape::Any)),
            Shape::Map(map) => any(map.value.clone()),
            Shape::Any if self.path.steps().len() == 1 && name == "metadata" => any(Schemas::object_meta()),
            _ => any(Shape::Any),
        }
    }

    /// Whether the API server took the declared value for "not set" and filled in a default.
    fn counts_as_unset(&self, field: &Field, here: Holder<'_>, declared: &Value, live: &Value) -> bool {
        if here.part.is_empty() || is_nothing(&field.shape, live) || zero_matters(here.part, here.field) {
            return false;
        }
        if live.is_object() {
            let site = Site { root: self.root, declared: Some(here.declared) };
            let default = || defaults::find(here.part, here.field).and_then(|default| default.value(&site));
            return *declared == Value::Object(Map::new()) && default().as_ref() == Some(live);
        }
        match defaults::find(here.part, here.field) {
            Some(default) => default.is_unset_by(declared),
            None => matches!(declared, Value::String(text) if text.is_empty()),
        }
    }

    fn removed(&mut self, parent: &Shape, field: &Field, declared: &Value, here: Holder<'_>) {
        let in_map = matches!(parent, Shape::Map(_));
        // where zero is something else than nothing, the API server would have filled its default in again
        let matters = zero_matters(here.part, here.field);
        let says_something = !is_nothing(&field.shape, declared) || in_map || matters;
        let site = Site { root: self.root, declared: None };
        let is_default =
            defaults::find(here.part, here.field).and_then(|default| default.value(&site)).as_ref() == Some(declared);
        if !says_something || (is_default && !matters) {
            return;
        }
        match (&field.shape, declared) {
            // the entries are what was lost, whether others are left or not
            (Shape::Map(map), Value::Object(entries)) if !map.atomic && self.unit.is_none() => {
                for (name, value) in entries.iter().filter(|(_, value)| !value.is_null()) {
                    self.path.push(Step::Field(name.clone()));
                    self.report(Change::Removed, &map.value, Some(value), None);
                    self.path.pop();
                }
            }
            _ => self.report(Change::Removed, &field.shape, Some(declared), None),
        }
    }

    /// A field that only the live object has, or that Git leaves to its default.
    fn added(&mut self, field: &Field, live: &Value, here: Holder<'_>, holder: Option<Holder<'_>>) {
        let site = Site { root: self.root, declared: Some(here.declared) };
        let in_map = here.part.is_empty();
        // of a part with known fields each one is looked at: a zero may be none of its default
        let has_fields =
            matches!((&field.shape, live), (Shape::Struct(_), Value::Object(fields)) if !fields.is_empty());
        let is_looked_into = in_map || (has_fields && self.unit.is_none());
        if (!is_looked_into && is_nothing(&field.shape, live) && !self.is_telling_zero(live, here, &site))
            || self.is_filled_in(field, live, here, &site)
            || self.is_written_by_tool(field, live, here, holder)
        {
            return;
        }
        match (live, &field.shape) {
            // the smallest parts that are no defaults are told, unless the whole is owned as one
            (Value::Object(fields), Shape::Struct(_) | Shape::Map(_)) if self.unit.is_none() => {
                self.object(&field.shape, &Map::new(), fields, Some(here));
            }
            (Value::Array(items), Shape::List(_)) => self.list(&field.shape, &[], items, Some(here)),
            _ => {
                let default = self.neutral(field, live, here, &site);
                self.report_added(live, default);
            }
        }
    }

    /// Whether a live zero, false or "" was set by somebody: the API server would have filled in something else.
    fn is_telling_zero(&self, live: &Value, here: Holder<'_>, site: &Site<'_>) -> bool {
        let default = || defaults::find(here.part, here.field).and_then(|default| default.value(site));
        let is_scalar = live.is_number() || live.is_boolean() || live.is_string();
        zero_matters(here.part, here.field)
            || (is_scalar && default().is_some_and(|default| !is_nothing(&Shape::Any, &default)))
    }

    fn is_filled_in(&mut self, field: &Field, live: &Value, here: Holder<'_>, site: &Site<'_>) -> bool {
        match defaults::find(here.part, here.field) {
            Some(defaults::Default::Allocated) if !self.is_in_template(here) => return !self.is_chosen(here),
            Some(default)
                if default.value(site).is_some_and(|value| scalar::same(&field.shape, false, &value, live)) =>
            {
                return true;
            }
            _ => {}
        }
        // into what a default holds, further defaults are filled in
        field.default.as_deref().is_some_and(|default| self.is_same(&field.shape, default, live))
            || (defaults::may_have_been(here.part, here.field, live) && !self.is_chosen(here))
            || self.is_filled_map(field, live, here, site)
    }

    /// Whether somebody wrote a value that otherwise the API server or a controller picks. Below a part that is owned as
    /// one, and where nothing is recorded, nobody can tell.
    pub(super) fn is_chosen(&self, here: Holder<'_>) -> bool {
        let inside = self.unit.is_some_and(|unit| unit < self.path.steps().len());
        let owners = self.owners.of(self.path.steps(), None);
        // who declares it as "" or 0 owns it too, whatever is picked in its place
        let is_declared = here.declared.contains_key(here.field);
        let counts = |class: ManagerClass| match class {
            ManagerClass::Delivery => !is_declared,
            ManagerClass::Unknown => !may_be_written_by_any(here.part, here.field),
            _ => true,
        };
        let chose = |entry: &&Entry<'_>| entry.chose() && counts(entry.class()) && !self.wrote_defaults(entry, here);
        !inside && owners.iter().any(chose)
    }

    /// Whether a manager wrote a whole container, so that it owns what the API server filled in: a path of messages that
    /// Git leaves to its default tells.
    fn wrote_defaults(&self, entry: &Entry<'_>, here: Holder<'_>) -> bool {
        const BESIDE: &str = "terminationMessagePath";
        let beside = || self.path.parent().map(|parent| parent.field(BESIDE));
        here.part == "core/v1.Container"
            && !here.declared.contains_key(BESIDE)
            && beside().is_some_and(|path| entry.owns(path.steps()))
    }

    /// Whether it is a field of a Pod's template: node and priority are picked for Pods alone.
    fn is_in_template(&self, here: Holder<'_>) -> bool {
        here.part == "core/v1.PodSpec" && self.root.get("kind").and_then(Value::as_str) != Some("Pod")
    }

    /// Whether every entry of a map comes from another field.
    fn is_filled_map(&self, field: &Field, live: &Value, here: Holder<'_>, site: &Site<'_>) -> bool {
        let (Shape::Map(map), Some(entries)) = (&field.shape, live.as_object()) else { return false };
        entries.iter().all(|(key, value)| {
            defaults::entry(here.part, here.field, key, site)
                .is_some_and(|entry| scalar::same(&map.value, false, entry, value))
        })
    }

    fn is_written_by_tool(&self, field: &Field, live: &Value, here: Holder<'_>, holder: Option<Holder<'_>>) -> bool {
        let Some(holder) = holder else { return false };
        let site = Site { root: self.root, declared: Some(holder.declared) };
        let is_meta = holder.part == "meta/v1.ObjectMeta";
        (is_meta && holder.field == "annotations" && is_tool_annotation(here.field))
            || (is_meta && holder.field == "labels" && is_tool_label(here.field, live))
            || defaults::entry(holder.part, holder.field, here.field, &site)
                .is_some_and(|entry| scalar::same(&field.shape, false, entry, live))
    }

    /// What can be declared in place of an added scalar so that it is as if it had not been added.
    fn neutral(&self, field: &Field, live: &Value, here: Holder<'_>, site: &Site<'_>) -> Option<Value> {
        if here.part.is_empty() || self.unit.is_some() || live.is_object() || live.is_array() {
            return None;
        }
        let by_table = defaults::find(here.part, here.field).and_then(|default| default.value(site));
        let by_schema = || field.default.as_deref().cloned();
        by_table.or_else(by_schema).or_else(|| (*live == Value::Bool(true)).then_some(Value::Bool(false)))
    }

    /// Ownership decides what a live-only field or item is.
    pub(super) fn report_added(&mut self, live: &Value, native_default: Option<Value>) {
        let owners = self.owners.of(self.path.steps(), self.unit);
        let mut confidence = Confidence::Confirmed;
        let mut explained = None;
        let says_nothing = self.owners.is_empty() || self.is_read_at_another_version();
        if owners.is_empty() && (says_nothing || self.is_scaled_to_zero(live)) {
            confidence = Confidence::Potential;
        } else if owners.is_empty() {
            explained = Some("injected: nobody owns it, so the API server or an admission webhook wrote it".to_owned());
        } else if owners.iter().all(|entry| entry.class() == ManagerClass::Controller) {
            explained = Some(format!("written by the controller {}", owners[0].manager()));
        } else {
            let people = || owners.iter().filter(|entry| entry.class() != ManagerClass::Controller);
            let is_sure = |class: ManagerClass, applied: bool| class != ManagerClass::Delivery || applied;
            if !people().any(|entry| is_sure(entry.class(), entry.is_apply()) && !entry.is_untracked()) {
                confidence = Confidence::Potential;
            }
        }
        if let Some(reason) = explained {
            let path = self.path.clone();
            self.found.explained.push(Explained { path, live: live.clone(), reason });
            return;
        }
        let changed_by = latest(&owners);
        self.found.differences.push(Difference {
            path: self.path.clone(),
            change: Change::Added,
            declared: None,
            live: Some(live.clone()),
            magnitude: 1.0,
            is_amount: false,
            confidence,
            changed_by,
            native_default,
        });
    }

    /// Whether somebody wrote at another version of a built-in kind, where the same field has another path: an HPA's
    /// target at v1 is one of its metrics at v2.
    fn is_read_at_another_version(&self) -> bool {
        let text = |name: &str| self.root.get(name).and_then(Value::as_str).unwrap_or_default();
        let (own, kind) = (text("apiVersion"), text("kind"));
        self.owners.versions().any(|version| version != own && Schemas::is_built_in(version, kind))
    }

    /// The API server records no owner of a zero that came in through the subresource `scale`.
    fn is_scaled_to_zero(&self, live: &Value) -> bool {
        let is_count = |steps: &[Step]| matches!(steps, [Step::Field(spec), Step::Field(replicas)] if spec == "spec" && replicas == "replicas");
        live.as_i64() == Some(0) && is_count(self.path.steps())
    }

    pub(super) fn report(&mut self, change: Change, shape: &Shape, declared: Option<&Value>, live: Option<&Value>) {
        let field = self
            .path
            .steps()
            .iter()
            .rev()
            .find_map(|step| if let Step::Field(name) = step { Some(name.as_str()) } else { None });
        let distance =
            declared.zip(live).and_then(|(declared, live)| distance(shape, field.unwrap_or_default(), declared, live));
        // a removal leaves no author, except in a part that is owned as one: whoever wrote that left it out
        let is_inside = self.unit.is_some_and(|unit| unit < self.path.steps().len());
        let tells = live.is_some() || is_inside;
        let changed_by = tells.then(|| self.owners.changed_by(self.path.steps(), self.unit)).flatten();
        self.found.differences.push(Difference {
            path: self.path.clone(),
            change,
            declared: declared.cloned(),
            live: live.cloned(),
            magnitude: distance.unwrap_or(1.0),
            is_amount: distance.is_some(),
            confidence: Confidence::Confirmed,
            changed_by,
            native_default: None,
        });
    }
}
