//! The pack `{{name}}`: a guessing game, an environment whose tasks are made from the seed.

use harness_abi::{Action, Environment, ModuleError, Observation, Task, TaskQuery};
use serde::Deserialize;
use serde_json::{Value, json};

/// How many tasks there are where the query does not say.
const TASKS: usize = 20;

/// Its configuration: the fields of `[module.config.…]` in pack.toml. What a harness leaves out has its default.
#[derive(Debug, Deserialize)]
pub struct Config {
    highest: u64,
}

/// One game; a fresh instance plays each episode.
#[derive(Debug)]
pub struct Guess {
    highest: u64,
    secret: u64,
    won: bool,
    turns: u64,
}

impl Guess {
    fn new(config: Config) -> Self {
        Self { highest: config.highest, secret: 0, won: false, turns: 0 }
    }

    fn observation(&self, text: String) -> Observation {
        let admissible = (1..=self.highest).map(|number| number.to_string()).collect();
        Observation { text, admissible, done: self.won, reward: f64::from(u8::from(self.won)), ..Observation::default() }
    }
}

impl Environment for Guess {
    /// The list never changes for an equal query.
    fn tasks(&mut self, query: &TaskQuery) -> Result<Vec<Task>, ModuleError> {
        let count = if query.limit == 0 { TASKS } else { query.limit };
        let task = |index: u64| {
            // A step of a linear congruential generator: far from random, but another number for every task.
            let draw = (query.seed + index).wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let secret = (draw >> 33) % self.highest + 1;
            Task {
                id: format!("guess-{}-{index}", query.seed),
                prompt: format!("Guess the number from 1 to {}.", self.highest),
                data: json!(secret),
                gold: json!(true),
                ..Task::default()
            }
        };
        Ok((0..count as u64).map(task).collect())
    }

    fn reset(&mut self, task: &Task, _seed: u64) -> Result<Observation, ModuleError> {
        self.secret = task.data.as_u64().ok_or_else(|| ModuleError::input(format_args!("{}: no number", task.id)))?;
        (self.won, self.turns) = (false, 0);
        Ok(self.observation(format!("I think of a number from 1 to {}. Which is it?", self.highest)))
    }

    /// What the world refuses is an observation, not an error.
    fn step(&mut self, action: &Action) -> Result<Observation, ModuleError> {
        self.turns += 1;
        let Action::Text { text } = action else {
            return Err(ModuleError::unsupported("a guess is a reply, not a tool call"));
        };
        let Ok(guess) = text.trim().parse::<u64>() else {
            return Ok(Observation { invalid: true, ..self.observation(format!("`{text}` is not a number.")) });
        };
        self.won = guess == self.secret;
        Ok(self.observation(match guess.cmp(&self.secret) {
            std::cmp::Ordering::Less => "Higher.".into(),
            std::cmp::Ordering::Greater => "Lower.".into(),
            std::cmp::Ordering::Equal => "That is it.".into(),
        }))
    }

    /// What the grader judges.
    fn state(&mut self) -> Result<Value, ModuleError> {
        Ok(json!({"won": self.won, "turns": self.turns}))
    }

    /// The actions that solve a task: they check environment and grader.
    fn oracle(&mut self, task: &Task) -> Result<Vec<Action>, ModuleError> {
        Ok(vec![Action::Text { text: task.data.to_string() }])
    }
}

harness_abi::export_pack! {
    manifest: include_str!("../pack.toml"),
    environments: { "guess" => |config: Config| Ok(Guess::new(config)) },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_own_solutions_win() {
        let mut game = Guess::new(Config { highest: 10 });
        for task in game.tasks(&TaskQuery { seed: 7, ..TaskQuery::default() }).unwrap() {
            assert!(!game.reset(&task, 0).unwrap().done);
            for action in game.oracle(&task).unwrap() {
                game.step(&action).unwrap();
            }
            assert_eq!(game.state().unwrap()["won"], task.gold);
        }
    }
}
