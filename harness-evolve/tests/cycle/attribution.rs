//! Attribution and pruning: what every shipped edit is worth in the end, who works on whom, and what goes.

use evolve_gate::Verdict;
use harness_evolve::{EvolveConfig, Memory};

use crate::simulation::{BASE, Paid, Simulation, catalogue, pack, run};

/// Two modules of which the second makes the first superfluous.
fn simulation(paid: &Paid) -> Simulation<'_> {
    let mut simulation =
        Simulation::new(catalogue(&[BASE, &pack("planted", &["wrong_answer"]), &pack("second", &[])]), paid);
    simulation.split.gate = (0..360).map(|k| format!("gate-{k:03}")).collect();
    (simulation.base, simulation.discordance) = (0.1, 0.0);
    simulation
}

fn config() -> EvolveConfig {
    EvolveConfig { seed: 3, idle_rounds: 3, delta: 0.1, combinations: 0, tunings: 0, ..EvolveConfig::default() }
}

#[test]
fn edits_that_add_up_are_each_missed_and_stay() {
    let paid = Paid::default();
    let mut simulation = simulation(&paid);
    simulation.effects = vec![("planted", 0.45), ("second", 0.35)];
    let evolution = run(&simulation, &Memory::default(), &config()).unwrap();
    let found = &evolution.attributions[0];
    assert!(found.shares.len() >= 2, "{:?}", evolution.ships);
    let of = |module: &str| {
        let share = found.shares.iter().find(|share| share.edit.contains(module)).unwrap();
        share.worth.unwrap().mean
    };
    assert!(of("planted") > 0.2 && of("second") > 0.1, "{found:?}");
    assert!(found.pruning.is_none());
}

#[test]
fn an_edit_whose_work_another_does_is_pruned_when_that_is_proven_harmless() {
    // `both` is worth as much as `second` alone: what shipped first carries nothing once the second is there.
    let paid = Paid::default();
    let mut simulation = simulation(&paid);
    simulation.effects = vec![("planted", 0.45), ("second", 0.8), ("planted+second", -0.45)];
    let evolution = run(&simulation, &Memory::default(), &EvolveConfig { first_candidates: 1, ..config() }).unwrap();
    let shipped: Vec<&str> = evolution.ships.iter().map(|ship| ship.text.as_str()).collect();
    assert!(shipped.len() == 2 && shipped[0].contains("planted") && shipped[1].contains("second"), "{shipped:?}");
    let found = &evolution.attributions[0];
    assert!(found.shares[0].carries_nothing() && !found.shares[1].carries_nothing(), "{found:?}");
    assert!(found.interactions.iter().any(|pair| pair.ships == (0, 1) && pair.excess.mean < -0.2), "{found:?}");
    let pruning = found.pruning.as_ref().unwrap();
    assert!(pruning.pruned, "{}", pruning.reason);
    evolve_gate::recheck(pruning.certificate.as_ref().unwrap()).unwrap();
    let left: Vec<&str> = evolution.last.processors.iter().map(|spec| spec.id.as_str()).collect();
    assert!(left.contains(&"second") && !left.contains(&"planted"), "{left:?}");
    // Where the groups suffice for both ships and not for that proof, it stays.
    let short = |length: usize| {
        let paid = Paid::default();
        let mut short = self::simulation(&paid);
        short.split.gate.truncate(length);
        short.effects.clone_from(&simulation.effects);
        run(&short, &Memory::default(), &EvolveConfig { first_candidates: 1, ..config() }).unwrap()
    };
    let evolution = (20..200).step_by(10).map(short).find(|evolution| evolution.ships.len() == 2).unwrap();
    let pruning = evolution.attributions[0].pruning.as_ref().unwrap();
    let proven = pruning.certificate.as_ref().is_some_and(|certificate| certificate.verdict == Verdict::Accept);
    assert!(!pruning.pruned && !proven, "{}", pruning.reason);
    assert!(evolution.last.processors.iter().any(|spec| spec.id == "planted"), "{:?}", evolution.last);
}
