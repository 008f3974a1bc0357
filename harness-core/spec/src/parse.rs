//! `harness.toml` → [`Harness`], or [`Pool`] where it holds variants. Refuses unknown and ill-typed keys with their place; whether modules exist and fit is `check`'s question.

use crate::change::{Change, Place, Position};
use crate::harness::{AdaptRule, Condition, Fallback, Harness, ModelSpec, ModuleSpec};
use crate::nearest::hint;
use crate::pool::{Cell, Pool, Route};
use crate::setting::Setting;
use crate::table::{ParseError, Problem, Table, document};
use crate::vocabulary::Vocabulary;

impl Harness {
    /// Reads the text of a `harness.toml`.
    ///
    /// # Errors
    ///
    /// What is wrong, with its line, and the nearest valid name for an unknown one.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        document(text, |root| {
            if root.keys().any(|key| key == "variant") {
                let problem = "this file holds variants, and one harness belongs here; `harness run` and `harness bench` take both";
                return Err(root.error_at("variant", Problem::Other(problem.to_owned())));
            }
            harness(&root)
        })
    }
}

impl Pool {
    /// Reads the text of a `harness.toml` with variants or with one harness.
    ///
    /// # Errors
    ///
    /// What is wrong, with its line, and the nearest valid name for an unknown one.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        document(text, |root| {
            let Some(variants) = root.table("variant")? else { return harness(&root).map(Self::from) };
            root.only(&["fallback", "route", "variant"])?;
            let mut pool = Self { fallback: root.require("fallback", "\"main\"")?.to_owned(), ..Self::default() };
            pool.routes = root.tables("route")?.iter().map(route).collect::<Result<_, _>>()?;
            let names: Vec<String> = variants.keys().map(str::to_owned).collect();
            for name in names {
                if let Some(table) = variants.table(&name)? {
                    pool.variants.insert(name, harness(&table)?);
                }
            }
            pool.names().map_err(|error| root.error_at("variant", Problem::Other(error.to_string())))?;
            Ok(pool)
        })
    }
}

fn route(table: &Table<'_>) -> Result<Route, ParseError> {
    table.only(&["suite", "kind", "word", "to"])?;
    let text = |key: &str| table.string(key).map(|text| text.map(str::to_owned));
    let when = Cell { suite: text("suite")?, kind: text("kind")?, word: text("word")? };
    Ok(Route { when, to: table.require("to", "\"main\"")?.to_owned() })
}

fn harness(root: &Table<'_>) -> Result<Harness, ParseError> {
    root.only(&["model", "processor", "tool", "action", "sampling", "budget", "adapt"])?;
    let mut harness = Harness::default();
    if let Some(models) = root.table("model")? {
        let roles: Vec<String> = models.keys().map(str::to_owned).collect();
        for role in roles {
            if let Some(table) = models.table(&role)? {
                harness.models.insert(role, model(&table)?);
            }
        }
    }
    harness.processors = root.tables("processor")?.iter().map(module).collect::<Result<_, _>>()?;
    harness.tools = root.tables("tool")?.iter().map(module).collect::<Result<_, _>>()?;
    setting(&mut harness, Setting::Action, root, "action")?;
    for section in ["sampling", "budget"] {
        if let Some(table) = root.table(section)? {
            settings(&mut harness, section, &table)?;
        }
    }
    harness.adapt = root.tables("adapt")?.iter().map(rule).collect::<Result<_, _>>()?;
    Ok(harness)
}

fn model(table: &Table<'_>) -> Result<ModelSpec, ParseError> {
    table.only(&["use", "config", "fallback"])?;
    let fallbacks = table.tables("fallback")?;
    Ok(ModelSpec {
        module: table.module()?,
        config: table.config()?,
        fallbacks: fallbacks
            .iter()
            .map(|fallback| {
                fallback.only(&["use", "config"])?;
                Ok(Fallback { module: fallback.module()?, config: fallback.config()? })
            })
            .collect::<Result<_, ParseError>>()?,
    })
}

fn module(table: &Table<'_>) -> Result<ModuleSpec, ParseError> {
    table.only(&["id", "use", "config"])?;
    let module = table.module()?;
    let id = table.name("id")?.unwrap_or(&module.module).to_owned();
    Ok(ModuleSpec { id, module, config: table.config()? })
}

fn settings(harness: &mut Harness, section: &str, table: &Table<'_>) -> Result<(), ParseError> {
    let of_section: Vec<(Setting, &str)> =
        Setting::all().iter().filter_map(|s| Some((*s, s.name().strip_prefix(section)?.strip_prefix('.')?))).collect();
    let keys: Vec<&str> = of_section.iter().map(|(_, key)| *key).collect();
    table.only(&keys)?;
    of_section.into_iter().try_for_each(|(which, key)| setting(harness, which, table, key))
}

