//! Variants: several harnesses under names, and who plays what, decided by what is known before a task is run. Refuses routes that
//! look at outcomes, and to touch one variant by editing another.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::canonical::VariantId;
use crate::catalogue::Catalogue;
use crate::check::{AdmitError, SpecError, check};
use crate::edit::Edit;
use crate::field::normal;
use crate::harness::Harness;

/// The name of the only variant of a file that holds one harness.
pub const ONLY: &str = "main";

/// What is known of a task before it is run.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Features {
    /// The suite it belongs to, or the part of a mixed one.
    pub suite: String,
    /// Its kind, as its data says.
    pub kind: String,
    /// What is asked.
    pub text: String,
}

/// Tasks that are alike in what is known of them. Fields that are absent match anything; without any it is every task.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cell {
    /// Of this suite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suite: Option<String>,
    /// Of this kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Whose text has this word, in lower case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub word: Option<String>,
}

/// Who plays the tasks of a cell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// The tasks.
    #[serde(flatten)]
    pub when: Cell,
    /// The variant.
    pub to: String,
}

/// Variants and the router over them. A harness is a pool of one.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pool {
    /// Who plays what no route names: the best overall.
    pub fallback: String,
    /// The first that holds decides.
    #[serde(rename = "route", default, skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<Route>,
    /// Harnesses by name.
    #[serde(rename = "variant")]
    pub variants: BTreeMap<String, Harness>,
}

/// Why a pool cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PoolError {
    /// A route or the fallback names a variant that is not there.
    #[error("{place} names the variant `{name}`, which is not there; there are: {known}")]
    Unknown {
        /// The route, or the fallback.
        place: String,
        /// The name.
        name: String,
        /// Those there are.
        known: String,
    },
    /// A variant is wrong.
    #[error("variant `{name}`: {error}")]
    Variant {
        /// Which.
        name: String,
        /// The first reason.
        error: SpecError,
    },
    /// An edit of a variant is not admitted.
    #[error("variant `{name}`: {error}")]
    Edit {
        /// Which.
        name: String,
        /// Why.
        error: AdmitError,
    },
    /// The fallback cannot go.
    #[error("variant `{0}` is the fallback and cannot be retired; name another fallback first")]
    Fallback(String),
}

/// Names the use of the hash; see [`VariantId`].
const CONTEXT: &str = "harness pool id, canonical form 1";

impl Cell {
    /// Whether it is every task.
    pub fn is_everything(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a task belongs to it.
    pub fn holds(&self, task: &Features) -> bool {
        self.suite.as_ref().is_none_or(|suite| *suite == task.suite)
            && self.kind.as_ref().is_none_or(|kind| *kind == task.kind)
            && self.word.as_ref().is_none_or(|word| words(&task.text).any(|other| other == *word))
    }
}

/// The words of a task's text, in lower case: what a route may look for.
pub fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase)
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [("suite", &self.suite), ("kind", &self.kind), ("word", &self.word)];
        let said: Vec<String> =
            parts.into_iter().filter_map(|(key, value)| Some(format!("{key} {}", value.as_ref()?))).collect();
        f.write_str(if said.is_empty() { "every task" } else { "" })?;
        f.write_str(&said.join(", "))
    }
}

impl From<Harness> for Pool {
    fn from(harness: Harness) -> Self {
        Self { fallback: ONLY.to_owned(), routes: Vec::new(), variants: [(ONLY.to_owned(), harness)].into() }
    }
}

impl Pool {
    /// The only harness, if there is but one.
    pub fn single(&self) -> Option<&Harness> {
        match self.variants.len() {
            1 => self.variants.get(&self.fallback),
            _ => None,
        }
    }

    /// The name of the variant that plays a task.
    pub fn route(&self, task: &Features) -> &str {
        self.routes.iter().find(|route| route.when.holds(task)).map_or(&self.fallback, |route| &route.to)
    }

    /// The variant that plays a task; `None` in a pool that [`Pool::check`] refuses.
    pub fn variant_for(&self, task: &Features) -> Option<&Harness> {
        self.variants.get(self.route(task))
    }

