//! What the cycle must find and must not ship.

use std::sync::Mutex;

use evolve_gate::interval::clopper_pearson_upper;
use evolve_gate::{Verdict, recheck};
use harness_evolve::{Deterministic, EvolveConfig, Ledger, Memory, Origin, Stop, evolve};

use crate::simulation::{BASE, DUDS, Paid, Simulation, Ticks, block_on, catalogue, decisions, initial, pack, run};

fn config(seed: u64) -> EvolveConfig {
    EvolveConfig { seed, ..EvolveConfig::default() }
}

#[test]
fn a_planted_module_is_found_and_shipped() {
    // Its claim right, wrong, and absent: it is found in every case.
    for addresses in [&["wrong_answer"][..], &["context_overflow"], &[]] {
        let paid = Paid::default();
        let mut simulation = Simulation::new(catalogue(&[BASE, DUDS, &pack("planted", addresses)]), &paid);
        simulation.effects = vec![("planted", 0.55)];
        let ledger = Memory::default();
        let evolution = run(&simulation, &ledger, &config(7)).unwrap();
        let ids: Vec<_> = evolution.last.processors.iter().map(|spec| spec.id.as_str()).collect();
        assert!(ids.contains(&"planted"), "{addresses:?}: {ids:?}, {:?}", evolution.ended);
        let ship = &evolution.ships[0];
        assert_eq!(ship.certificate.verdict, Verdict::Accept);
        recheck(&ship.certificate).unwrap();
        assert_eq!(ship.inverse.apply(&ship.harness).unwrap(), initial());
        assert!(evolution.alpha_spent.value() <= 0.05);
        if !addresses.is_empty() && addresses[0] == "wrong_answer" {
            assert_eq!(ship.round, 1);
            let (hits, predicted) = ship.unlocked.unwrap();
            assert!(hits * 2 > predicted, "{hits} of {predicted}");
        }
    }
}

#[test]
fn a_setting_and_a_module_that_help_are_shipped_one_after_the_other() {
    let paid = Paid::default();
    let mut simulation = Simulation::new(catalogue(&[BASE, DUDS, &pack("planted", &[]), &pack("second", &[])]), &paid);
    simulation.effects = vec![("planted", 0.45), ("second", 0.2), ("prompt.wording=warm", 0.2)];
    simulation.base = 0.1;
    simulation.discordance = 0.0;
    let config = EvolveConfig { first_candidates: 24, candidates: 24, idle_rounds: 3, delta: 0.1, ..config(3) };
    let evolution = run(&simulation, &Memory::default(), &config).unwrap();
    assert!(!evolution.ships.is_empty());
    let modules: Vec<_> = evolution.last.processors.iter().map(|spec| spec.module.module.as_str()).collect();
    assert!(modules.contains(&"planted"), "{modules:?}");
    // What waited when another shipped was made again for the new incumbent.
    let proposed = decisions_text(&simulation, &config);
    let ships = evolution.ships.iter().map(|ship| ship.text.as_str()).collect::<Vec<_>>();
    assert!(proposed.contains("\"combined\":[\""), "no pair was tried: {ships:?}");
    assert!(
        proposed.contains("\"rebased\""),
        "nothing was made again: {ships:?} {:?}",
        evolution.rounds.iter().map(|r| (&r.screened, r.judged)).collect::<Vec<_>>()
    );
    for (k, ship) in evolution.ships.iter().enumerate() {
        recheck(&ship.certificate).unwrap();
        let played: Vec<&str> = ship.certificate.counted.iter().map(|outcome| outcome.group.as_str()).collect();
        let before = evolution.ships[..k].iter().flat_map(|ship| &ship.certificate.counted);
        let before: Vec<&str> = before.map(|outcome| outcome.group.as_str()).collect();
        assert!(played.iter().all(|group| !before.contains(group)), "ship {k} used a group again");
        let before = ship.inverse.apply(&ship.harness).unwrap();
        let expected = if k == 0 { initial() } else { evolution.ships[k - 1].harness.clone() };
        assert_eq!(before, expected);
    }
    assert!(matches!(evolution.ships[0].candidate.origin, Origin::Proposed | Origin::Combined(..)));
}

