//! Everything that could be done to a harness: modules in and out, fields, settings, budgets, model roles, mid-task rules,
//! each with its worth. Refuses to rank: the planner does.

use harness_abi::Kind;
use harness_spec::{
    AdaptRule, Change, Condition, Entry, Fallback, ModelSpec, ModuleSpec, Place, Position, Setting, Vocabulary,
};
use serde_json::Value;

use crate::categories::{Categories, Category};
use crate::config::EditKind;
use crate::config_values::{alternatives, free_id, required};
use crate::view::{Direction, View};

/// Worth of a module that claims nothing which is needed here.
const UNCLAIMED: f64 = 0.05;

/// Under which name trials of a module are counted that were for no category.
pub(crate) const UNCLAIMED_CATEGORY: &str = "none";

/// Every direction, in the catalogue's order.
pub(crate) fn all(view: View<'_>) -> Vec<Direction> {
    let categories = Categories::of(view.catalogue);
    let mut directions = additions(view, &categories);
    directions.extend(changes(view, &categories));
    directions.extend(settings(view, &categories));
    directions.extend(models(view, &categories));
    directions.extend(rules(view, &categories));
    directions
}

/// Modules that are installed and not in the harness.
fn additions(view: View<'_>, categories: &Categories) -> Vec<Direction> {
    let mut directions = Vec::new();
    for entry in view.catalogue.modules().filter(|entry| view.config.allows_pack(&entry.pack.pack.name)) {
        let place = match entry.module.kind {
            Kind::Processor => Place::Processor,
            Kind::Tool => Place::Tool,
            Kind::Model | Kind::Environment | Kind::Grader => continue,
        };
        if present(view, place, &entry) {
            continue;
        }
        let list = match place {
            Place::Processor => &view.incumbent.processors,
            Place::Tool => &view.incumbent.tools,
        };
        // A newer version takes the older one's place, and a slot holds one.
        let taken = list.iter().find(|spec| {
            let slot = view.catalogue.lookup(&spec.module).ok().and_then(|other| other.module.slot.as_ref());
            names(spec, &entry) || slot.is_some() && slot == entry.module.slot.as_ref()
        });
        let kind = if taken.is_some() { EditKind::Replace } else { EditKind::Insert };
        let module = entry.reference().to_string();
        let (score, category) = worth(view, categories, &module, &claims(&entry));
        directions.push(Direction {
            kind,
            untried: !view.history.tried(&module),
            module,
            place,
            target: taken.map(|spec| spec.id.clone()),
            wishes: Vec::new(),
            category,
            score,
        });
    }
    directions
}

/// Whether the harness has this module in this version.
fn present(view: View<'_>, place: Place, entry: &Entry<'_>) -> bool {
    let list = match place {
        Place::Processor => &view.incumbent.processors,
        Place::Tool => &view.incumbent.tools,
    };
    let version = |spec: &ModuleSpec| view.catalogue.lookup(&spec.module).ok().map(|found| found.pack.pack.version);
    list.iter().any(|spec| names(spec, entry) && version(spec) == Some(entry.pack.pack.version))
}

/// Whether it is this module, in whatever version.
fn names(spec: &ModuleSpec, entry: &Entry<'_>) -> bool {
    spec.module.pack == entry.pack.pack.name && spec.module.module == entry.module.name
}

/// Fields to change and modules to take out.
fn changes(view: View<'_>, categories: &Categories) -> Vec<Direction> {
    let mut directions = Vec::new();
    let lists = [(Place::Processor, &view.incumbent.processors), (Place::Tool, &view.incumbent.tools)];
    for (place, spec) in lists.into_iter().flat_map(|(place, list)| list.iter().map(move |spec| (place, spec))) {
        let Ok(entry) = view.catalogue.lookup(&spec.module) else { continue };
        let module = entry.reference().to_string();
        let (worth, category) = worth(view, categories, &module, &claims(&entry));
        let implicated = view.landscape.clusters.iter().any(|cluster| cluster.modules.contains(&spec.id));
        let direction = |kind, score| Direction {
            kind,
            module: module.clone(),
            place,
            target: Some(spec.id.clone()),
            wishes: Vec::new(),
            category: category.clone(),
            score,
            untried: false,
        };
        if entry.module.config.values().any(|field| field.tunable) {
            directions.push(direction(EditKind::Configure, worth * 0.5));
        }
        directions.push(direction(EditKind::Remove, worth * if implicated { 0.3 } else { 0.1 }));
    }
    directions
}

/// A direction of the harness as a whole.
fn of_the_whole(
    view: View<'_>,
    categories: &Categories,
    kind: EditKind,
    name: String,
    addresses: &[&str],
    wishes: Vec<Vec<Change>>,
) -> Option<Direction> {
    let (score, category) = worth(view, categories, &name, addresses);
    let place = Place::Processor;
    let direction = Direction { kind, module: name, place, target: None, wishes, category, score, untried: false };
    (!direction.wishes.is_empty()).then(|| Direction { score: score * 0.5, ..direction })
}

