//! What a third party finds in the record: that an honest run holds, and that no tampering does.

use evolve_gate::{Unit, Verdict};
use harness_evolve::{EvolveConfig, JudgedOutcome, Memory, Objective, SeesawRule, Test, Verification, verify};
use harness_trace::Outcome as Ending;
use serde_json::{Value, json};

use crate::simulation::{BASE, DUDS, Paid, Simulation, catalogue, decisions, pack, run};

fn simulation(paid: &Paid) -> Simulation<'_> {
    let mut simulation = Simulation::new(catalogue(&[BASE, DUDS, &pack("planted", &["wrong_answer"])]), paid);
    simulation.effects = vec![("planted", 0.55)];
    simulation.broken = ["explore-003/0", "gate-005/0", "gate-047/0"].map(str::to_owned).into();
    simulation
}

fn facts(ledger: &Memory) -> Vec<(String, Value)> {
    decisions(ledger).into_iter().map(|[_, _, key, json]| (key, serde_json::from_str(&json).unwrap())).collect()
}

fn checked(
    config: &EvolveConfig,
    change: impl FnOnce(&mut Simulation<'_>),
) -> (Paid, Vec<(String, Value)>, Verification) {
    let (paid, ledger) = (Paid::default(), Memory::default());
    let mut simulation = simulation(&paid);
    change(&mut simulation);
    run(&simulation, &ledger, config).unwrap();
    let facts = facts(&ledger);
    let found = verify(&facts, &paid).unwrap();
    (paid, facts, found)
}

#[test]
fn honest_runs_are_confirmed() {
    let config = EvolveConfig { seed: 7, ..EvolveConfig::default() };
    let settings = [
        config.clone(),
        EvolveConfig { control: evolve_gate::Control::ShareOfShips, ..config.clone() },
        EvolveConfig { seesaw: SeesawRule::Strict, ..config.clone() },
        EvolveConfig { objective: Objective::Cost, ..config.clone() },
        EvolveConfig { objective: Objective::Latency, ..config.clone() },
        EvolveConfig { max_rollouts: Some(300), ..config.clone() },
        EvolveConfig { drift_every: 1, seeds_per_task: 2, ..config },
    ];
    for config in settings {
        let (_, _, found) = checked(&config, |_| ());
        assert!(found.holds(), "{config:?}: {found:#?}");
        assert!(found.ended);
        // A budget may end a run before anybody meets the judge.
        if config.max_rollouts.is_none() {
            assert!(found.certificates.iter().any(|one| one.episodes > 10), "{config:?}: {found:#?}");
        }
    }
}

#[test]
fn a_run_that_was_judged_on_folds_is_refused_by_name() {
    let (paid, mut facts, _) = checked(&EvolveConfig { seed: 7, ..EvolveConfig::default() }, |_| ());
    let begun = &mut facts[0].1;
    assert!(!begun["lanes"][0].is_null(), "{begun}");
    begun["lanes"][0]["folds"] = json!([["gate-001"]]);
    let refused = verify(&facts, &paid).unwrap_err().to_string();
    assert!(refused.contains("judged on folds") && refused.contains("the version that made it"), "{refused}");
}

#[test]
fn a_fork_is_confirmed_and_a_pool_that_names_another_is_not() {
    let config = EvolveConfig { seed: 7, variants: 3, rounds: 6, idle_rounds: 3, ..EvolveConfig::default() };
    let (paid, facts, found) = checked(&config, |simulation| {
        simulation.split.gate = (0..180).map(|k| format!("gate-{k:03}")).collect();
        (simulation.kinds, simulation.base, simulation.discordance) = (vec!["house", "calls"], 0.4, 0.05);
        simulation.effects = vec![("planted@house", 0.55), ("planted@calls", -0.4)];
    });
    assert!(facts.iter().any(|(key, value)| key.ends_with("shipped") && !value["fork"].is_null()), "nothing forked");
    assert!(found.holds(), "{found:#?}");
    let forged = tampered(&facts, &paid, |certificate| {
        certificate["plan"]["terms"]["candidate"] = certificate["plan"]["terms"]["incumbent"].clone();
    });
    assert!(!forged.holds());
}

/// What a forger does to a certificate.
type Change = Box<dyn Fn(&mut Value)>;

/// Changes the first certificate of a run's verdicts.
fn tampered(facts: &[(String, Value)], paid: &Paid, change: impl Fn(&mut Value)) -> Verification {
    let mut facts = facts.to_vec();
    let verdict = facts.iter_mut().find(|(key, _)| key.ends_with("verdict")).unwrap();
    change(&mut verdict.1["certificate"]);
    verify(&facts, paid).unwrap()
}

#[test]
fn no_tampering_is_confirmed() {
    let config = EvolveConfig { seed: 7, ..EvolveConfig::default() };
    let (paid, facts, found) = checked(&config, |_| ());
    assert!(found.holds());
    let flip = |pair: &mut Value, arm: &str| {
        let now = pair[arm]["scored"] == json!(0);
        pair[arm] = json!({"scored": if now { 1_000_000 } else { 0 }});
    };
    let changes: Vec<(&str, Change)> = vec![
        ("an outcome", Box::new(move |c| flip(&mut c["counted"][0]["pairs"][0], "candidate"))),
        ("the incumbent's outcome", Box::new(move |c| flip(&mut c["counted"][2]["pairs"][0], "incumbent"))),
        ("the order", Box::new(|c| c["plan"]["order"].as_array_mut().unwrap().swap(0, 1))),
        ("the groups", Box::new(|c| drop(c["plan"]["order"].as_array_mut().unwrap().pop()))),
        ("a pair", Box::new(|c| drop(c["counted"].as_array_mut().unwrap().remove(3)))),
        ("the level", Box::new(|c| c["plan"]["terms"]["alpha"] = json!(50_000_000_000_u64))),
        ("a term", Box::new(|c| c["plan"]["terms"]["stopping"]["futility"] = Value::Null)),
        ("the claim", Box::new(|c| c["plan"]["terms"]["claim"] = json!({"non_inferior": {"margin": 100_000}}))),
        ("the seed", Box::new(|c| c["plan"]["terms"]["run_seed"] = json!(8))),
        ("the candidate", Box::new(|c| c["plan"]["terms"]["candidate"] = c["plan"]["terms"]["incumbent"].clone())),
        ("where it begins", Box::new(|c| c["plan"]["terms"]["used_up"] = json!(1))),
        ("the verdict", Box::new(|c| c["verdict"] = json!("insufficient"))),
        ("the capital", Box::new(|c| c["capital"] = json!(1.0))),
        ("the digest of the order", Box::new(|c| c["order_digest"] = json!("00"))),
    ];
    for (what, change) in changes {
        let found = tampered(&facts, &paid, change);
        assert!(!found.holds(), "{what} was changed and nobody noticed");
    }
}

#[test]
fn a_consistent_forgery_is_held_against_the_record() {
    // A forger who plays the duel again with better outcomes, everywhere in the ledger: the episodes say otherwise.
    let config = EvolveConfig { seed: 7, ..EvolveConfig::default() };
    let (paid, facts, _) = checked(&config, |_| ());
    let ship = facts.iter().find(|(key, _)| key.ends_with("shipped")).unwrap();
    let (task, harness) = {
        let pair = &ship.1["certificate"]["counted"][0]["pairs"][0];
        (pair["task"].as_str().unwrap().to_owned(), ship.1["candidate"]["variant"].as_str().unwrap().to_owned())
    };
    {
        let mut episodes = paid.0.lock().unwrap();
        let key = (harness.parse().unwrap(), task.clone(), 7);
        let (played, _) = episodes.get_mut(&key).unwrap();
        let passed = played.judged().score() == Some(Unit::ONE);
        (played.outcome, played.reward) = (Ending::Done, Some(if passed { 0.0 } else { 1.0 }));
    }
    let found = verify(&facts, &paid).unwrap();
    let differing: Vec<_> = found.certificates.iter().filter(|one| !one.differs.is_empty()).collect();
    assert!(!found.holds() && differing.iter().any(|one| one.differs[0].contains(&task)), "{found:#?}");
    paid.0.lock().unwrap().retain(|(_, played, _), _| *played != task);
    assert!(!verify(&facts, &paid).unwrap().holds(), "an episode that is gone");
}

#[test]
fn a_run_is_held_together() {
    let config = EvolveConfig { seed: 7, ..EvolveConfig::default() };
    let (paid, facts, _) = checked(&config, |_| ());
    let without = |name: &str| -> Vec<(String, Value)> {
        let first = facts.iter().position(|(key, _)| key.ends_with(name)).unwrap();
        facts.iter().enumerate().filter(|(at, _)| *at != first).map(|(_, fact)| fact.clone()).collect()
    };
    for gone in ["duel", "verdict", "shipped", "proposed"] {
        assert!(!verify(&without(gone), &paid).unwrap().holds(), "without {gone}");
    }
    assert!(verify(&without("begun"), &paid).is_err());
    let changed = |name: &str, field: &str, value: Value| {
        let mut facts = facts.clone();
        facts.iter_mut().find(|(key, _)| key.ends_with(name)).unwrap().1[field] = value;
        verify(&facts, &paid).unwrap().holds()
    };
    assert!(!changed("verdict", "ships", json!(false)));
    assert!(!changed("ended", "alpha_spent", json!(1)));
    let edit = facts.iter().find(|(key, _)| key.ends_with("shipped")).unwrap().1["candidate"]["edit"].clone();
    assert!(!changed("shipped", "inverse", edit));
    let mut settings = facts[0].1["config"].clone();
    settings["alpha"] = json!(0.5);
    assert!(!changed("begun", "config", settings));
}

#[test]
fn the_drift_test_rolls_back_a_proven_drop() {
    // It helps on explore and on the gate groups that come first, and harms on all others: its own duel cannot know.
    let config = EvolveConfig { seed: 7, drift_every: 1, ..EvolveConfig::default() };
    let (_, facts, found) = checked(&config, |simulation| {
        simulation.base = 0.4;
        let order = evolve_gate::GateStream::draw(7, simulation.split.gate.clone()).order().to_vec();
        let later = order.into_iter().skip(12).map(|group| ("planted", &*group.leak(), -0.95));
        simulation.elsewhere = later.collect();
    });
    assert!(found.holds(), "{found:#?}");
    let drift: Vec<_> = found.certificates.iter().filter(|one| one.test == Test::Drift).collect();
    assert!(drift.iter().any(|one| one.verdict == Verdict::Accept), "{drift:#?}");
    let test = &facts.iter().find(|(key, _)| key.ends_with("tripwire")).unwrap().1;
    let begun = &facts[0].1;
    assert_eq!(test["back"]["to"], begun["variant"], "the last good harness is the one it began with");
    assert_eq!(facts.last().unwrap().1["last"], begun["variant"]);
    let mut forged = facts.clone();
    for (_, fact) in forged.iter_mut().filter(|(key, _)| key.ends_with("tripwire")) {
        fact["back"] = Value::Null;
    }
    assert!(!verify(&forged, &Paid::default()).unwrap().holds());
}

#[test]
fn the_drift_test_lets_a_real_gain_be() {
    let config = EvolveConfig { seed: 7, drift_every: 1, ..EvolveConfig::default() };
    let (_, facts, found) = checked(&config, |_| ());
    assert!(found.certificates.iter().any(|one| one.test == Test::Drift && one.verdict != Verdict::Accept));
    assert!(facts.iter().all(|(key, fact)| !key.ends_with("tripwire") || fact["back"].is_null()));
}

#[test]
fn what_only_saves_ships_for_cost_and_latency_and_not_for_success() {
    let settings = EvolveConfig { seed: 7, alpha: 0.3, margin: 0.3, ..EvolveConfig::default() };
    for objective in [Objective::Success, Objective::Cost, Objective::Latency] {
        let config = EvolveConfig { objective, ..settings.clone() };
        let (_, facts, found) = checked(&config, |simulation| {
            simulation.catalogue = catalogue(&[BASE, DUDS, &pack("second", &["wrong_answer"])]);
            (simulation.base, simulation.discordance, simulation.effects) = (0.8, 0.0, Vec::new());
            simulation.tokens = vec![("second", -60)];
        });
        assert!(found.holds(), "{objective:?}: {found:#?}");
        let ships: Vec<_> = facts.iter().filter(|(key, _)| key.ends_with("shipped")).collect();
        let thrifty = ships.iter().any(|(_, ship)| ship["text"].as_str().unwrap().contains("second"));
        assert_eq!(thrifty, objective != Objective::Success, "{objective:?}: {found:#?}");
        let proven = |test| found.certificates.iter().any(|one| one.test == test && one.verdict == Verdict::Accept);
        assert_eq!(proven(Test::Cheaper) && proven(Test::NonInferior), objective != Objective::Success);
    }
}

#[test]
fn what_saves_and_loses_does_not_ship() {
    // Cheap because it gives up: proven cheaper, and never proven to lose nothing.
    for seed in 0..8 {
        let config = EvolveConfig { seed, alpha: 0.3, objective: Objective::Cost, ..EvolveConfig::default() };
        let (_, facts, found) = checked(&config, |simulation| {
            simulation.catalogue = catalogue(&[BASE, &pack("second", &["wrong_answer"])]);
            (simulation.base, simulation.discordance) = (0.8, 0.0);
            (simulation.effects, simulation.tokens) = (vec![("second", -0.12)], vec![("second", -80)]);
        });
        assert!(found.holds(), "{found:#?}");
        assert!(
            facts.iter().all(|(key, ship)| !key.ends_with("shipped") || !ship["text"].to_string().contains("second"))
        );
    }
}

#[test]
fn the_strict_seesaw_blocks_what_breaks_a_task() {
    // A real gain on the whole that some tasks pay for: the judge ships it, the seesaw does not.
    let ships = |seesaw: SeesawRule| {
        let config = EvolveConfig { seed: 7, seesaw, ..EvolveConfig::default() };
        let (_, facts, found) = checked(&config, |simulation| {
            simulation.base = 0.4;
            simulation.elsewhere = vec![("planted", "explore-00", -0.95)];
        });
        assert!(found.holds(), "{found:#?}");
        facts.iter().filter(|(key, _)| key.ends_with("shipped")).count()
    };
    assert!(ships(SeesawRule::Off) > 0);
    assert_eq!(ships(SeesawRule::Strict), 0);
}
