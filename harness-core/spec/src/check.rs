//! Whether a harness fits the installed modules. Refuses, with every reason at once, what `assemble` could not honour.

use std::collections::{BTreeMap, BTreeSet};

use harness_abi::Kind;
use serde_json::Value;

use crate::apply::EditError;
use crate::catalogue::{Catalogue, Entry, LookupError};
use crate::change::Change;
use crate::edit::Edit;
use crate::field::representable;
use crate::harness::{Config, Harness, ModelSpec, ModuleSpec};
use crate::inner::DEEPEST;
use crate::nearest::hint;
use crate::order::resolve_order;
use crate::reference::{ModuleRef, NameError, valid_name};
use crate::setting::Setting;
use crate::table::Problem;
use crate::vocabulary::{ActionMode, Capability, Order, Vocabulary};

/// One reason why a harness cannot be assembled.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct SpecError {
    /// Where: "processor `router`", "model role `main`".
    pub place: String,
    /// What.
    pub problem: Box<SpecProblem>,
}

impl SpecError {
    /// What is wrong, and where.
    pub fn new(place: impl Into<String>, problem: impl Into<SpecProblem>) -> Self {
        Self { place: place.into(), problem: Box::new(problem.into()) }
    }
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SpecProblem {
    /// The module is not installed.
    #[error(transparent)]
    Lookup(#[from] LookupError),
    /// An id or model role of the wrong form.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The module is of another kind than its place needs.
    #[error("`{module}` is a {found}, but a {needed} belongs here; put it where {found}s go or choose another module")]
    Kind {
        /// The module.
        module: ModuleRef,
        /// Its kind.
        found: &'static str,
        /// The kind that belongs here.
        needed: &'static str,
    },
    /// A config field the module does not have.
    #[error("`{module}` has no config field `{key}`{hint}")]
    UnknownField {
        /// The module.
        module: ModuleRef,
        /// The field.
        key: String,
        /// A nearest name, or the valid ones.
        hint: String,
    },
    /// A config field that must be given and is not.
    #[error("`{module}` needs the config field `{key}`, {expected}; add it")]
    MissingField {
        /// The module.
        module: ModuleRef,
        /// The field.
        key: String,
        /// What it must be.
        expected: String,
    },
    /// A value outside type or range.
    #[error("`{key}` must be {expected}, not `{value}`")]
    Value {
        /// The field or setting.
        key: String,
        /// What it must be.
        expected: String,
        /// What it is.
        value: Value,
    },
    /// An id used twice in one list.
    #[error("the id is used {times} times; give each its own `id`")]
    Duplicate {
        /// How often.
        times: usize,
    },
    /// Two processors of one slot.
    #[error("the slot `{slot}` is taken by `{other}` already; keep one of the two")]
    Slot {
        /// The slot.
        slot: String,
        /// The id of the first one.
        other: String,
    },
    /// An `after` that the order class forbids.
    #[error("it runs `{order}` but wants to come after `{other}`, which runs `{other_order}`; remove one of the two")]
    Order {
        /// Its own class.
        order: Order,
        /// The id it wants to follow.
        other: String,
        /// That one's class.
        other_order: Order,
    },
    /// Processors that wait for one another.
    #[error("{cycle} wait for one another by their `after`; remove one of them")]
    Cycle {
        /// Their ids.
        cycle: String,
    },
    /// A tool's harness that is none.
    #[error("its harness cannot be read: {0}")]
    Inner(Problem),
    /// Harnesses in harnesses without end.
    #[error("more than {DEEPEST} harnesses lie in one another; take one out")]
    Deep,
    /// No model plays.
    #[error("no model serves the role `main`; add `[model.main]` with `use = \"pack/module\"`")]
    NoMain,
    /// The main model lacks something a module needs.
    #[error(
        "it needs `{need}`, which the model `{model}` of role `main` does not provide; choose a model that does, or leave it out"
    )]
    Needs {
        /// The capability.
        need: Capability,
        /// The model, or its fallback.
        model: ModuleRef,
    },
    /// A mid-task change of something an episode cannot change.
    #[error("`{change}` cannot be done mid-task; a rule may change processors, tools and sampling")]
    NotMidTask {
        /// The change in words.
        change: String,
    },
    /// A rule's changes do not apply to the harness.
    #[error("its changes do not apply: {0}")]
    Edit(EditError),
    /// A rule's changes apply but give a harness that is wrong.
    #[error("after its changes, {0}")]
    After(SpecError),
}

/// Why an edit is not admitted.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum AdmitError {
    /// It does not apply.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// It gives a harness that cannot be assembled; the first reason is shown, all are carried.
    #[error("{}", .0.first().map_or_else(String::new, ToString::to_string))]
    Spec(Vec<SpecError>),
}