    /// The pool with one variant edited; every other stays as it is, byte for byte.
    ///
    /// # Errors
    /// There is no such variant, or the edit does not give a harness that can be assembled.
    pub fn edited(&self, name: &str, edit: &Edit, catalogue: &Catalogue) -> Result<Self, PoolError> {
        let old = self.variants.get(name).ok_or_else(|| self.unknown("the edit", name))?;
        let new = edit.admit(old, catalogue).map_err(|error| PoolError::Edit { name: name.to_owned(), error })?;
        let mut pool = self.clone();
        pool.variants.insert(name.to_owned(), new);
        Ok(pool)
    }

    /// The pool with one more variant, which plays the tasks of `when` before any other route is asked.
    #[must_use]
    pub fn forked(&self, name: &str, harness: Harness, when: Cell) -> Self {
        let mut pool = self.clone();
        pool.variants.insert(name.to_owned(), harness);
        pool.routes.retain(|route| route.when != when);
        pool.routes.insert(0, Route { when, to: name.to_owned() });
        pool.without_idle()
    }

    /// The pool without one variant: what it played goes where the routes behind it say.
    ///
    /// # Errors
    /// It is the fallback, or not there.
    pub fn retired(&self, name: &str) -> Result<Self, PoolError> {
        if self.fallback == name {
            return Err(PoolError::Fallback(name.to_owned()));
        }
        let mut pool = self.clone();
        pool.variants.remove(name).ok_or_else(|| self.unknown("retiring", name))?;
        pool.routes.retain(|route| route.to != name);
        Ok(pool)
    }

    /// The pool with another fallback. Each of `cells`, given with one of its tasks, is played by whom it was; variants that
    /// play nothing any more are dropped. Unchanged if there is no such variant.
    #[must_use]
    pub fn with_fallback(&self, name: &str, cells: &[(Cell, Features)]) -> Self {
        if !self.variants.contains_key(name) {
            return self.clone();
        }
        let mut pool = self.clone();
        let falls = |like: &&(Cell, Features)| !self.routes.iter().any(|route| route.when.holds(&like.1));
        for (cell, _) in cells.iter().filter(falls).filter(|_| name != self.fallback) {
            pool.routes.push(Route { when: cell.clone(), to: self.fallback.clone() });
        }
        pool.fallback = name.to_owned();
        pool.without_idle()
    }

    /// Drops variants that no route reaches any more.
    fn without_idle(mut self) -> Self {
        let (routes, fallback) = (&self.routes, &self.fallback);
        self.variants.retain(|name, _| name == fallback || routes.iter().any(|route| route.to == *name));
        self
    }

    fn unknown(&self, place: &str, name: &str) -> PoolError {
        let known = self.variants.keys().cloned().collect::<Vec<_>>().join(", ");
        PoolError::Unknown { place: place.to_owned(), name: name.to_owned(), known }
    }

    /// Whether every name is known and every variant fits what is installed.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self, catalogue: &Catalogue) -> Result<(), PoolError> {
        self.names()?;
        for (name, harness) in &self.variants {
            let first = check(harness, catalogue).err().and_then(|errors| errors.into_iter().next());
            if let Some(error) = first {
                return Err(PoolError::Variant { name: name.clone(), error });
            }
        }
        Ok(())
    }

    /// Whether the fallback and every route name a variant.
    pub(crate) fn names(&self) -> Result<(), PoolError> {
        let named = self.routes.iter().map(|route| (format!("the route of {}", route.when), &route.to));
        for (place, name) in named.chain([("the fallback".to_owned(), &self.fallback)]) {
            if !self.variants.contains_key(name) {
                return Err(self.unknown(&place, name));
            }
        }
        Ok(())
    }

    /// The id: a single harness's own, or BLAKE3 of the routes and the canonical forms of all variants.
    pub fn id(&self, catalogue: &Catalogue) -> VariantId {
        if let Some(harness) = self.single().filter(|_| self.routes.is_empty()) {
            return harness.variant_id(catalogue);
        }
        let variants: BTreeMap<&str, Harness> =
            self.variants.iter().map(|(name, harness)| (name.as_str(), harness.normalised(catalogue))).collect();
        let whole = serde_json::json!({"fallback": self.fallback, "route": self.routes, "variant": variants});
        VariantId::derive(CONTEXT, &normal(&whole).to_string())
    }
}
