//! Whole episodes: how often a chooser without a mind wins behind the planner and the router.

use std::io::Read;
use std::path::{Path, PathBuf};

use harness_abi::{
    Action, Answer, Ask, Constraint, Decision, EnvironmentBox, Hook, Message, ModuleError, ProcessorBox, Task,
    TaskQuery,
};
use harness_host::testing::FakeContext;
use plugin_household::pack;
use serde_json::{Value, json};

use crate::world::{config, environment, reset, step, tasks};

/// A small generator of its own: the outcome must not hang on a library's stream.
struct Coin(u64);

impl Coin {
    fn below(&mut self, count: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % count
    }
}

fn processor(name: &str, given: Value) -> ProcessorBox {
    pack().processor()(name.into(), config(name, given).as_str().into()).into_result().unwrap()
}

/// Plays one episode; gives the steps it took to win, if it did.
fn play(
    world: &mut EnvironmentBox,
    task: &Task,
    processors: &mut [ProcessorBox],
    mut choose: impl FnMut(usize) -> usize,
    steps: u64,
) -> Option<u64> {
    let mut seen = reset(world, task).unwrap();
    let mut history = vec![Message::user(seen.text.clone())];
    for number in 0..steps {
        let mut choices = seen.admissible.clone();
        for processor in &mut *processors {
            let mut cx = FakeContext::default()
                .history(history.iter().cloned())
                .observation(&seen)
                .constraint(&Constraint::Choice { choices: choices.clone() });
            cx.step = number;
            let nobody = |_: &Ask| Answer::Failed { error: ModuleError::fault("nobody was to be asked") };
            for decision in cx.call_hook(processor, Hook::BeforeModel, nobody).unwrap() {
                if let Decision::Constrain { constraint_json } = decision
                    && let Ok(Constraint::Choice { choices: left }) = serde_json::from_str(&constraint_json)
                {
                    assert!(!left.is_empty() && left.iter().all(|action| choices.contains(action)), "{left:?}");
                    choices = left;
                }
            }
        }
        let action = choices[choose(choices.len())].clone();
        seen = step(world, &Action::Text { text: action.clone() });
        if seen.done {
            return Some(number + 1);
        }
        history.extend([Message::assistant(action), Message::user(seen.text.clone())]);
    }
    None
}

/// Share of tasks won by a random chooser within 50 and within 30 steps.
fn random_wins(world: &mut EnvironmentBox, tasks: &[Task], modules: &[(&str, Value)]) -> (f64, f64) {
    let mut coin = Coin(11);
    let (mut won, mut soon) = (0, 0);
    for task in tasks {
        let mut processors: Vec<ProcessorBox> =
            modules.iter().map(|(name, given)| processor(name, given.clone())).collect();
        let took = play(world, task, &mut processors, |count| coin.below(count), 50);
        won += usize::from(took.is_some());
        soon += usize::from(took.is_some_and(|steps| steps <= 30));
    }
    let share = |count: usize| count as f64 / tasks.len() as f64;
    println!(
        "{} games, {} random: {:.3} in 50 steps, {:.3} in 30",
        tasks.len(),
        names(modules),
        share(won),
        share(soon)
    );
    (share(won), share(soon))
}

/// Share of tasks won in 30 steps by always doing the first of what is left.
fn first_wins(world: &mut EnvironmentBox, tasks: &[Task], modules: &[(&str, Value)]) -> f64 {
    let won = tasks.iter().filter(|task| {
        let mut processors: Vec<ProcessorBox> =
            modules.iter().map(|(name, given)| processor(name, given.clone())).collect();
        play(world, task, &mut processors, |_| 0, 30).is_some()
    });
    let share = won.count() as f64 / tasks.len() as f64;
    println!("{} games, {} first: {share:.3} in 30 steps", tasks.len(), names(modules));
    share
}

fn names(modules: &[(&str, Value)]) -> String {
    modules.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(" + ")
}

#[test]
fn behind_the_planner_a_random_chooser_wins() {
    let mut world = environment(json!({"train": 120, "unseen": 0}));
    let tasks = tasks(&mut world, &TaskQuery::default()).unwrap();
    let planner = || ("planner", json!({}));
    let router = || ("action_router", json!({}));
    let (bare, _) = random_wins(&mut world, &tasks, &[]);
    assert!(bare < 0.1, "{bare}");
    let (planned, _) = random_wins(&mut world, &tasks, &[planner()]);
    assert!(planned >= 0.9, "{planned}");
    let (routed, _) = random_wins(&mut world, &tasks, &[planner(), router()]);
    assert!(routed >= 0.9, "{routed}");
    assert!(first_wins(&mut world, &tasks, &[planner(), router()]) > 0.6);
    // A router that leaves one action is as good as no choice at all; a hint takes nothing away.
    let (hinted, _) = random_wins(&mut world, &tasks[..24], &[("planner", json!({"mode": "hint"}))]);
    assert!(hinted < 0.2, "{hinted}");
}

/// Unpacks recorded games into a folder, when they lie beside the workspace.
fn recorded() -> Option<tempfile::TempDir> {
    let packed = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/alfworld/games.tar.xz");
    let Ok(file) = std::fs::File::open(packed) else {
        println!("skipped: no recorded games in ../shared/data/alfworld");
        return None;
    };
    let mut data = Vec::new();
    lzma_rs::xz_decompress(&mut std::io::BufReader::new(file), &mut data).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for entry in tar::Archive::new(data.as_slice()).entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = folder.path().join(entry.path().unwrap());
        if path.ends_with(Path::new("game.tw-pddl")) {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            std::fs::write(path, text).unwrap();
        }
    }
    Some(folder)
}

#[test]
fn on_recorded_games_too() {
    let Some(folder) = recorded() else { return };
    let mut world = environment(json!({"data": folder.path()}));
    let listed = tasks(&mut world, &TaskQuery::default()).unwrap();
    assert_eq!(listed.len(), 740);
    let seen: Vec<Task> = listed.iter().filter(|task| task.split == "valid_seen").cloned().collect();
    assert_eq!(seen.len(), 140);
    // Every second one: loading dominates, and the share hardly moves.
    let seen: Vec<Task> = seen.into_iter().step_by(2).collect();
    let (planner, router) = (("planner", json!({})), ("action_router", json!({})));
    let (planned, _) = random_wins(&mut world, &seen, std::slice::from_ref(&planner));
    assert!(planned >= 0.9, "{planned}");
    let (routed, _) = random_wins(&mut world, &seen, &[planner.clone(), router.clone()]);
    assert!(routed >= 0.9, "{routed}");
    assert!(first_wins(&mut world, &seen, &[planner, router]) > 0.6);
}
