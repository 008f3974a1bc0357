//! The tools as a client's model reads them: names, descriptions, schemas. Harnesses and suites are choices of a schema, so that a model need
//! not guess.

use harness::{abi::ToolSpec, trace::Outcome};
use serde_json::{Value, json};

/// What a client is told at the start.
pub fn about<'a>(harnesses: impl Iterator<Item = &'a String>, suites: impl Iterator<Item = &'a String>) -> String {
    let list = |names: Vec<&str>| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    let harnesses = list(harnesses.map(String::as_str).collect());
    let suites = list(suites.map(String::as_str).collect());
    format!(
        "Runs tasks with agent harnesses and reads the record of what happened. Harnesses: {harnesses}. Suites: {suites}. \
         Every task is an episode on record: run_task gives its id, show_episode tells it step by step."
    )
}

/// All tools, with these harnesses and suites.
pub fn all(harnesses: &[&String], suites: &[&String]) -> Vec<ToolSpec> {
    let text = |about: &str| json!({"type": "string", "description": about});
    let count = |about: &str| json!({"type": "integer", "minimum": 1, "default": 20, "description": about});
    let one = |what: &str, names: &[&String]| json!({"type": "string", "enum": names, "description": what});
    let harness = one("Which harness; may be left out where there is one", harnesses);
    let suite = one("Which suite; may be left out where there is one", suites);
    let outcomes = Outcome::ALL.map(Outcome::name);
    let mut tools = Vec::new();
    if !harnesses.is_empty() {
        tools.push(changing(
            "run_task",
            "Does one task with a harness: its model, prompts and tools. Gives the answer, how the episode ended, what it used, and its \
             id for show_episode.",
            &["prompt"],
            json!({
                "prompt": text("The task, in full: the harness knows nothing else"), "harness": harness,
                "seed": {"type": "integer", "minimum": 0, "default": 1, "description": "Another seed draws otherwise where the model draws"},
            }),
        ));
        tools.push(reading(
            "show_harness",
            "Shows a harness: harness.toml, and for each variant its id, models and tools.",
            &[],
            json!({"harness": harness}),
        ));
    }
    tools.push(reading(
        "list_episodes",
        "Lists the newest episodes on record, oldest first, with task, outcome, reward, steps and cost.",
        &[],
        json!({
            "run": text("Only of this run"), "suite": text("Only of this suite"), "split": text("Only of this split"),
            "group": text("Only of this group of tasks, or session of a served harness"),
            "about": text("Only those whose task holds these words"),
            "outcome": {"type": "string", "enum": outcomes, "description": "Only those that ended so"},
            "limit": count("At most so many"),
        }),
    ));
    tools.push(reading(
        "show_episode",
        "Tells one episode step by step: messages, decisions of processors, calls of model and tools, faults, how it ended.",
        &["episode"],
        json!({"episode": text("Its id, or the beginning of it")}),
    ));
    tools.push(reading(
        "search_episodes",
        "Says where words stand in what was recorded (tasks, messages, decisions, calls, faults), the newest episodes first.",
        &["words"],
        json!({"words": text("The words, in any case"), "run": text("Only in this run"), "limit": count("At most so many places")}),
    ));
    if !suites.is_empty() {
        tools.push(reading(
            "check_suite",
            "Checks a suite of tasks without a model: do known answers pass its grader, does silence fail, what can its size prove.",
            &[],
            json!({"suite": suite}),
        ));
        tools.push(changing(
            "evolve",
            "Improves the harness of a suite by evidence and reports what was proven on tasks nothing was tuned on. Takes as long as it is \
             given: progress is told, and a call that was cancelled goes on when it is made again. Writes the final harness and the report.",
            &["minutes"],
            json!({
                "suite": suite,
                "minutes": {"type": "number", "exclusiveMinimum": 0, "description": "Most minutes for everything"},
                "rollouts": {"type": "integer", "minimum": 1, "description": "Most rollouts of the evolution itself"},
                "seed": {"type": "integer", "minimum": 0, "default": 1, "description": "Of splits, orders and episodes"},
            }),
        ));
    }
    tools
}

fn reading(name: &str, about: &str, required: &[&str], properties: Value) -> ToolSpec {
    ToolSpec { read_only: true, idempotent: true, ..changing(name, about, required, properties) }
}

fn changing(name: &str, about: &str, required: &[&str], properties: Value) -> ToolSpec {
    let schema =
        json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false});
    ToolSpec {
        name: name.to_owned(),
        description: about.to_owned(),
        input_schema: schema,
        read_only: false,
        idempotent: false,
    }
}