/// Sampling, the way of acting, and what an episode may spend. More is spent only where a budget ran out.
fn settings(view: View<'_>, categories: &Categories) -> Vec<Direction> {
    let harness = view.incumbent;
    let sampling = &harness.sampling;
    let warmer: &[f64] = if sampling.temperature == 0.0 { &[0.7, 0.3] } else { &[0.0, 1.0] };
    let temperatures = warmer.iter().copied().filter(|t| *t != sampling.temperature).map(Value::from).collect();
    let tokens = u64::from(sampling.max_tokens);
    let other = match Setting::Action.read(harness).as_ref().and_then(Value::as_str) {
        Some("tool") => "reply",
        _ => "tool",
    };
    let mut directions = vec![
        (Setting::Temperature, &["action_loop", "no_progress"][..], temperatures),
        (Setting::MaxTokens, &["context_overflow", "malformed_call"], vec![(tokens * 2).into(), (tokens / 2).into()]),
        (Setting::Action, &["invalid_action", "malformed_call"], vec![other.into()]),
    ];
    if sampling.temperature > 0.0 {
        directions.push((Setting::TopP, &["invalid_action", "malformed_call"], vec![0.9.into(), 1.0.into()]));
    }
    if view.landscape.cluster(&Category::BudgetExhausted).is_some() {
        for budget in [Setting::Steps, Setting::Tokens, Setting::Seconds, Setting::Cost] {
            let Some(now) = budget.read(harness).and_then(|value| value.as_u64()) else { continue };
            directions.push((budget, &["budget_exhausted"], vec![now.saturating_mul(2).into()]));
        }
    }
    let direction = |(key, addresses, values): (Setting, &[&str], Vec<Value>)| {
        let budget = matches!(key, Setting::Steps | Setting::Tokens | Setting::Seconds | Setting::Cost);
        let kind = if budget { EditKind::Budget } else { EditKind::Setting };
        let wishes = values.into_iter().filter(|value| Some(value) != key.read(harness).as_ref());
        let wishes = wishes.map(|value| vec![Change::Set { key, value: Some(value) }]).collect();
        of_the_whole(view, categories, kind, key.name().to_owned(), addresses, wishes)
    };
    directions.into_iter().filter_map(direction).collect()
}

/// Who serves a role: other values of its module's tunable fields, a fallback more, and for every role but `main` another
/// module.
fn models(view: View<'_>, categories: &Categories) -> Vec<Direction> {
    let mut directions = Vec::new();
    for (role, now) in &view.incumbent.models {
        let change = |model: ModelSpec| vec![Change::Model { role: role.clone(), model: Some(model) }];
        let mut wishes = Vec::new();
        let fields = view.catalogue.lookup(&now.module).map(|entry| &entry.module.config);
        for (key, field) in fields.into_iter().flatten().filter(|(_, field)| field.tunable) {
            for value in alternatives(field, now.config.get(key).or(field.default.as_ref())) {
                let mut model = now.clone();
                model.config.insert(key.clone(), value);
                wishes.push(change(model));
            }
        }
        let installed = view
            .catalogue
            .modules()
            .filter(|entry| entry.module.kind == Kind::Model && view.config.allows_pack(&entry.pack.pack.name));
        for entry in installed {
            let Some(config) = required(entry.module) else { continue };
            let module = entry.reference();
            let serves = |other: &harness_spec::ModuleRef| other.pack == module.pack && other.module == module.module;
            if serves(&now.module) || now.fallbacks.iter().any(|fallback| serves(&fallback.module)) {
                continue;
            }
            let mut model = now.clone();
            model.fallbacks.push(Fallback { module: module.clone(), config: config.clone() });
            wishes.push(change(model));
            if role != "main" {
                wishes.push(change(ModelSpec { module, config, fallbacks: Vec::new() }));
            }
        }
        let name = format!("model.{role}");
        directions.extend(of_the_whole(view, categories, EditKind::Model, name, &["module_fault"], wishes));
    }
    directions
}

/// The condition that holds in the middle of an episode which fails like this.
fn condition(category: &Category) -> Option<Condition> {
    Some(match category {
        Category::ActionLoop => Condition::LoopDetected(3),
        Category::NoProgress => Condition::NoProgress(6),
        Category::ToolError => Condition::ToolErrors(3),
        Category::MalformedCall | Category::InvalidAction => Condition::ParseFailures(2),
        Category::BudgetExhausted => Condition::BudgetShare(0.7),
        _ => return None,
    })
}

