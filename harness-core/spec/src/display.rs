//! Edits in one line for a person: "insert std/loop_guard after system_prompt", "set router.k 3 → 5". Refuses to print long values
//! in full.

use std::fmt;

use serde_json::Value;

use crate::change::{Change, Place, Position};
use crate::edit::{Edit, Op};
use crate::harness::{Config, ModelSpec, ModuleSpec};

/// A value in at most this many characters.
const WIDTH: usize = 48;

impl fmt::Display for Edit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_identity() {
            return f.write_str("no change");
        }
        for (index, op) in self.0.iter().enumerate() {
            write!(f, "{}{op}", if index == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Insert { place, after, module } => {
                write!(
                    f,
                    "insert {}{} {}{}",
                    noun(*place),
                    spec(module),
                    behind(after.as_deref()),
                    with(&module.config)
                )
            }
            Self::Remove { place, module, .. } => write!(f, "remove {}{}", noun(*place), module.id),
            Self::Replace { place, old, new } if old.id == new.id => {
                write!(f, "replace {}{}: {} → {}{}", noun(*place), old.id, old.module, new.module, with(&new.config))
            }
            Self::Replace { place, old, new } => {
                write!(f, "replace {}{} by {}{}", noun(*place), old.id, spec(new), with(&new.config))
            }
            Self::Move { place, id, to, .. } => {
                write!(f, "move {}{id} {}", noun(*place), behind(to.as_deref()))
            }
            Self::Configure { place, id, key, old, new } => {
                write!(f, "set {}{id}.{key} {} → {}", noun(*place), short(old.as_ref()), short(new.as_ref()))
            }
            Self::Model { role, old, new } => {
                write!(f, "model {role}: {} → {}", served(old.as_ref()), served(new.as_ref()))
            }
            Self::Set { key, old, new } => write!(f, "set {key} {} → {}", short(old.as_ref()), short(new.as_ref())),
            Self::InsertRule { after, rule } => write!(f, "insert adapt rule {} {}", rule.id, behind(after.as_deref())),
            Self::RemoveRule { rule, .. } => write!(f, "remove adapt rule {}", rule.id),
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Insert { place, module, id, at, .. } => {
                let name =
                    id.as_ref().filter(|id| **id != module.module).map_or(String::new(), |id| format!(" as {id}"));
                write!(f, "insert {}{module}{name} {}", noun(*place), at)
            }
            Self::Remove { place, id } => write!(f, "remove {}{id}", noun(*place)),
            Self::Replace { place, id, module, .. } => write!(f, "replace {}{id} by {module}", noun(*place)),
            Self::Move { place, id, at } => write!(f, "move {}{id} {}", noun(*place), at),
            Self::Configure { place, id, key, value } => {
                write!(f, "set {}{id}.{key} {}", noun(*place), short(value.as_ref()))
            }
            Self::Model { role, model } => write!(f, "model {role}: {}", served(model.as_ref())),
            Self::Set { key, value } => write!(f, "set {key} {}", short(value.as_ref())),
            Self::Adapt { rule } => write!(f, "insert adapt rule {}", rule.id),
            Self::Unadapt { id } => write!(f, "remove adapt rule {id}"),
        }
    }
}

/// The values a module is given, where it is given any.
fn with(config: &Config) -> String {
    let values: Vec<String> = config.iter().map(|(key, value)| format!("{key} = {}", short(Some(value)))).collect();
    if values.is_empty() { String::new() } else { format!(" with {}", values.join(", ")) }
}

/// Processors go without saying.
fn noun(place: Place) -> &'static str {
    match place {
        Place::Processor => "",
        Place::Tool => "tool ",
    }
}

fn spec(module: &ModuleSpec) -> String {
    if module.id == module.module.module {
        module.module.to_string()
    } else {
        format!("{} as {}", module.module, module.id)
    }
}

fn behind(after: Option<&str>) -> String {
    after.map_or("first".to_owned(), |id| format!("after {id}"))
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::First => f.write_str("first"),
            Self::Last => f.write_str("last"),
            Self::After(id) => write!(f, "after {id}"),
        }
    }
}

fn served(model: Option<&ModelSpec>) -> String {
    model.map_or("none".to_owned(), |m| m.module.to_string())
}

fn short(value: Option<&Value>) -> String {
    let Some(value) = value else {
        return "default".to_owned();
    };
    let text = value.to_string();
    if text.chars().count() <= WIDTH {
        return text;
    }
    let head: String = text.chars().take(WIDTH - 1).collect();
    format!("{head}…")
}
