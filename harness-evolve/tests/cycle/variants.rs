//! Variants: who helps one kind of task and hurts another forks, is proven where it plays, and touches nobody else.

use evolve_gate::{Verdict, recheck};
use harness_evolve::{EvolveConfig, Memory, Stop};
use harness_spec::Features;

use crate::simulation::{BASE, DUDS, Paid, Simulation, catalogue, decisions, initial, pack, run};

fn config(variants: usize) -> EvolveConfig {
    EvolveConfig { seed: 7, variants, rounds: 6, idle_rounds: 3, ..EvolveConfig::default() }
}

/// Two kinds of tasks by turns; `planted` lifts one and ruins the other.
fn conflict(paid: &Paid) -> Simulation<'_> {
    let mut simulation = Simulation::new(catalogue(&[BASE, DUDS, &pack("planted", &["wrong_answer"])]), paid);
    simulation.split.gate = (0..180).map(|k| format!("gate-{k:03}")).collect();
    (simulation.kinds, simulation.base, simulation.discordance) = (vec!["house", "calls"], 0.4, 0.05);
    simulation.effects = vec![("planted@house", 0.55), ("planted@calls", -0.4)];
    simulation
}

fn kind(name: &str) -> Features {
    Features { kind: name.to_owned(), ..Features::default() }
}

#[test]
fn what_helps_one_kind_and_hurts_the_other_forks() {
    let paid = Paid::default();
    let simulation = conflict(&paid);
    let evolution = run(&simulation, &Memory::default(), &config(3)).unwrap();
    let ship = evolution.ships.iter().find(|ship| ship.text.contains("planted")).unwrap();
    assert_eq!((ship.variant.as_str(), ship.fork.as_ref().unwrap().kind.as_deref()), ("house", Some("house")));
    // The other kind is played by the harness it was played by, byte for byte.
    let others: Vec<_> = evolution.ships.iter().filter(|ship| ship.variant != "house").collect();
    assert!(others.is_empty(), "{others:?}");
    assert_eq!(evolution.pool.variant_for(&kind("calls")), Some(&initial()));
    let house = evolution.pool.variant_for(&kind("house")).unwrap();
    assert!(house.processors.iter().any(|spec| spec.id == "planted"));
    // Judged on its own kind alone, at a level out of its own part of α.
    recheck(&ship.certificate).unwrap();
    assert_eq!(ship.certificate.verdict, Verdict::Accept);
    let groups = &ship.certificate.plan.order;
    assert!(groups.iter().all(|planned| simulation.kind(&planned.group) == "house") && groups.len() == 90);
    assert!(evolution.alpha_spent.value() <= 0.05 && ship.certificate.plan.terms.alpha.value() <= 0.025);
    // Routes hold on tasks they were not fitted on.
    let routing = evolution.routing.unwrap();
    assert!(routing.gain.mean > 0.1, "{:?}", routing.gain);
    // Left out, the edit is missed.
    let share = &evolution.attributions.iter().find(|found| found.variant == "house").unwrap().shares[0];
    assert!(share.worth.unwrap().mean > 0.3, "{share:?}");
}

#[test]
fn with_one_harness_it_dies() {
    let paid = Paid::default();
    let evolution = run(&conflict(&paid), &Memory::default(), &config(1)).unwrap();
    assert!(evolution.ships.iter().all(|ship| !ship.text.contains("planted")), "{:?}", evolution.ships);
    assert_eq!((evolution.pool.variants.len(), evolution.routing), (1, None));
}

#[test]
fn what_helps_everywhere_changes_the_harness_in_place() {
    let paid = Paid::default();
    let mut simulation = conflict(&paid);
    simulation.effects = vec![("planted", 0.5)];
    let evolution = run(&simulation, &Memory::default(), &config(3)).unwrap();
    assert_eq!(evolution.pool.variants.len(), 1);
    let ship = &evolution.ships[0];
    assert_eq!((ship.fork.as_ref(), ship.certificate.plan.order.len()), (None, 180));
}

#[test]
fn a_full_pool_stays_as_large_as_it_may_be() {
    // Three kinds, room for two variants: who comes third must be worth more than who goes.
    let paid = Paid::default();
    let mut simulation = conflict(&paid);
    simulation.catalogue = catalogue(&[BASE, &pack("planted", &[]), &pack("second", &[])]);
    simulation.kinds = vec!["house", "calls", "menus"];
    simulation.split.gate = (0..300).map(|k| format!("gate-{k:03}")).collect();
    simulation.split.explore = (0..60).map(|k| format!("explore-{k:03}")).collect();
    let hurts = |module: &'static str, at: [&'static str; 2]| at.map(|at| (at, -0.4, module));
    simulation.effects = vec![("planted@house", 0.4), ("second@calls", 0.55)];
    let harm =
        [hurts("planted", ["planted@calls", "planted@menus"]), hurts("second", ["second@house", "second@menus"])];
    simulation.effects.extend(harm.concat().into_iter().map(|(part, harm, _)| (part, harm)));
    let evolution = run(&simulation, &Memory::default(), &config(2)).unwrap();
    assert!(evolution.pool.variants.len() <= 2, "{:?}", evolution.pool.routes);
    assert!(!evolution.ships.is_empty());
    assert_eq!(evolution.pool.variant_for(&kind("menus")), Some(&initial()));
}

#[test]
fn with_lanes_noise_ships_no_more_than_without() {
    let seeds = 60;
    let shipped = (0..seeds)
        .filter(|&seed| {
            let paid = Paid::default();
            let mut simulation = conflict(&paid);
            (simulation.seed, simulation.discordance, simulation.effects) = (seed, 0.5, Vec::new());
            !run(&simulation, &Memory::default(), &EvolveConfig { seed, ..config(3) }).unwrap().ships.is_empty()
        })
        .count();
    assert!(shipped <= 2, "{shipped} of {seeds}");
}

#[test]
fn stopped_anywhere_variants_are_decided_the_same() {
    let (paid, ledger) = (Paid::default(), Memory::default());
    let twin = run(&conflict(&paid), &ledger, &config(3)).unwrap();
    let facts = decisions(&ledger);
    let all: u64 = paid.0.lock().unwrap().values().map(|(_, times)| u64::from(*times)).sum();
    for stop_after in (0..all).step_by(all as usize / 12) {
        let (paid, ledger) = (Paid::default(), Memory::default());
        let killed = Simulation { stop_after: Some(stop_after), ..conflict(&paid) };
        assert_eq!(run(&killed, &ledger, &config(3)).unwrap().ended, Stop::Interrupted);
        let mut resumed = run(&conflict(&paid), &ledger, &config(3)).unwrap();
        assert!(decisions(&ledger) == facts, "stopped after {stop_after}");
        resumed.meter.remembered = twin.meter.remembered;
        assert!(resumed == twin);
    }
}
