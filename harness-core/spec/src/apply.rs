//! Applying an edit: whole or not at all. Refuses a stale edit: each operation's pre-image must be what is there.

use serde_json::Value;

use crate::change::Place;
use crate::edit::{Edit, Op};
use crate::field::normal;
use crate::harness::{AdaptRule, Harness, ModuleSpec};
use crate::nearest::hint;

/// Why an edit does not apply; the harness is untouched.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("operation {} (`{op}`): {problem}", index + 1)]
pub struct EditError {
    /// Which operation, from 0.
    pub index: usize,
    /// The operation in words.
    pub op: String,
    /// Why.
    pub problem: Box<EditProblem>,
}

/// Why an operation does not apply.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum EditProblem {
    /// Nothing of that id.
    #[error("there is no {what} `{id}`{hint}")]
    Absent {
        /// processor, tool, adapt rule.
        what: &'static str,
        /// The id.
        id: String,
        /// A nearest id, or the valid ones.
        hint: String,
    },
    /// The id is taken.
    #[error("there is a {what} `{id}` already; give the new one another `id`")]
    Present {
        /// processor, tool, adapt rule.
        what: &'static str,
        /// The id.
        id: String,
    },
    /// The pre-image is not what is there.
    #[error("{what} is {found}, not {expected} as the edit supposes; make the edit anew against this harness")]
    Stale {
        /// What differs.
        what: String,
        /// The pre-image.
        expected: String,
        /// What is there.
        found: String,
    },
    /// A value a setting refuses.
    #[error("`{key}` must be {expected}, not `{value}`")]
    Setting {
        /// The setting.
        key: String,
        /// What a value must be.
        expected: &'static str,
        /// What it is.
        value: Value,
    },
    /// A module moved after itself.
    #[error("`{id}` cannot stand after itself")]
    AfterItself {
        /// The id.
        id: String,
    },
}

/// Members of a list that edits address by id.
pub(crate) trait Named: Clone + PartialEq + std::fmt::Debug {
    /// Its id.
    fn id(&self) -> &str;
    /// In words.
    fn describe(&self) -> String;
}

impl Named for ModuleSpec {
    fn id(&self) -> &str {
        &self.id
    }
    fn describe(&self) -> String {
        format!("`{}` ({}{})", self.id, self.module, config_text(&self.config))
    }
}

impl Named for AdaptRule {
    fn id(&self) -> &str {
        &self.id
    }
    fn describe(&self) -> String {
        format!("`{}`", self.id)
    }
}

fn config_text(config: &crate::harness::Config) -> String {
    if config.is_empty() { String::new() } else { format!(", {} config values", config.len()) }
}

impl Place {
    pub(crate) fn list(self, harness: &Harness) -> &Vec<ModuleSpec> {
        match self {
            Self::Processor => &harness.processors,
            Self::Tool => &harness.tools,
        }
    }

    pub(crate) fn list_mut(self, harness: &mut Harness) -> &mut Vec<ModuleSpec> {
        match self {
            Self::Processor => &mut harness.processors,
            Self::Tool => &mut harness.tools,
        }
    }

    pub(crate) const fn what(self) -> &'static str {
        match self {
            Self::Processor => "processor",
            Self::Tool => "tool",
        }
    }
}

impl Edit {
    /// The harness after the edit. The first operation that does not apply is the error, and nothing is changed.
    ///
    /// # Errors
    ///
    /// Which operation does not apply, and why; then nothing is changed.
    pub fn apply(&self, harness: &Harness) -> Result<Harness, EditError> {
        let mut next = harness.clone();
        for (index, op) in self.0.iter().enumerate() {
            op.perform(&mut next).map_err(|problem| EditError {
                index,
                op: op.to_string(),
                problem: Box::new(problem),
            })?;
        }
        Ok(next)
    }
}

pub(crate) const RULE: &str = "adapt rule";

impl Op {
    /// Performs one operation in place. On an error the harness is unchanged.
    pub(crate) fn perform(&self, harness: &mut Harness) -> Result<(), EditProblem> {
        match self {
            Self::Insert { place, after, module } => {
                insert(place.list_mut(harness), place.what(), after.as_deref(), module)
            }
            Self::Remove { place, after, module } => {
                remove(place.list_mut(harness), place.what(), after.as_deref(), module)
            }
            Self::InsertRule { after, rule } => insert(&mut harness.adapt, RULE, after.as_deref(), rule),
            Self::RemoveRule { after, rule } => remove(&mut harness.adapt, RULE, after.as_deref(), rule),
            Self::Replace { place, old, new } => replace(place.list_mut(harness), place.what(), old, new),
            Self::Move { place, id, from, to } => {
                relocate(place.list_mut(harness), place.what(), id, from.as_deref(), to.as_deref())
            }
            Self::Configure { place, id, key, old, new } => {
                let list = place.list_mut(harness);
                let at = index(list, place.what(), id)?;
                let Some(module) = list.get_mut(at) else {
                    return Ok(());
                };
                same(&format!("`{id}.{key}`"), old.as_ref(), module.config.get(key))?;
                match new {
                    Some(value) => module.config.insert(key.clone(), value.clone()),
                    None => module.config.remove(key),
                };
                Ok(())
            }
            Self::Model { role, old, new } => {
                let present = harness.models.get(role);
                if present != old.as_ref() {
                    let name = |spec: Option<&crate::harness::ModelSpec>| {
                        spec.map_or("not served".to_owned(), |s| format!("`{}`{}", s.module, config_text(&s.config)))
                    };
                    return Err(EditProblem::Stale {
                        what: format!("model role `{role}`"),
                        expected: name(old.as_ref()),
                        found: name(present),
                    });
                }
                match new {
                    Some(spec) => harness.models.insert(role.clone(), spec.clone()),
                    None => harness.models.remove(role),
                };
                Ok(())
            }
            Self::Set { key, old, new } => {
                // A setting is a number, not its spelling: 1 is 1.0, and not given is the default.
                let plain = |value: Option<Value>| value.as_ref().map(normal);
                let supposed = old.clone().or_else(|| key.read(&Harness::default()));
                same(&format!("`{key}`"), plain(supposed).as_ref(), plain(key.read(harness)).as_ref())?;
                key.write(harness, new.as_ref()).map_err(|expected| EditProblem::Setting {
                    key: key.to_string(),
                    expected,
                    value: new.clone().unwrap_or_default(),
                })
            }
        }
    }
}

