//! Applies the rules to one pair: what is ignored is taken out of both sides, as the tools do it, and what no longer
//! differs is set aside with its rule.

use serde_json::Value;

use super::flux::Marks;
use super::pointer::{Pointer, Reduced, touches};
use super::{DeliveryRules, FieldRule, Owner, Reading, Tool, What, argo_cd, flux};
use crate::domain::drift::{Change, Confidence, Difference};
use crate::domain::field_path::{FieldPath, Step};
use crate::domain::ownership::{ManagerClasses, Owners};
use crate::domain::problem::{Place, Problem};
use crate::domain::resource::{LiveObject, Manifest};
use crate::domain::source::{DeliveryTool, Source};

/// A declared object, the live one, and who delivers it.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    /// The manifest.
    pub manifest: &'a Manifest,
    /// Its object.
    pub declared: &'a Value,
    /// The live object.
    pub live: &'a LiveObject,
    /// Its source; none where there is no configuration.
    pub source: Option<&'a Source>,
}

/// What is left of the differences, and what was set aside.
#[derive(Debug, Default)]
pub struct Sifted {
    /// What counts.
    pub kept: Vec<Difference>,
    /// What a tool ignores, and why.
    pub set_aside: Vec<(FieldPath, String)>,
    /// What could not be decided.
    pub problems: Vec<Problem>,
}

/// What applies to one object.
#[derive(Default)]
struct Applicable<'r> {
    /// Why all of it is set aside.
    whole: Option<String>,
    /// Why what others added is.
    added: Option<String>,
    rules: Vec<&'r FieldRule>,
    /// A tool that delivers it has rules that could not be read.
    unread: Option<Tool>,
}

impl DeliveryRules {
    /// Why a tool would not create a declared object that is missing, where it would not.
    pub fn leaves_missing(&self, declared: &Value, source: Option<&Source>) -> Option<String> {
        Tool::of(source).iter().find_map(|tool| match marks(*tool, declared, None) {
            Some(Marks::LeftAlone(mark)) => Some(left_alone(mark, true)),
            _ => None,
        })
    }

    /// Sorts the differences of a pair. `compare` yields those of two other objects in its place.
    pub fn sift(
        &self,
        subject: &Subject<'_>,
        differences: Vec<Difference>,
        compare: impl Fn(&Value, &LiveObject) -> Vec<Difference>,
    ) -> Sifted {
        let mut sifted = Sifted::default();
        if differences.is_empty() {
            return sifted;
        }
        let mut own = Vec::new();
        if Tool::of(subject.source).contains(&Tool::ArgoCd) {
            let origin = subject.manifest.origin.as_ref();
            let mut problems = Vec::new();
            let mut reading = Reading { name: String::new(), origin, problems: &mut problems };
            own = argo_cd::own_rules(&subject.live.id, subject.declared, &mut reading);
            // such a rule names no object by itself
            let told =
                |problem: Problem| Problem { message: format!("{}, {}", subject.live.id, problem.message), ..problem };
            sifted.problems = problems.into_iter().map(told).collect();
        }
        let mut applicable = self.applicable(subject);
        applicable.rules.extend(&own);
        let id = &subject.live.id;
        applicable.rules.retain(|rule| rule.target.fits(id, subject.declared));
        let whole_rule = applicable.rules.iter().find(|rule| matches!(rule.what, What::Whole));
        let whole = applicable.whole.or_else(|| whole_rule.map(|rule| rule.source.clone()));
        let mut left = Vec::new();
        for difference in differences {
            let added = applicable.added.as_ref().filter(|_| difference.change == Change::Added);
            match whole.as_ref().or(added) {
                Some(reason) => sifted.set_aside.push((difference.path, reason.clone())),
                None => left.push(difference),
            }
        }
        left = self.without_tracking(subject, left, &mut sifted);
        left = by_manager(subject, &applicable.rules, left, &mut sifted);
        left = by_place(subject, &applicable.rules, left, &mut sifted, compare);
        if let Some(tool) = applicable.unread.filter(|_| !left.is_empty()) {
            left.iter_mut().for_each(|difference| difference.confidence = Confidence::Potential);
            sifted.problems.push(unread(tool));
        }
        sifted.kept = left;
        sifted
    }

    /// Sets aside the label that Argo CD tracks an object by: it writes the Application's name over what is declared.
    fn without_tracking(
        &self,
        subject: &Subject<'_>,
        differences: Vec<Difference>,
        sifted: &mut Sifted,
    ) -> Vec<Difference> {
        let key = self.instance_label.as_deref().unwrap_or(argo_cd::INSTANCE);
        let name = super::label(&subject.live.object, key).filter(|_| Tool::of(subject.source).contains(&Tool::ArgoCd));
        let Some(name) = name else { return differences };
        let is_known = |owner: &Owner| matches!(owner, Owner::Application(one, _) if one.owns(Some(name), None, None));
        let by = subject.source.and_then(|source| source.delivered.as_ref()).map(|delivered| &delivered.by);
        let is_own = by.is_some_and(|by| by.kind == Tool::ArgoCd.kind() && by.name == name);
        if !is_own && !self.owners.iter().any(is_known) {
            return differences;
        }
        let path = FieldPath::fields(["metadata", "labels", key]);
        let (tracking, left): (Vec<_>, Vec<_>) =
            differences.into_iter().partition(|one| one.path == path && one.change == Change::Changed);
        let reason = format!("Argo CD tracks it by this label, for Application {name}");
        sifted.set_aside.extend(tracking.into_iter().map(|one| (one.path, reason.clone())));
        left
    }

