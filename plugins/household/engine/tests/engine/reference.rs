//! Every recorded game is won by its walkthrough and every recorded step comes out the same.

use std::collections::BTreeMap;
use std::sync::Arc;

use household_engine::{Game, World};
use serde_json::Value;

use crate::data;

fn load() -> Option<BTreeMap<String, Arc<Game>>> {
    let games = data::games()?;
    let start = std::time::Instant::now();
    let loaded: BTreeMap<_, _> = games
        .iter()
        .map(|(path, json)| match Game::parse(json) {
            Ok(game) => (path.clone(), Arc::new(game)),
            Err(error) => panic!("{path}: {error}"),
        })
        .collect();
    println!("{} games loaded in {:?}", loaded.len(), start.elapsed());
    Some(loaded)
}

fn sorted(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|v| v.as_str().unwrap()).collect()
}

#[test]
fn recorded_games_play_as_recorded() {
    let (Some(games), Some(transcripts)) = (load(), data::transcripts()) else { return };
    for (path, game) in &games {
        let mut world = World::new(Arc::clone(game));
        assert!(!world.won(), "{path}");
        for command in game.walkthrough() {
            assert!(world.is_admissible(command), "{path}: {command}");
            world.step(command);
        }
        assert!(world.won(), "{path}");
        let folder = path.split('/').nth(2).unwrap();
        let named = game.task_type().unwrap().name();
        assert!(folder.starts_with(named), "{path}: {named}");
        assert!(game.task().starts_with("Your task is to: "), "{path}");
    }
    let mut steps = 0;
    for line in transcripts.lines() {
        let record: Value = serde_json::from_str(line).unwrap();
        let path = record["game"].as_str().unwrap();
        let mut world = World::new(Arc::clone(&games[path]));
        assert_eq!(world.reset().text, record["reset"].as_str().unwrap(), "{path}");
        assert_eq!(world.admissible().collect::<Vec<_>>(), sorted(&record["admissible"]), "{path}");
        for step in record["steps"].as_array().unwrap() {
            let action = step["action"].as_str().unwrap();
            let seen = world.step(action);
            assert_eq!(seen.text, step["observation"].as_str().unwrap(), "{path}: {action}");
            assert_eq!(seen.won, step["won"].as_bool().unwrap(), "{path}: {action}");
            assert_eq!(world.admissible().collect::<Vec<_>>(), sorted(&step["admissible"]), "{path}: {action}");
            steps += 1;
        }
    }
    println!("{} transcripts, {steps} steps", transcripts.lines().count());
}
