//! Generated games: playable, won by their walkthrough, sized like recorded ones, the same for
//! the same seed.

use std::collections::BTreeSet;
use std::sync::Arc;

use household_engine::{Game, GameFile, TaskType, World, generate};

#[test]
fn every_generated_game_is_won_by_its_walkthrough() {
    let mut groups = BTreeSet::new();
    let mut texts = BTreeSet::new();
    for seed in 0..40 {
        for kind in TaskType::ALL {
            let made = generate(seed, Some(kind));
            let json = made.file.to_json().unwrap();
            assert_eq!(GameFile::from_json(&json).unwrap(), made.file);
            assert_eq!(made, generate(seed, Some(kind)));
            let game = match Game::parse(&json) {
                Ok(game) => Arc::new(game),
                Err(error) => panic!("{}: {error}", made.id),
            };
            assert_eq!(game.task_type(), Some(kind), "{}", made.id);
            let mut world = World::new(Arc::clone(&game));
            assert!(!world.won(), "{}: won at the start", made.id);
            let places = world.admissible().filter(|c| c.starts_with("go to ")).count();
            assert!((12..=45).contains(&places), "{}: {places} places", made.id);
            for command in game.walkthrough() {
                assert!(world.is_admissible(command), "{}: {command}", made.id);
                world.step(command);
            }
            assert!(world.won(), "{}: {:?}", made.id, game.walkthrough());
            groups.insert(made.group);
            texts.insert(json);
        }
    }
    assert_eq!(texts.len(), 240);
    assert!(groups.len() > 200, "{}", groups.len());
}

#[test]
fn a_generated_game_reads_like_a_recorded_one() {
    let game = Arc::new(Game::from_file(&generate(3, Some(TaskType::CoolAndPlace)).file).unwrap());
    let mut world = World::new(Arc::clone(&game));
    let opening = world.reset().text.to_owned();
    let lead = "-= Welcome to TextWorld, ALFRED! =-\n\nYou are in the middle of a room. Looking quickly around you, you see a ";
    assert!(opening.starts_with(lead), "{opening}");
    assert!(opening.ends_with(&format!("\n\n{}", game.task())), "{opening}");
    assert_eq!(world.step("inventory").text, "You are not carrying anything.");
    assert_eq!(world.step("go to fridge 1").text, "You arrive at fridge 1. The fridge 1 is closed.");
    assert_eq!(world.step("go to fridge 1").text, "Nothing happens.");
    assert!(
        world.step("open fridge 1").text.starts_with("You open the fridge 1. The fridge 1 is open. In it, you see ")
    );
    assert_eq!(world.step("dance").text, "Nothing happens.");
    assert!(world.step("help").text.starts_with("Available commands:\n  look:"));
}