    fn applicable(&self, subject: &Subject<'_>) -> Applicable<'_> {
        let (declared, live) = (subject.declared, &subject.live.object);
        let mut found = Applicable::default();
        for tool in Tool::of(subject.source).iter().copied() {
            match marks(tool, declared, Some(live)) {
                Some(Marks::LeftAlone(mark)) => {
                    let in_git = matches!(marks(tool, declared, None), Some(Marks::LeftAlone(_)));
                    found.whole = found.whole.or_else(|| Some(left_alone(mark, in_git)));
                }
                Some(Marks::OnlyCreated(mark)) => {
                    found.whole =
                        found.whole.or_else(|| Some(format!("Flux creates it and then leaves it alone: {mark}")));
                }
                Some(Marks::Merged(mark)) => {
                    found.added = Some(format!("Flux keeps what others add: {mark}"));
                }
                None => {}
            }
            if tool == Tool::ArgoCd {
                found.whole = found.whole.or_else(|| argo_cd::whole(declared));
            }
            let owned = self.owners_of(tool, subject);
            let (is_marked, is_other) = match tool {
                Tool::ArgoCd => (argo_cd::is_marked(live), false),
                Tool::Kustomization => (flux::is_marked(live, tool), flux::is_marked(live, Tool::HelmRelease)),
                Tool::HelmRelease => (flux::is_marked(live, tool), flux::is_marked(live, Tool::Kustomization)),
            };
            let is_named = subject.source.is_some_and(|source| source.delivery.tool != DeliveryTool::Unknown);
            let is_named = is_named && !is_other;
            if tool == Tool::ArgoCd && (is_named || is_marked || !owned.is_empty()) {
                found.rules.extend(&self.settings);
            }
            if owned.is_empty() && (is_named || is_marked) && self.unread.contains(&tool) {
                found.unread = Some(tool);
            }
            found.rules.extend(owned.into_iter().flat_map(Owner::rules));
        }
        found
    }

    /// The objects of this tool that deliver an object.
    fn owners_of(&self, tool: Tool, subject: &Subject<'_>) -> Vec<&Owner> {
        let live = &subject.live.object;
        // where the configuration does not say who delivers, only a mark on the object does
        let source = subject.source.filter(|source| source.delivery.tool != DeliveryTool::Unknown);
        let file = subject.manifest.origin.as_ref().map(|origin| &*origin.file);
        let mark = argo_cd::mark(live, self.instance_label.as_deref());
        let is_named = |owner: &Owner| matches!(owner, Owner::Application(one, _) if one.owns(mark, None, None));
        // a label of this name may come from a chart and mean something else
        let mark = mark.filter(|_| argo_cd::is_marked(live) || self.owners.iter().any(is_named));
        let owns = |owner: &&Owner| match (owner, tool) {
            (Owner::Application(application, _), Tool::ArgoCd) => application.owns(mark, source, file),
            (Owner::Kustomization(kustomization, _), Tool::Kustomization) => kustomization.owns(live, source),
            (Owner::HelmRelease(release, _), Tool::HelmRelease) => release.owns(live),
            _ => false,
        };
        self.owners.iter().filter(owns).collect()
    }
}

impl Owner {
    fn rules(&self) -> &[FieldRule] {
        match self {
            Self::Application(_, rules) | Self::Kustomization(_, rules) | Self::HelmRelease(_, rules) => rules,
        }
    }
}

fn marks(tool: Tool, declared: &Value, live: Option<&Value>) -> Option<Marks> {
    match tool {
        Tool::ArgoCd => None,
        Tool::Kustomization => flux::kustomize_marks(declared, live),
        Tool::HelmRelease => flux::helm_marks(declared),
    }
}

fn left_alone(mark: &str, in_git: bool) -> String {
    format!("Flux leaves it alone: {mark}{}", if in_git { "" } else { ", set in the cluster" })
}

fn unread(tool: Tool) -> Problem {
    let kind = tool.kind();
    let message = format!(
        "what {tool} ignores is not known, so drift of what it delivers may be meant: its {} may not be listed",
        kind.kind
    );
    Problem::warning(message).help(format!(
        "grant `list` on {kind} (deploy/components/delivery-rules), or take `cluster` out of `delivery_rules.from`"
    ))
}

/// Sets aside what a trusted field manager wrote. A removal has no owner, and counts.
fn by_manager(
    subject: &Subject<'_>,
    rules: &[&FieldRule],
    differences: Vec<Difference>,
    sifted: &mut Sifted,
) -> Vec<Difference> {
    let trusted: Vec<_> = rules
        .iter()
        .filter_map(|rule| if let What::Manager(name) = &rule.what { Some((name, &rule.source)) } else { None })
        .collect();
    if trusted.is_empty() {
        return differences;
    }
    let classes = ManagerClasses::default();
    let owners = Owners::read(subject.live.managed_fields.as_deref(), &classes, None);
    let mut left = Vec::new();
    for difference in differences {
        let owned_by = |name: &str| {
            let last = difference.changed_by.as_ref().is_some_and(|by| by.manager == name);
            last || owners.of(difference.path.steps(), None).iter().any(|owner| owner.manager() == name)
        };
        let rule = trusted.iter().find(|(name, _)| difference.change != Change::Removed && owned_by(name));
        match rule {
            Some((_, source)) => sifted.set_aside.push((difference.path, (*source).clone())),
            None => left.push(difference),
        }
    }
    left
}

/// Sets aside what no longer differs once the places that the rules name are taken out of both sides.
fn by_place(
    subject: &Subject<'_>,
    rules: &[&FieldRule],
    differences: Vec<Difference>,
    sifted: &mut Sifted,
    compare: impl Fn(&Value, &LiveObject) -> Vec<Difference>,
) -> Vec<Difference> {
    let (declared, live) = (subject.declared, subject.live);
    let mut places: Vec<(&FieldRule, Vec<Pointer>, Vec<Pointer>)> = Vec::new();
    for rule in rules {
        let mut select = |object: &Value| match &rule.what {
            What::Pointer(pointer) => pointer.place(object).into_iter().collect(),
            What::Expression(expression) => expression.select(object).unwrap_or_else(|message| {
                sifted.problems.push(unselected(subject, rule, &message));
                Vec::new()
            }),
            What::Whole | What::Manager(_) => Vec::new(),
        };
        let (in_git, in_cluster) = (select(declared), select(&live.object));
        if !in_git.is_empty() || !in_cluster.is_empty() {
            places.push((rule, in_git, in_cluster));
        }
    }
    if differences.is_empty() || places.is_empty() {
        return differences;
    }
    let git = Reduced::new(declared, places.iter().flat_map(|(_, in_git, _)| in_git.clone()));
    let cluster = Reduced::new(&live.object, places.iter().flat_map(|(_, _, in_cluster)| in_cluster.clone()));
    let reduced_live =
        LiveObject { id: live.id.clone(), object: cluster.object.clone(), managed_fields: live.managed_fields.clone() };
    let rest: Vec<_> = compare(&git.object, &reduced_live)
        .into_iter()
        .map(|difference| settled(difference.path, (declared, &git), (&live.object, &cluster)))
        .collect();
    let mut left = Vec::new();
    for difference in differences {
        let path = &difference.path;
        let sides = [(declared, &git), (&live.object, &cluster)];
        let mut there = sides.iter().filter_map(|(whole, reduced)| Some((Pointer::of(path.steps(), whole)?, reduced)));
        let is_gone = there.clone().next().is_some() && there.all(|(place, reduced)| reduced.lacks(&place));
        let still_differs = rest.iter().any(|other| related(path.steps(), other));
        if !is_gone && still_differs {
            left.push(difference);
            continue;
        }
        let names_it = |(_, in_git, in_cluster): &&(&FieldRule, Vec<Pointer>, Vec<Pointer>)| {
            touches(in_git, path, declared) || touches(in_cluster, path, &live.object)
        };
        let (rule, ..) = places.iter().find(names_it).unwrap_or(&places[0]);
        sifted.set_aside.push((difference.path, rule.source.clone()));
    }
    left
}

fn unselected(subject: &Subject<'_>, rule: &FieldRule, message: &str) -> Problem {
    let source = rule.source.split_once(": ").map_or(&*rule.source, |(_, source)| source);
    let problem = Problem::warning(format!("{source}: {message} ({})", subject.live.id));
    let problem = problem.help("write a simpler expression; until then what it ignores is told as drift");
    match &subject.manifest.origin {
        Some(origin) => problem.at(Place::line(&*origin.file, origin.line)),
        None => problem,
    }
}

/// A path of what is left, in terms of the whole objects: up to the first list whose items have other numbers now.
fn settled(path: FieldPath, git: (&Value, &Reduced), cluster: (&Value, &Reduced)) -> Vec<Step> {
    let mut steps = path.steps().to_vec();
    let shifted = (0..steps.len()).find(|at| {
        matches!(steps[*at], Step::Index(_))
            && [git, cluster].iter().any(|(whole, reduced)| reduced.lost_items(&steps[..*at], whole))
    });
    if let Some(at) = shifted {
        steps.truncate(at);
    }
    steps
}

/// Whether one path is at, above or below the other. A list whose items lost their keys is compared by index, so two
/// items that are named in different ways may be one.
fn related(one: &[Step], other: &[Step]) -> bool {
    let is_item = |step: &Step| matches!(step, Step::Index(_) | Step::Item(_) | Step::Member(_));
    let same_way = |one: &Step, other: &Step| std::mem::discriminant(one) == std::mem::discriminant(other);
    one.iter().zip(other).all(
        |(one, other)| {
            if is_item(one) && is_item(other) && !same_way(one, other) { true } else { one == other }
        },
    )
}
