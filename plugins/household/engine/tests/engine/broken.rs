//! Whatever a file holds, loading it ends in a game or an error; whatever is typed, play goes on.

use std::sync::Arc;

use household_engine::{Game, GameFile, World, generate};
use proptest::prelude::*;

use crate::tiny::lodge;

/// Loads a file and, if it is a game, plays it a little.
fn survive(file: &GameFile, choices: &[usize]) {
    let Ok(game) = Game::from_file(file) else { return };
    let mut world = World::new(Arc::new(game));
    for choice in choices {
        let count = world.admissible_count();
        assert_eq!(world.admissible().count(), count);
        let chosen = world.admissible().nth(choice % (count + 1)).map(str::to_owned);
        world.step(&chosen.unwrap_or_else(|| format!("nonsense {choice}")));
    }
}

/// One of the three texts of a file.
fn section(file: &mut GameFile, which: u8) -> &mut String {
    match which % 3 {
        0 => &mut file.pddl_domain,
        1 => &mut file.pddl_problem,
        _ => &mut file.grammar,
    }
}

/// Byte offsets, moved to the nearest character.
fn at(text: &str, share: f64) -> usize {
    text.floor_char_boundary((text.len() as f64 * share) as usize)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn edited_games_never_panic(
        which in 0_u8..3, from in 0.0..1.0_f64, length in 0_usize..12, from_other in 0.0..1.0_f64,
        filler in r#"[()?\-;&|{}\[\]#"a-z_: =]{0,6}|not|and|forall|exists|when|object|é"#,
        choices in prop::collection::vec(0_usize..100, 8),
    ) {
        let mut file = lodge();
        let text = section(&mut file, which);
        let start = at(text, from);
        let end = text.ceil_char_boundary((start + length).min(text.len()));
        let copy_start = at(text, from_other);
        let copied = text[copy_start..text.ceil_char_boundary((copy_start + length).min(text.len()))].to_owned();
        text.replace_range(start..end, &filler);
        survive(&file, &choices);
        let text = section(&mut file, which);
        text.insert_str(at(text, from_other), &copied);
        survive(&file, &choices);
    }

    #[test]
    fn cut_files_are_errors(share in 0.0..0.999_f64, which in 0_u8..3) {
        let json = lodge().to_json().unwrap();
        prop_assert!(Game::parse(&json[..at(&json, share)]).is_err());
        let mut file = lodge();
        let text = section(&mut file, which);
        text.truncate(at(text, share));
        survive(&file, &[0, 1, 2]);
    }
}

#[test]
fn edited_generated_games_never_panic() {
    for seed in 0..24_u64 {
        let mut file = generate(seed, None).file;
        let text = section(&mut file, seed as u8);
        let start = at(text, (seed as f64 * 0.37).fract());
        let end = text.ceil_char_boundary((start + 9).min(text.len()));
        text.replace_range(start..end, if seed % 2 == 0 { " " } else { "(not" });
        survive(&file, &[5, 9, 2, 77, 31]);
    }
}
