//! `system_prompt`: renders a template into the system prompt once, when the task begins. Refuses templates that do not compile
//! when it is built, and undefined names when it renders.

use harness_abi::{Cx, Decision, Event, ModuleError, Outcome, Processor, ToolSpec, pass};
use minijinja::{Environment, UndefinedBehavior, Value, context};
use serde::Deserialize;

use crate::turns::task_index;

/// Configuration.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// A Jinja template over `task`, `tools`, `system`, `model`.
    text: String,
    /// What becomes of a system prompt that is already there.
    mode: Mode,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Mode {
    Replace,
    Append,
    Prepend,
}

/// The processor.
#[derive(Debug)]
pub struct SystemPrompt {
    config: Config,
}

impl SystemPrompt {
    /// Compiles the template.
    ///
    /// # Errors
    ///
    /// The template does not compile.
    pub fn new(config: Config) -> Result<Self, ModuleError> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.template_from_str(&config.text).map_err(|error| {
            ModuleError::config(format_args!("`text` of system_prompt is not a template: {error}; mend it"))
        })?;
        Ok(Self { config })
    }

    fn render(&self, cx: &Cx<'_>) -> Result<String, ModuleError> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        let task = task_index(cx.history()).map(|index| cx.history()[index].text());
        let values = context! {
            task => task.as_deref().unwrap_or_default(),
            tools => cx.tools()?.iter().map(tool_value).collect::<Vec<_>>(),
            system => cx.system(),
            model => cx.model("main")?.map(|info| info.name).unwrap_or_default(),
        };
        environment.render_str(&self.config.text, values).map_err(|error| {
            ModuleError::config(format_args!(
                "`text` of system_prompt does not render: {error}; it may use task, tools, system, model"
            ))
        })
    }
}

fn tool_value(tool: &ToolSpec) -> Value {
    Value::from_pairs([
        ("name", tool.name.clone()),
        ("description", tool.description.clone()),
        ("parameters", tool.input_schema.to_string()),
    ])
}

impl Processor for SystemPrompt {
    fn on(&mut self, cx: &Cx<'_>, event: Event<'_>) -> Outcome {
        let Event::TaskStart = event else { return pass() };
        let (text, old) = (self.render(cx)?, cx.system());
        let text = match self.config.mode {
            Mode::Append if !old.is_empty() => format!("{old}\n\n{text}"),
            Mode::Prepend if !old.is_empty() => format!("{text}\n\n{old}"),
            _ => text,
        };
        Ok(vec![Decision::system(text)])
    }
}
