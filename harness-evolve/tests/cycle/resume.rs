//! Killed anywhere and started again, a run decides the same, byte for byte, and pays for no rollout twice.

use harness_evolve::{EvolveConfig, EvolveError, Ledger, Memory, Stop};

use crate::simulation::{BASE, DUDS, Paid, Simulation, catalogue, decisions, pack, run};

fn simulation(paid: &Paid) -> Simulation<'_> {
    let mut simulation = Simulation::new(catalogue(&[BASE, DUDS, &pack("planted", &["wrong_answer"])]), paid);
    simulation.effects = vec![("planted", 0.55)];
    simulation.broken = ["explore-003/0", "gate-005/0", "gate-047/0"].map(str::to_owned).into();
    simulation
}

fn config() -> EvolveConfig {
    EvolveConfig { seed: 7, ..EvolveConfig::default() }
}

fn paid_once(paid: &Paid) {
    for ((_, task, _), (_, times)) in paid.0.lock().unwrap().iter() {
        let broken = ["explore-003/0", "gate-005/0", "gate-047/0"].contains(&task.as_str());
        assert!(*times <= 1 + u32::from(broken), "{task} was paid {times} times");
    }
}

#[test]
fn stopped_after_any_number_of_rollouts() {
    let (paid, ledger) = (Paid::default(), Memory::default());
    let twin = run(&simulation(&paid), &ledger, &config()).unwrap();
    let facts = decisions(&ledger);
    let all: u64 = paid.0.lock().unwrap().values().map(|(_, times)| u64::from(*times)).sum();
    assert!(all > 100 && !twin.ships.is_empty(), "{all} rollouts");
    paid_once(&paid);
    for stop_after in (0..all).step_by(7) {
        let (paid, ledger) = (Paid::default(), Memory::default());
        let killed = Simulation { stop_after: Some(stop_after), ..simulation(&paid) };
        let stopped = run(&killed, &ledger, &config()).unwrap();
        assert_eq!(stopped.ended, Stop::Interrupted);
        assert!(facts.starts_with(&decisions(&ledger)), "stopped after {stop_after}");
        let mut resumed = run(&simulation(&paid), &ledger, &config()).unwrap();
        assert!(decisions(&ledger) == facts, "stopped after {stop_after}");
        paid_once(&paid);
        // What a sitting found in the record is the only thing that may differ.
        resumed.meter.remembered = twin.meter.remembered;
        assert_eq!(resumed, twin);
    }
}

#[test]
fn killed_after_any_fact() {
    let (paid, ledger) = (Paid::default(), Memory::default());
    let twin = run(&simulation(&paid), &ledger, &config()).unwrap();
    let facts = ledger.facts();
    for kept in 0..facts.len() {
        let cut = Memory::default();
        for [run, kind, key, json] in &facts[..kept] {
            cut.put(run, kind, key, &serde_json::from_str(json).unwrap()).unwrap();
        }
        let resumed = run(&simulation(&paid), &cut, &config());
        // Facts of faults and of the clock that were lost with the kill are met or written anew.
        let resumed = resumed.unwrap();
        assert_eq!(resumed.last, twin.last, "killed after fact {kept}");
        assert_eq!(resumed.ships.len(), twin.ships.len());
        if facts[kept..].iter().all(|fact| fact[1] != "evolve.fault") {
            assert_eq!(decisions(&cut), decisions(&ledger), "killed after fact {kept}");
        }
    }
    paid_once(&paid);
}

#[test]
fn another_run_under_the_same_id_is_refused() {
    let (paid, ledger) = (Paid::default(), Memory::default());
    run(&simulation(&paid), &ledger, &config()).unwrap();
    let other = run(&simulation(&paid), &ledger, &EvolveConfig { alpha: 0.1, ..config() });
    assert!(matches!(other, Err(EvolveError::Diverged { fact: 0, .. })), "{other:?}");
}