impl Edit {
    /// The harness after the edit, if it applies and the result passes `check`: the closure law as a function.
    ///
    /// # Errors
    ///
    /// When the edit does not apply, or every reason why the result may not stand.
    pub fn admit(&self, harness: &Harness, catalogue: &Catalogue) -> Result<Harness, AdmitError> {
        let next = self.apply(harness)?;
        check(&next, catalogue).map_err(AdmitError::Spec)?;
        Ok(next)
    }
}

/// Checks a harness against what is installed, and those that lie in it; reports every reason, in file order.
///
/// # Errors
///
/// Every reason, in the order of the file.
pub fn check(harness: &Harness, catalogue: &Catalogue) -> Result<(), Vec<SpecError>> {
    check_at(harness, catalogue, 1)
}

/// `depth`: how many harnesses it lies in, itself counted.
fn check_at(harness: &Harness, catalogue: &Catalogue, depth: usize) -> Result<(), Vec<SpecError>> {
    let mut errors = check_parts(harness, catalogue, depth);
    let mut ids = BTreeMap::new();
    for rule in &harness.adapt {
        let place = format!("adapt rule `{}`", rule.id);
        count_id(&mut ids, &rule.id, &place, &mut errors);
        for change in &rule.apply {
            let sampling = matches!(
                change,
                Change::Set { key: Setting::Temperature | Setting::TopP | Setting::MaxTokens | Setting::Seed, .. }
            );
            let of_the_whole = matches!(change, Change::Model { .. } | Change::Adapt { .. } | Change::Unadapt { .. });
            if of_the_whole || (!sampling && matches!(change, Change::Set { .. })) {
                let change = change.to_string();
                errors.push(SpecError::new(place.as_str(), SpecProblem::NotMidTask { change }));
            }
        }
        let changed = Edit::from_changes(&rule.apply, harness).and_then(|edit| edit.apply(harness));
        match changed {
            Err(error) => errors.push(SpecError::new(place, SpecProblem::Edit(error))),
            Ok(changed) => {
                // What was wrong before is reported already.
                let known = errors.clone();
                let fresh = check_parts(&changed, catalogue, depth).into_iter().filter(|error| !known.contains(error));
                errors.extend(fresh.map(|error| SpecError::new(place.as_str(), SpecProblem::After(error))));
            }
        }
    }
    duplicates(ids, &mut errors);
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

/// Everything but the rules.
fn check_parts(harness: &Harness, catalogue: &Catalogue, depth: usize) -> Vec<SpecError> {
    let mut errors = Vec::new();
    let mut push = |place: &str, problem| errors.push(SpecError::new(place, problem));
    for setting in Setting::all() {
        if let Some(value) = setting.read(harness)
            && let Err(expected) = setting.write(&mut Harness::default(), Some(&value))
        {
            push("settings", SpecProblem::Value { key: setting.to_string(), expected: expected.to_owned(), value });
        }
    }
    for (role, model) in &harness.models {
        check_model(role, model, catalogue, &mut errors);
    }
    let main = main_models(harness, catalogue);
    if !harness.models.contains_key("main") {
        errors.push(SpecError::new("models", SpecProblem::NoMain));
    }
    if harness.action == ActionMode::Tool {
        check_needs("action = \"tool\"", &[Capability::Tools], &main, &mut errors);
    }
    let mut slots: BTreeMap<&str, &str> = BTreeMap::new();
    for (list, kind) in [(&harness.processors, Kind::Processor), (&harness.tools, Kind::Tool)] {
        let mut ids = BTreeMap::new();
        for spec in list {
            let place = format!("{} `{}`", Vocabulary::name(kind), spec.id);
            count_id(&mut ids, &spec.id, &place, &mut errors);
            let Some(entry) = check_module(&place, &spec.module, &spec.config, kind, catalogue, &mut errors) else {
                continue;
            };
            check_needs(&place, &entry.module.needs, &main, &mut errors);
            if kind == Kind::Tool {
                errors.extend(check_inner(harness, spec, &place, catalogue, depth));
            }
            if let Some(slot) = &entry.module.slot {
                match slots.get(slot.as_str()) {
                    Some(other) => errors.push(SpecError::new(
                        place,
                        SpecProblem::Slot { slot: slot.clone(), other: (*other).to_owned() },
                    )),
                    None => {
                        slots.insert(slot, &spec.id);
                    }
                }
            }
        }
        duplicates(ids, &mut errors);
    }
    // An unknown module is reported already.
    if let Err(error) = resolve_order(harness, catalogue)
        && !matches!(*error.problem, SpecProblem::Lookup(_))
    {
        errors.push(error);
    }
    errors
}

/// What is wrong with the harness that answers a tool's calls.
fn check_inner(
    harness: &Harness,
    tool: &ModuleSpec,
    place: &str,
    catalogue: &Catalogue,
    depth: usize,
) -> Vec<SpecError> {
    let inner = match harness.inner(tool, catalogue) {
        None => return Vec::new(),
        Some(Err(problem)) => return vec![SpecError::new(place, SpecProblem::Inner(problem))],
        Some(Ok(_)) if depth == DEEPEST => return vec![SpecError::new(place, SpecProblem::Deep)],
        Some(Ok(inner)) => inner,
    };
    let errors = check_at(&inner, catalogue, depth + 1).err().unwrap_or_default();
    // That nobody plays is said of the outer one already, whose model it would have.
    let fresh = errors.into_iter().filter(|error| *error.problem != SpecProblem::NoMain);
    fresh
        .map(|SpecError { place: within, problem }| SpecError { place: format!("{place}, {within}"), problem })
        .collect()
}

fn count_id(ids: &mut BTreeMap<String, usize>, id: &str, place: &str, errors: &mut Vec<SpecError>) {
    if !valid_name(id) {
        errors.push(SpecError::new(place, NameError::Name(id.to_owned())));
    }
    *ids.entry(place.to_owned()).or_default() += 1;
}

fn duplicates(ids: BTreeMap<String, usize>, errors: &mut Vec<SpecError>) {
    let twice = ids.into_iter().filter(|(_, times)| *times > 1);
    errors.extend(twice.map(|(place, times)| SpecError::new(place, SpecProblem::Duplicate { times })));
}

fn check_model(role: &str, model: &ModelSpec, catalogue: &Catalogue, errors: &mut Vec<SpecError>) {
    let place = format!("model role `{role}`");
    if !valid_name(role) {
        errors.push(SpecError::new(place.as_str(), NameError::Name(role.to_owned())));
    }
    check_module(&place, &model.module, &model.config, Kind::Model, catalogue, errors);
    for (index, fallback) in model.fallbacks.iter().enumerate() {
        let place = format!("{place}, fallback {}", index + 1);
        check_module(&place, &fallback.module, &fallback.config, Kind::Model, catalogue, errors);
    }
}

/// The main model and its fallbacks with what each provides; those that are not installed are left out.
fn main_models<'a>(harness: &'a Harness, catalogue: &'a Catalogue) -> Vec<(&'a ModuleRef, &'a [Capability])> {
    let Some(main) = harness.models.get("main") else {
        return Vec::new();
    };
    std::iter::once(&main.module)
        .chain(main.fallbacks.iter().map(|fallback| &fallback.module))
        .filter_map(|module| Some((module, catalogue.lookup(module).ok()?.module.provides.as_slice())))
        .collect()
}

