//! The environment: two menus, one call each. What is shown changes with every call; a reply in words ends the line.

use harness_abi::{Action, Environment, ModuleError, Observation, Task, TaskQuery, ToolSpec};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::topics::{DEPARTMENTS, DESKS, Topic};

/// Configuration; see `pack.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MenusConfig {
    departments: usize,
    desks: usize,
}

/// What a task is made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Line {
    /// Entries of the first menu, as indices.
    departments: Vec<usize>,
    /// Entries of every second menu.
    desks: Vec<usize>,
    /// What the caller says.
    request: String,
}

/// The environment; no line is open until it is reset.
#[derive(Debug)]
pub struct Menus {
    config: MenusConfig,
    line: Option<Line>,
    chosen: Vec<String>,
    done: bool,
}

/// Spreads bits: the finaliser of SplitMix64 (Steele, Lea & Flood 2014).
fn mix(mut x: u64) -> u64 {
    x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// `count` different indices below `of`, `must` among them, in drawn order.
fn drawn(seed: u64, of: usize, count: usize, must: usize) -> Vec<usize> {
    let mut others: Vec<usize> = (0..of).filter(|index| *index != must).collect();
    others.sort_by_key(|index| mix(seed ^ mix(*index as u64)));
    others.truncate(count.saturating_sub(1));
    others.push(must);
    others.sort_by_key(|index| mix(seed ^ mix(*index as u64 + 1000)));
    others
}

impl Menus {
    /// An environment without a line.
    pub fn new(config: MenusConfig) -> Self {
        Self { config, line: None, chosen: Vec::new(), done: false }
    }

    /// One task for each department and desk; the seed decides the words and what else is on the menus.
    fn make(&self, seed: u64) -> Result<Vec<Task>, ModuleError> {
        let mut tasks = Vec::with_capacity(DEPARTMENTS.len() * DESKS.len());
        for (a, department) in DEPARTMENTS.iter().enumerate() {
            for (b, desk) in DESKS.iter().enumerate() {
                let own = mix(seed ^ mix((a * DESKS.len() + b) as u64));
                let words = |topic: &Topic, bit: u32| topic.words[usize::from(own >> bit & 1 == 1)];
                let request = format!("Hello, {} {}.", words(desk, 0), words(department, 1));
                let line = Line {
                    departments: drawn(own, DEPARTMENTS.len(), self.config.departments, a),
                    desks: drawn(mix(own), DESKS.len(), self.config.desks, b),
                    request: request.clone(),
                };
                let id = format!("{}.{}", department.name, desk.name);
                tasks.push(Task {
                    group: id.clone(),
                    id,
                    kind: "menu".to_owned(),
                    prompt: request,
                    data: serde_json::to_value(line)?,
                    gold: json!([department.name, desk.name]),
                    ..Task::default()
                });
            }
        }
        Ok(tasks)
    }

    /// The entries that can be called now.
    fn menu(&self) -> Vec<&'static Topic> {
        let Some(line) = &self.line else { return Vec::new() };
        match self.chosen.len() {
            0 => line.departments.iter().filter_map(|index| DEPARTMENTS.get(*index)).collect(),
            1 => line.desks.iter().filter_map(|index| DESKS.get(*index)).collect(),
            _ => Vec::new(),
        }
    }

    fn shown(&self) -> Vec<ToolSpec> {
        let tool = |topic: &Topic| ToolSpec {
            name: topic.name.to_owned(),
            description: topic.says.to_owned(),
            input_schema: json!({"type": "object", "properties": {}}),
            read_only: false,
            idempotent: false,
        };
        self.menu().into_iter().map(tool).collect()
    }
}

impl Environment for Menus {
    fn tasks(&mut self, query: &TaskQuery) -> Result<Vec<Task>, ModuleError> {
        if !query.split.is_empty() {
            return Err(ModuleError::input(format_args!(
                "the menus have no split of their own, {:?} was asked; splits are drawn by group",
                query.split
            )));
        }
        let mut tasks = self.make(query.seed)?;
        if query.limit > 0 {
            tasks.truncate(query.limit);
        }
        Ok(tasks)
    }

    fn reset(&mut self, task: &Task, _seed: u64) -> Result<Observation, ModuleError> {
        let line = Line::deserialize(&task.data)?;
        let text = line.request.clone();
        (self.line, self.chosen, self.done) = (Some(line), Vec::new(), false);
        Ok(Observation { text, tools: Some(self.shown()), ..Observation::default() })
    }

    fn step(&mut self, action: &Action) -> Result<Observation, ModuleError> {
        let Some(line) = &self.line else { return Err(ModuleError::input("no line is open: call reset first")) };
        let request = line.request.clone();
        let known = match action {
            Action::Call { name, .. } => {
                self.menu().into_iter().find(|topic| topic.name == name).map(|topic| topic.name)
            }
            _ => None,
        };
        let hung_up = |text: &str| Observation {
            text: text.to_owned(),
            tools: Some(Vec::new()),
            done: true,
            invalid: true,
            ..Observation::default()
        };
        let Some(name) = known.filter(|_| !self.done) else {
            self.done = true;
            return Ok(hung_up("The line was cut: choose from the menu by a call."));
        };
        self.chosen.push(name.to_owned());
        self.done = self.chosen.len() == 2;
        let text = if self.done { "You are being connected.".to_owned() } else { format!("{name}. {request}") };
        Ok(Observation { text, tools: Some(self.shown()), done: self.done, ..Observation::default() })
    }

    fn state(&mut self) -> Result<Value, ModuleError> {
        Ok(json!({ "chosen": self.chosen }))
    }

    fn oracle(&mut self, task: &Task) -> Result<Vec<Action>, ModuleError> {
        let names = Vec::<String>::deserialize(&task.gold)?;
        Ok(names.into_iter().map(|name| Action::Call { name, arguments: json!({}) }).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn menus() -> Menus {
        Menus::new(MenusConfig { departments: 5, desks: 5 })
    }

    #[test]
    fn the_known_way_reaches_every_desk_and_any_word_cuts_the_line() {
        let mut environment = menus();
        let tasks = environment.tasks(&TaskQuery { seed: 3, ..TaskQuery::default() }).unwrap();
        assert_eq!(tasks.len(), 192);
        for task in &tasks {
            let shown = environment.reset(task, 0).unwrap().tools.unwrap();
            assert_eq!(shown.len(), 5);
            let actions = environment.oracle(task).unwrap();
            assert!(!environment.step(&actions[0]).unwrap().done);
            assert!(environment.step(&actions[1]).unwrap().done);
            assert_eq!(environment.state().unwrap()["chosen"], task.gold);
        }
        // A desk cannot be reached by fewer than two calls, nor by any words.
        for cut in
            [Action::Text { text: "parcels".into() }, Action::Call { name: "cancel!".into(), arguments: json!({}) }]
        {
            environment.reset(&tasks[0], 0).unwrap();
            let seen = environment.step(&cut).unwrap();
            assert!(seen.done && seen.invalid);
            assert_eq!(environment.state().unwrap()["chosen"], json!([]));
        }
    }

    #[test]
    fn a_seed_decides_words_and_menus() {
        let tasks = |seed| menus().tasks(&TaskQuery { seed, ..TaskQuery::default() }).unwrap();
        assert_eq!(tasks(1), tasks(1));
        assert_ne!(tasks(1), tasks(2));
    }
}
