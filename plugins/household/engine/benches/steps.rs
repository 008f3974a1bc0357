//! Loading time and steps per second under a random policy, each step with its observation and
//! its full list of admissible commands.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark, not library code")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use household_engine::{Game, World, generate};
use rand::{RngExt, SeedableRng};

#[expect(dead_code, reason = "the transcripts are for the tests")]
#[path = "../tests/engine/data.rs"]
mod data;

fn main() {
    let (source, games): (_, Vec<String>) = match data::games() {
        Some(games) => ("recorded", games.into_values().collect()),
        None => {
            let made = (0..200).map(|seed| generate(seed, None).file.to_json().unwrap());
            ("generated", made.collect())
        }
    };
    let start = Instant::now();
    let games: Vec<Arc<Game>> = games.iter().map(|json| Arc::new(Game::parse(json).unwrap())).collect();
    let each = start.elapsed() / games.len() as u32;
    println!("{} {source} games, loaded in {each:?} each", games.len());

    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(7);
    let (mut steps, mut offered, mut letters) = (0_u64, 0_u64, 0_u64);
    let (mut command, mut most) = (String::new(), 0);
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(3) {
        for game in &games {
            let mut world = World::new(Arc::clone(game));
            for _ in 0..50 {
                let admissible: Vec<&str> = world.admissible().collect();
                offered += admissible.len() as u64;
                most = most.max(admissible.len());
                command.clear();
                command.push_str(admissible[random.random_range(0..admissible.len())]);
                letters += black_box(world.step(&command)).text.len() as u64;
                steps += 1;
            }
        }
    }
    let per_second = steps as f64 / start.elapsed().as_secs_f64();
    println!(
        "{per_second:.0} steps/s on one core; {:.1} admissible commands a step (most {most}), {:.0} bytes of text",
        offered as f64 / steps as f64,
        letters as f64 / steps as f64,
    );
}