fn setting(harness: &mut Harness, which: Setting, table: &Table<'_>, key: &str) -> Result<(), ParseError> {
    match table.json(key)? {
        None => Ok(()),
        Some(value) => which.write(harness, Some(&value)).map_err(|expected| {
            let problem = Problem::Other(format!("`{which}` must be {expected}, not `{value}`"));
            table.error_at(key, problem)
        }),
    }
}

fn rule(table: &Table<'_>) -> Result<AdaptRule, ParseError> {
    table.only(&["id", "when", "apply", "once"])?;
    let when = table.table("when")?.ok_or_else(|| table.missing("when", "{ loop_detected = 3 }"))?;
    let when = condition(&when)?;
    let apply: Vec<Change> = table.tables("apply")?.iter().map(change).collect::<Result<_, _>>()?;
    if apply.is_empty() {
        return Err(table.missing("apply", "[{ op = \"insert\", use = \"pack/module\" }]"));
    }
    let id = table.name("id")?.unwrap_or(when.name()).to_owned();
    Ok(AdaptRule { id, when, apply, once: table.boolean("once")?.unwrap_or(true) })
}

fn condition(table: &Table<'_>) -> Result<Condition, ParseError> {
    table.only(&Condition::NAMES)?;
    let names: Vec<&str> = table.keys().collect();
    let &[name] = names.as_slice() else {
        let problem =
            format!("{} must hold exactly one condition, not {}; write one rule for each", table.place, names.len());
        return Err(table.error(Problem::Other(problem)));
    };
    let count = || table.positive(name).map(Option::unwrap_or_default);
    Ok(match name {
        "loop_detected" => Condition::LoopDetected(count()?),
        "tool_errors" => Condition::ToolErrors(count()?),
        "no_progress" => Condition::NoProgress(count()?),
        "parse_failures" => Condition::ParseFailures(count()?),
        _ => {
            let share = table.number(name)?.filter(|share| *share > 0.0 && *share <= 1.0);
            Condition::BudgetShare(share.ok_or_else(|| table.wrong_type(name, "a number above 0, at most 1"))?)
        }
    })
}

/// The operations of a change, and the keys each reads.
const CHANGES: [(&str, &[&str]); 7] = [
    ("insert", &["op", "place", "use", "id", "config", "at"]),
    ("remove", &["op", "place", "id"]),
    ("replace", &["op", "place", "id", "use", "config"]),
    ("move", &["op", "place", "id", "at"]),
    ("configure", &["op", "place", "id", "key", "value"]),
    ("model", &["op", "role", "model"]),
    ("set", &["op", "key", "value"]),
];

fn change(table: &Table<'_>) -> Result<Change, ParseError> {
    let op = table.require("op", "\"insert\"")?;
    let Some((_, keys)) = CHANGES.iter().find(|(name, _)| *name == op) else {
        let problem = Problem::Name {
            what: "operation".to_owned(),
            found: op.to_owned(),
            hint: hint(op, CHANGES.iter().map(|(name, _)| *name)),
        };
        return Err(table.error_at("op", problem));
    };
    table.only(keys)?;
    let place = table.word::<Place>("place").map(Option::unwrap_or_default);
    let id = || table.name("id")?.map(str::to_owned).ok_or_else(|| table.missing("id", "\"…\""));
    Ok(match op {
        "insert" => Change::Insert {
            place: place?,
            module: table.module()?,
            id: table.name("id")?.map(str::to_owned),
            config: table.config()?,
            at: position(table)?.unwrap_or_default(),
        },
        "remove" => Change::Remove { place: place?, id: id()? },
        "replace" => Change::Replace { place: place?, id: id()?, module: table.module()?, config: table.config()? },
        "move" => Change::Move {
            place: place?,
            id: id()?,
            at: position(table)?.ok_or_else(|| table.missing("at", "\"first\""))?,
        },
        "configure" => Change::Configure {
            place: place?,
            id: id()?,
            key: table.require("key", "\"…\"")?.to_owned(),
            value: table.json("value")?,
        },
        "model" => Change::Model {
            role: table.require("role", "\"main\"")?.to_owned(),
            model: table.table("model")?.map(|spec| model(&spec)).transpose()?,
        },
        _ => Change::Set {
            key: table.word("key")?.ok_or_else(|| table.missing("key", "\"sampling.temperature\""))?,
            value: table.json("value")?,
        },
    })
}

fn position(table: &Table<'_>) -> Result<Option<Position>, ParseError> {
    match table.string("at")? {
        None => Ok(None),
        Some(text) => Position::try_from(text.to_owned())
            .map(Some)
            .map_err(|problem| table.error_at("at", Problem::Other(problem))),
    }
}