/// Mid-task rules: for each way to fail that has a condition, a warmer model, a module that helps with it, a field of one
/// that is there; rules that are there with other bounds, or away.
fn rules(view: View<'_>, categories: &Categories) -> Vec<Direction> {
    let mut directions = Vec::new();
    for cluster in &view.landscape.clusters {
        let Some(when) = condition(&cluster.category) else { continue };
        if view.incumbent.adapt.iter().any(|rule| rule.when.name() == when.name()) {
            continue;
        }
        let taken = |id: &str| view.incumbent.adapt.iter().any(|rule| rule.id == id);
        if taken(when.name()) {
            continue;
        }
        let rule = |change| {
            let apply = vec![change];
            vec![Change::Adapt { rule: AdaptRule { id: when.name().to_owned(), when, apply, once: true } }]
        };
        let wishes = remedies(view, categories, &cluster.category).into_iter().map(rule).collect();
        let (name, addresses) = (format!("adapt {}", when.name()), [cluster.category.name()]);
        directions.extend(of_the_whole(view, categories, EditKind::Adapt, name, &addresses, wishes));
    }
    for rule in &view.incumbent.adapt {
        let away = || Change::Unadapt { id: rule.id.clone() };
        let other = |when| vec![away(), Change::Adapt { rule: AdaptRule { when, ..rule.clone() } }];
        let mut wishes: Vec<Vec<Change>> = other_bounds(rule.when).into_iter().map(other).collect();
        wishes.push(vec![away()]);
        let name = format!("adapt {}", rule.id);
        directions.extend(of_the_whole(view, categories, EditKind::Adapt, name, &[], wishes));
    }
    directions
}

/// What a rule against a way to fail could do.
fn remedies(view: View<'_>, categories: &Categories, category: &Category) -> Vec<Change> {
    let harness = view.incumbent;
    let helps = |entry: &Entry<'_>| entry.module.addresses.iter().any(|claim| categories.helps(claim, category));
    let mut changes = Vec::new();
    let warm = if harness.sampling.temperature < 0.7 { 0.7 } else { 1.0 };
    if harness.sampling.temperature != warm {
        changes.push(Change::Set { key: Setting::Temperature, value: Some(warm.into()) });
    }
    let installed = view.catalogue.modules().filter(|entry| entry.module.kind == Kind::Processor && helps(entry));
    for entry in installed.filter(|entry| view.config.allows_pack(&entry.pack.pack.name)) {
        let module = entry.reference();
        if harness.processors.iter().any(|spec| names(spec, &entry)) {
            continue;
        }
        if let Some(config) = required(entry.module) {
            let (place, at) = (Place::Processor, Position::Last);
            changes.push(Change::Insert { place, id: free_id(&harness.processors, &module), module, config, at });
        }
    }
    for spec in &harness.processors {
        let Ok(entry) = view.catalogue.lookup(&spec.module) else { continue };
        if !helps(&entry) {
            continue;
        }
        for (key, field) in entry.module.config.iter().filter(|(_, field)| field.tunable) {
            let now = spec.config.get(key).or(field.default.as_ref());
            let first = alternatives(field, now).into_iter().next();
            changes.extend(first.map(|value| Change::Configure {
                place: Place::Processor,
                id: spec.id.clone(),
                key: key.clone(),
                value: Some(value),
            }));
        }
    }
    changes
}

/// A condition that holds sooner, and one that holds later.
fn other_bounds(when: Condition) -> Vec<Condition> {
    let both = |n: u32, make: fn(u32) -> Condition| {
        [n / 2, n.saturating_mul(2)].into_iter().filter(|m| *m > 0 && *m != n).map(make).collect()
    };
    match when {
        Condition::LoopDetected(n) => both(n, Condition::LoopDetected),
        Condition::ToolErrors(n) => both(n, Condition::ToolErrors),
        Condition::NoProgress(n) => both(n, Condition::NoProgress),
        Condition::ParseFailures(n) => both(n, Condition::ParseFailures),
        Condition::BudgetShare(x) => vec![Condition::BudgetShare(x / 2.0), Condition::BudgetShare((1.0 + x) / 2.0)],
    }
}

fn claims<'a>(entry: &Entry<'a>) -> Vec<&'a str> {
    entry.module.addresses.iter().map(String::as_str).collect()
}

/// The worth of something that addresses these failures, and the category it is worth most against.
fn worth(view: View<'_>, categories: &Categories, name: &str, addresses: &[&str]) -> (f64, Option<Category>) {
    let (mut sum, mut best): (f64, Option<(f64, &Category)>) = (0.0, None);
    for cluster in &view.landscape.clusters {
        let category = &cluster.category;
        if addresses.iter().any(|claimed| categories.helps(claimed, category)) {
            let worn = if view.history.worn(category).is_some() { 0.5 } else { 1.0 };
            let part = cluster.share * view.posterior.mean(name, category.name()) * worn;
            sum += part;
            if best.is_none_or(|(most, _)| part > most) {
                best = Some((part, category));
            }
        }
    }
    match best {
        Some((_, category)) => (sum, Some(category.clone())),
        None => (UNCLAIMED * view.posterior.mean(name, UNCLAIMED_CATEGORY), None),
    }
}