fn decisions_text(simulation: &Simulation<'_>, config: &EvolveConfig) -> String {
    let ledger = Memory::default();
    run(simulation, &ledger, config).unwrap();
    decisions(&ledger).into_iter().map(|fact| fact[3].clone()).collect()
}

#[test]
fn a_null_world_ships_nothing() {
    // Nothing is worth anything; variants differ by luck alone.
    let seeds = 150;
    let shipped = (0..seeds)
        .filter(|&seed| {
            let paid = Paid::default();
            let mut simulation = Simulation::new(catalogue(&[BASE, DUDS, &pack("planted", &["wrong_answer"])]), &paid);
            (simulation.seed, simulation.discordance, simulation.siblings) =
                (seed, 0.5, if seed % 2 == 0 { 1 } else { 2 });
            !run(&simulation, &Memory::default(), &config(seed)).unwrap().ships.is_empty()
        })
        .count() as u64;
    assert!(shipped <= 4, "{shipped} of {seeds} shipped, bound {}", clopper_pearson_upper(shipped, seeds, 0.95));
}

#[test]
fn a_module_that_only_looks_good_on_explore_ships_no_more_often_than_alpha_allows() {
    // Explore +20 points, gate −10, on top of a background of discordance; the screen falls for it, the judge must not.
    let (mut met_the_judge, mut shipped) = (0, 0);
    for seed in 0..100 {
        let paid = Paid::default();
        let mut simulation = Simulation::new(catalogue(&[BASE, DUDS, &pack("planted", &["wrong_answer"])]), &paid);
        (simulation.seed, simulation.base, simulation.discordance) = (seed, 0.5, 0.3);
        (simulation.effects, simulation.elsewhere) = (vec![("planted", -0.1)], vec![("planted", "explore", 0.3)]);
        let evolution = run(&simulation, &Memory::default(), &config(seed)).unwrap();
        shipped += usize::from(evolution.last.processors.iter().any(|spec| spec.id == "planted"));
        met_the_judge += usize::from(evolution.judged.iter().any(|judged| judged.edit.contains("planted")));
    }
    assert!(shipped <= 2, "{shipped} of 100");
    assert!(met_the_judge > 50, "the screen fell for it in {met_the_judge} of 100 runs only");
}

#[test]
fn a_claim_that_is_wrong_or_absent_delays_a_module_and_does_not_hide_it() {
    // Among many strangers, with few places: only its claim tells it from them.
    let strangers: Vec<String> = (0..12).map(|k| pack(&format!("among{k:02}"), &[])).collect();
    let found = |addresses: &[&str]| {
        let paid = Paid::default();
        let planted = pack("planted", addresses);
        let texts: Vec<&str> =
            [BASE, planted.as_str()].into_iter().chain(strangers.iter().map(String::as_str)).collect();
        let mut simulation = Simulation::new(catalogue(&texts), &paid);
        (simulation.effects, simulation.discordance) = (vec![("planted", 0.55)], 0.0);
        let config = EvolveConfig {
            first_candidates: 3,
            candidates: 3,
            rounds: 12,
            idle_rounds: 12,
            tunings: 0,
            combinations: 0,
            ..config(5)
        };
        let evolution = run(&simulation, &Memory::default(), &config).unwrap();
        let ship = evolution.ships.iter().find(|ship| ship.text.contains("planted"));
        ship.map(|ship| ship.round).unwrap_or_else(|| panic!("{addresses:?} was never found: {:?}", evolution.ended))
    };
    let (right, wrong, absent) = (found(&["wrong_answer"]), found(&["context_overflow"]), found(&[]));
    println!("shipped in round {right} with the right claim, {wrong} with a wrong one, {absent} with none");
    assert!(right == 1 && wrong > 1 && absent > 1);
}

#[test]
fn a_new_pack_shows_up_among_the_candidates_and_can_be_shut_out() {
    let text = |allowed: Option<&str>| {
        let paid = Paid::default();
        let simulation = Simulation::new(catalogue(&[BASE, DUDS, &pack("stranger", &[])]), &paid);
        let allowed_packs = allowed.map(|packs| packs.split(' ').map(str::to_owned).collect());
        decisions_text(&simulation, &EvolveConfig { allowed_packs, ..config(1) })
    };
    assert!(text(None).contains("stranger/stranger"));
    let shut_out = text(Some("base duds"));
    assert!(shut_out.contains("duds/dud_c"));
    let candidates = shut_out.split("\"candidates\"").skip(1).collect::<String>();
    assert!(!candidates.contains("stranger/stranger"));
}

