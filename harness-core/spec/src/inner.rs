//! Harnesses inside a harness: those that answer the calls of its tools. Refuses to know what such a tool does with its arguments;
//! that an inner harness fits what is installed is `check`'s question, as for any other.

use serde_json::Value;

use crate::catalogue::Catalogue;
use crate::harness::{Harness, ModuleSpec};
use crate::table::{ParseError, Problem};

/// So many harnesses may lie in one another, the outermost counted.
pub(crate) const DEEPEST: usize = 4;

impl Harness {
    /// Reads a harness from a value of a config, which says what a file would say.
    ///
    /// # Errors
    ///
    /// What is wrong, as for a file.
    pub fn from_value(value: &Value) -> Result<Self, Problem> {
        let text = toml::Value::try_from(value).and_then(|value| toml::to_string(&value));
        let text = text.map_err(|error| Problem::Syntax(error.to_string()))?;
        // Its places are those of a text nobody wrote.
        Self::parse(&text).map_err(|ParseError { problem, .. }| problem)
    }

    /// The harness that answers the calls of a tool of this one; `None` if the tool answers them itself. It has this one's
    /// models for the roles it does not name.
    pub fn inner(&self, tool: &ModuleSpec, catalogue: &Catalogue) -> Option<Result<Self, Problem>> {
        let entry = catalogue.lookup(&tool.module).ok()?;
        let value = tool.config.get(entry.module.harness_field()?).filter(|value| value.is_object())?;
        Some(Self::from_value(value).map(|mut inner| {
            for (role, model) in &self.models {
                inner.models.entry(role.clone()).or_insert_with(|| model.clone());
            }
            inner
        }))
    }

    /// Every harness that lies in this one, at any depth, with the ids of the tools that lead to it joined by points. Those that
    /// cannot be read are left out.
    pub fn all_inner(&self, catalogue: &Catalogue) -> Vec<(String, Self)> {
        let mut all = Vec::new();
        self.collect(catalogue, "", 1, &mut all);
        all
    }

    fn collect(&self, catalogue: &Catalogue, above: &str, depth: usize, all: &mut Vec<(String, Self)>) {
        if depth == DEEPEST {
            return;
        }
        for tool in &self.tools {
            let Some(Ok(inner)) = self.inner(tool, catalogue) else { continue };
            let place = if above.is_empty() { tool.id.clone() } else { format!("{above}.{}", tool.id) };
            inner.collect(catalogue, &place, depth + 1, all);
            all.push((place, inner));
        }
    }
}
