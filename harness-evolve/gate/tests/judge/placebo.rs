//! 1,000 fixed seeds of a whole evolution of 15 rounds × 4 candidates (simulated outcomes): what ships is false.

use evolve_gate::placebo::{Coin, PlaceboLine, Recording, Rehearsal};
use evolve_gate::simulate::{Contrast, World};
use evolve_gate::{Alpha, Stopping};

const ALPHA: f64 = 0.05;

fn world(siblings: usize, timeouts: f64) -> World {
    let contrasts = [0.13, 0.3, 0.05, 0.2]
        .map(|discordance| Contrast {
            effect: 0.0,
            discordance,
        })
        .to_vec();
    World {
        explore: 64,
        folds: vec![100, 100],
        siblings,
        timeouts,
        contrasts,
    }
}

/// The two cores of a small machine share the seeds.
fn placebo(rehearsal: &Rehearsal, record: impl Fn(u64) -> Recording + Sync) -> PlaceboLine {
    let halves = std::thread::scope(|scope| {
        let other = scope.spawn(|| rehearsal.placebo(500..1000, &record));
        [rehearsal.placebo(0..500, &record), other.join().unwrap()]
    });
    let shipped = halves.iter().map(|half| half.shipped).sum();
    PlaceboLine {
        runs: 1000,
        shipped,
        bound: evolve_gate::interval::clopper_pearson_upper(shipped, 1000, 0.95),
    }
}

#[test]
fn placebo_ships_within_alpha() {
    for (name, siblings, timeouts, coin, futility) in [
        ("plain", 1, 0.0, Coin::PerPair, true),
        ("never gives up", 1, 0.0, Coin::PerPair, false),
        ("groups of four", 4, 0.0, Coin::PerGroup, true),
        ("timeouts", 1, 0.1, Coin::PerPair, true),
    ] {
        let mut rehearsal = Rehearsal {
            coin,
            ..Rehearsal::default()
        };
        if !futility {
            rehearsal.stopping = Stopping {
                futility: None,
                ..rehearsal.stopping
            };
        }
        let world = world(siblings, timeouts);
        let t = std::time::Instant::now();
        let line = placebo(&rehearsal, |seed| world.record(seed));
        println!(
            "{name}: {} of {} ship, bound {:.4} ({:?})",
            line.shipped,
            line.runs,
            line.bound,
            t.elapsed()
        );
        assert!(line.bound <= ALPHA, "{name}: {line:?}");
    }
    assert_eq!(Rehearsal::default().alpha, Alpha::new(ALPHA).unwrap());
}