#[test]
fn what_was_learnt_is_known_to_the_next_run_and_a_repetition_is_told_the_same() {
    let paid = Paid::default();
    let mut simulation = Simulation::new(catalogue(&[BASE, DUDS, &pack("planted", &["wrong_answer"])]), &paid);
    simulation.effects = vec![("planted", 0.55)];
    let ledger = Memory::default();
    let named = |run: &str| EvolveConfig { run: run.to_owned(), ..config(7) };
    let first = run(&simulation, &ledger, &named("first")).unwrap();
    let learnt = &first.posterior;
    assert!(learnt.mean("planted/planted", "wrong_answer") > 0.5);
    assert!(learnt.mean("duds/dud_a", "wrong_answer") < 0.5);
    // A second run begins with it, and tries what nobody has helped with less.
    let second = run(&simulation, &ledger, &named("second")).unwrap();
    assert!(second.posterior.trials("planted/planted", "wrong_answer").gains >= 2.0);
    // The first run, repeated, knows what it knew.
    let facts = ledger.facts();
    let again = run(&simulation, &ledger, &named("first")).unwrap();
    assert_eq!(again.posterior, first.posterior);
    assert_eq!(ledger.facts(), facts, "a repetition writes nothing");
    // Lessons of another suite weigh half.
    let elsewhere = Memory::default();
    for [run, kind, key, json] in facts.iter().filter(|fact| fact[1] == "evolve.lesson") {
        let other = json.replace("\"simulated\"", "\"elsewhere\"");
        elsewhere.put(run, kind, key, &serde_json::from_str(&other).unwrap()).unwrap();
    }
    let third = run(&simulation, &elsewhere, &named("third")).unwrap();
    assert!((third.posterior.trials("planted/planted", "wrong_answer").gains - 2.0).abs() < 1e-9);
}

#[test]
fn budgets_are_hard_and_end_in_insufficient() {
    let packs = catalogue(&[BASE, DUDS, &pack("planted", &["wrong_answer"])]);
    for most in [10, 60, 150, 200] {
        let paid = Paid::default();
        let mut simulation = Simulation::new(packs.clone(), &paid);
        simulation.effects = vec![("planted", 0.3)];
        let rollouts = EvolveConfig { max_rollouts: Some(most), ..config(1) };
        let evolution = run(&simulation, &Memory::default(), &rollouts).unwrap();
        assert_eq!(evolution.ended, Stop::Rollouts);
        assert!(evolution.meter.rollouts <= most);
        if let Some(last) = evolution.judged.last().filter(|_| evolution.ships.is_empty()) {
            assert_ne!(last.certificate.verdict, Verdict::Accept);
        }
        let tokens = EvolveConfig { max_tokens: Some(most * 110), ..config(1) };
        let evolution = run(&simulation, &Memory::default(), &tokens).unwrap();
        assert_eq!(evolution.ended, Stop::Tokens);
        assert!(evolution.meter.tokens() <= most * 110);
    }
}

#[test]
fn the_clock_stops_a_run_and_is_believed_when_it_is_repeated() {
    let paid = Paid::default();
    let mut simulation = Simulation::new(catalogue(&[BASE, DUDS, &pack("planted", &["wrong_answer"])]), &paid);
    simulation.effects = vec![("planted", 0.55)];
    let config = EvolveConfig { max_seconds: Some(9), ..config(7) };
    let (ledger, stages) = (Memory::default(), Deterministic::default());
    let sitting = |tick: u64| {
        let clock = Ticks(Mutex::new(0), tick);
        block_on(evolve(&simulation, &ledger, &config, &initial(), &stages, &clock, &())).unwrap()
    };
    let first = sitting(500_000);
    assert_eq!(first.ended, Stop::WallClock);
    let facts = decisions(&ledger);
    // A faster machine repeats the run: it must stop where the first one did.
    let again = sitting(0);
    assert_eq!((again.ended, decisions(&ledger)), (Stop::WallClock, facts));
    assert_eq!(again.judged, first.judged);
}