fn check_needs(place: &str, needs: &[Capability], main: &[(&ModuleRef, &[Capability])], errors: &mut Vec<SpecError>) {
    for (model, provides) in main {
        for need in needs.iter().filter(|need| !provides.contains(need)) {
            let problem = SpecProblem::Needs { need: *need, model: (*model).clone() };
            errors.push(SpecError::new(place, problem));
        }
    }
}

/// Looks a module up and checks kind and config.
fn check_module<'a>(
    place: &str,
    reference: &ModuleRef,
    config: &Config,
    kind: Kind,
    catalogue: &'a Catalogue,
    errors: &mut Vec<SpecError>,
) -> Option<Entry<'a>> {
    let mut push = |problem| errors.push(SpecError::new(place, problem));
    let entry = match catalogue.lookup(reference) {
        Ok(entry) => entry,
        Err(error) => {
            push(error.into());
            return None;
        }
    };
    if entry.module.kind != kind {
        push(SpecProblem::Kind {
            module: reference.clone(),
            found: Vocabulary::name(entry.module.kind),
            needed: Vocabulary::name(kind),
        });
        return None;
    }
    let fields = &entry.module.config;
    for (key, value) in config {
        match fields.get(key) {
            None => push(SpecProblem::UnknownField {
                module: reference.clone(),
                key: key.clone(),
                hint: hint(key, fields.keys().map(String::as_str)),
            }),
            Some(field) => {
                if let Err(expected) = field.accepts(value) {
                    let expected = if representable(value) {
                        expected
                    } else {
                        "free of null and of integers beyond 64 bits, which TOML cannot hold".to_owned()
                    };
                    push(SpecProblem::Value { key: key.clone(), expected, value: value.clone() });
                }
            }
        }
    }
    let given: BTreeSet<&String> = config.keys().collect();
    for (key, field) in fields.iter().filter(|(key, field)| field.required && !given.contains(key)) {
        push(SpecProblem::MissingField { module: reference.clone(), key: key.clone(), expected: field.expects() });
    }
    Some(entry)
}
