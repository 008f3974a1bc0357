//! A suite of one's own and a first harness with a model, to begin with.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use toml_edit::{DocumentMut, Item, Table, value};

use super::{
    App, model_named,
    overview::NextCommand,
    suite::{self, Made, NewRequest},
};
use crate::{Control, Failure, replace::replace};

/// What to begin with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InitRequest {
    /// The suite.
    pub suite: NewRequest,
    /// The model that its first harness asks, by a name of [`model_named`]; `None`: whoever runs it names one.
    #[serde(default)]
    pub model: Option<String>,
}

/// What was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InitResult {
    /// The suite.
    #[serde(flatten)]
    pub made: Made,
    /// Its first harness.
    pub harness: PathBuf,
    /// What to do with them.
    pub next: Vec<NextCommand>,
}

/// Makes them.
///
/// # Errors
///
/// The name or the folder is taken, the table cannot be read, or no model has that name: nothing is then made.
pub fn init(app: &App, request: &InitRequest, control: &Control) -> Result<InitResult, Failure> {
    let model = request.model.as_deref().map(|name| model_named(app.workspace(), name)).transpose()?;
    let made = suite::new(&request.suite, control)?;
    let harness = made.folder.join("harness.toml");
    if let Some(model) = model {
        let fail = |error: &dyn std::fmt::Display| Failure::new(format!("{}: {error}", harness.display()));
        let text = std::fs::read_to_string(&harness).map_err(|error| fail(&error))?;
        let mut document: DocumentMut = text.parse().map_err(|error: toml_edit::TomlError| fail(&error))?;
        let mut main = Table::new();
        main["use"] = value(model.module.to_string());
        for (key, given) in &model.config {
            let given = given.as_str().ok_or_else(|| fail(&"a setting of the model is no text"))?;
            main["config"][key] = value(given);
        }
        if let Some(config) = main["config"].as_inline_table_mut() {
            config.set_dotted(true);
        }
        let mut models = Table::new();
        models.set_implicit(true);
        models.insert("main", Item::Table(main));
        document.insert("model", Item::Table(models));
        replace(&harness, &document.to_string())?;
    }
    let folder = made.folder.display();
    let next = [
        (format!("harness suite check {folder}"), "checks tasks and grader; asks no model"),
        (format!("harness run {} --prompt 'Hello'", harness.display()), "asks the harness something"),
        (format!("harness bench {folder}"), "how often it is right now"),
        (format!("harness evolve {folder}"), "improves it by evidence"),
    ];
    let next = next.into_iter().map(|(command, does)| NextCommand { command, does: does.to_owned() }).collect();
    Ok(InitResult { made, harness, next })
}