fn same(what: &str, expected: Option<&Value>, found: Option<&Value>) -> Result<(), EditProblem> {
    if expected == found {
        return Ok(());
    }
    let text = |value: Option<&Value>| value.map_or("not set".to_owned(), |v| format!("`{v}`"));
    Err(EditProblem::Stale { what: what.to_owned(), expected: text(expected), found: text(found) })
}

/// The index of an id, or the error that names its neighbours.
pub(crate) fn index<T: Named>(list: &[T], what: &'static str, id: &str) -> Result<usize, EditProblem> {
    list.iter().position(|item| item.id() == id).ok_or_else(|| EditProblem::Absent {
        what,
        id: id.to_owned(),
        hint: match list.is_empty() {
            true => format!("; this harness has no {what}s"),
            false => hint(id, list.iter().map(Named::id)),
        },
    })
}

/// The index behind a neighbour: where something inserted after it stands.
fn behind<T: Named>(list: &[T], what: &'static str, after: Option<&str>) -> Result<usize, EditProblem> {
    after.map_or(Ok(0), |id| index(list, what, id).map(|at| at + 1))
}

/// The id before an index.
pub(crate) fn before<T: Named>(list: &[T], at: usize) -> Option<&str> {
    at.checked_sub(1).and_then(|i| list.get(i)).map(Named::id)
}

fn vacant<T: Named>(list: &[T], what: &'static str, id: &str) -> Result<(), EditProblem> {
    match list.iter().any(|item| item.id() == id) {
        true => Err(EditProblem::Present { what, id: id.to_owned() }),
        false => Ok(()),
    }
}

fn stands_after<T: Named>(list: &[T], at: usize, id: &str, after: Option<&str>) -> Result<(), EditProblem> {
    let found = before(list, at);
    if found == after {
        return Ok(());
    }
    let text = |id: Option<&str>| id.map_or("nothing".to_owned(), |id| format!("`{id}`"));
    Err(EditProblem::Stale { what: format!("what stands before `{id}`"), expected: text(after), found: text(found) })
}

fn is_unchanged<T: Named>(found: Option<&T>, expected: &T) -> Result<(), EditProblem> {
    match found {
        Some(found) if found != expected => Err(EditProblem::Stale {
            what: format!("`{}`", expected.id()),
            expected: expected.describe(),
            found: if found.describe() == expected.describe() {
                "of other content".to_owned()
            } else {
                found.describe()
            },
        }),
        _ => Ok(()),
    }
}

fn insert<T: Named>(list: &mut Vec<T>, what: &'static str, after: Option<&str>, item: &T) -> Result<(), EditProblem> {
    vacant(list, what, item.id())?;
    let at = behind(list, what, after)?;
    list.insert(at, item.clone());
    Ok(())
}

fn remove<T: Named>(list: &mut Vec<T>, what: &'static str, after: Option<&str>, item: &T) -> Result<(), EditProblem> {
    let at = index(list, what, item.id())?;
    is_unchanged(list.get(at), item)?;
    stands_after(list, at, item.id(), after)?;
    list.remove(at);
    Ok(())
}

fn replace<T: Named>(list: &mut [T], what: &'static str, old: &T, new: &T) -> Result<(), EditProblem> {
    let at = index(list, what, old.id())?;
    is_unchanged(list.get(at), old)?;
    if new.id() != old.id() {
        vacant(list, what, new.id())?;
    }
    if let Some(slot) = list.get_mut(at) {
        *slot = new.clone();
    }
    Ok(())
}

fn relocate<T: Named>(
    list: &mut Vec<T>,
    what: &'static str,
    id: &str,
    from: Option<&str>,
    to: Option<&str>,
) -> Result<(), EditProblem> {
    let at = index(list, what, id)?;
    stands_after(list, at, id, from)?;
    if to == Some(id) {
        return Err(EditProblem::AfterItself { id: id.to_owned() });
    }
    behind(list, what, to)?;
    let item = list.remove(at);
    let target = behind(list, what, to)?;
    list.insert(target, item);
    Ok(())
}
