//! Measurement and report: paired, counted, resumable, and readable without anything fetched.

use harness_evolve::report::{Context, Report, build, render_html, render_terminal};
use harness_evolve::{
    Arm, ArmKind, Evolution, EvolveConfig, Extent, Measurement, Memory, Objective, SeesawRule, Stop, measure,
};
use harness_spec::{Cell, Harness};
use harness_trace::{LookKind, Looks, Seen, SeenBy, Split};

use crate::simulation::{BASE, DUDS, Paid, Simulation, block_on, catalogue, initial, pack, run, still};

fn simulation(paid: &Paid) -> Simulation<'_> {
    let mut simulation = Simulation::new(catalogue(&[BASE, DUDS, &pack("planted", &["wrong_answer"])]), paid);
    simulation.effects = vec![("planted", 0.55), ("dud_b", -0.3)];
    simulation.siblings = 2;
    simulation
}

fn config() -> EvolveConfig {
    EvolveConfig { seed: 7, ..EvolveConfig::default() }
}

fn arms(last: &Harness) -> Vec<Arm> {
    let everywhere = vec![Split::Explore, Split::Gate, Split::Sealed];
    let mut rules = initial();
    rules.processors.extend(Harness::parse("[[processor]]\nuse = \"duds/dud_b\"\n").unwrap().processors);
    let arm = |name: &str, kind, harness: &Harness, splits: &[Split]| Arm {
        name: name.to_owned(),
        kind,
        pool: harness.clone().into(),
        splits: splits.to_vec(),
    };
    vec![
        arm("initial", ArmKind::Initial, &initial(), &everywhere),
        arm("final", ArmKind::Final, last, &everywhere),
        arm("rules", ArmKind::NoModel, &rules, &[Split::Sealed]),
    ]
}

fn measured(simulation: &Simulation<'_>, ledger: &Memory, evolution: &Evolution) -> Measurement {
    let (arms, extent) = (arms(&evolution.last), Extent::default());
    block_on(measure(simulation, ledger, &config(), &arms, extent, None, &still(), &())).unwrap()
}

/// As if the gate had so many.
const GATE_TASKS: usize = 1000;

/// Three looks at sealed groups and one at gate groups.
fn looks() -> Looks {
    let seen = |kind, groups| SeenBy { run: "bench-1".to_owned(), kind, command: "harness bench".to_owned(), groups };
    Looks {
        gate: Seen { looks: vec![seen(LookKind::Read, 1)], groups: 1, of: 45 },
        sealed: Seen { looks: vec![seen(LookKind::Played, 20); 3], groups: 20, of: 40 },
    }
}

fn report(simulation: &Simulation<'_>, evolution: &Evolution, measurement: &Measurement) -> Report {
    let context = Context {
        label: "simulated <suite>".to_owned(),
        simulated: true,
        model: "none".to_owned(),
        looks: looks(),
        calls: Some((75, 25)),
        gate_tasks: [(Cell::default(), GATE_TASKS)].into(),
        ..Context::default()
    };
    build(evolution, None, measurement, &simulation.split, context).unwrap()
}

#[test]
fn a_report_holds_what_was_decided_with_its_counts() {
    let (paid, ledger) = (Paid::default(), Memory::default());
    let simulation = simulation(&paid);
    let evolution = run(&simulation, &ledger, &config()).unwrap();
    let measurement = measured(&simulation, &ledger, &evolution);
    let report = report(&simulation, &evolution, &measurement);
    let headline = report.headline().unwrap();
    assert_eq!((headline.arm.as_str(), headline.against.as_str()), ("final", "initial"));
    assert!(headline.difference.low > 0.2 && headline.difference.high < 0.9, "{:?}", headline.difference);
    assert_eq!((headline.difference.groups, headline.difference.tasks), (40, 80));
    assert!(headline.difference.low <= 0.55 && 0.55 <= headline.difference.high);
    // Every candidate is accounted for, once.
    let decided = report.ships.len() + report.rejected.len();
    let known: usize = evolution.rounds.iter().map(|round| round.screened.len() + round.refused).sum();
    assert_eq!(decided, known);
    let verdicts = report.verdicts.unwrap();
    let screened: usize = evolution.rounds.iter().map(|round| round.screened.len()).sum();
    assert_eq!(verdicts.candidates, screened);
    // Every ship makes one more incumbent that meets them all.
    assert_eq!(verdicts.exhaustive, ((screened + 1 + evolution.ships.len()) * GATE_TASKS) as u64);
    assert!(verdicts.rollouts >= 2 * evolution.judged.iter().map(|one| u64::from(one.certificate.tasks)).sum::<u64>());
    assert!(verdicts.rollouts <= evolution.meter.rollouts * 2, "{verdicts:?} {:?}", evolution.meter);
    let placebo = report.placebo.as_ref().unwrap();
    assert!(placebo.line.runs == 1000 && placebo.line.bound <= 0.05, "{placebo:?}");
    let strong = report.power.shares.iter().find(|(points, _)| *points == 60).unwrap();
    assert!(strong.1 > 0.8, "{:?}", report.power);
    let json = serde_json::to_string(&report).unwrap();
    let again: Report = serde_json::from_str(&json).unwrap();
    assert_eq!((again.rows.len(), again.rejected), (report.rows.len(), report.rejected.clone()));
    let text = render_terminal(&report, false);
    for needle in [
        "SIMULATED",
        "headline: final",
        "insert planted/planted",
        "sealed looks before this one: 3",
        "gate looks before this run: 1 (bench-1 was read, 1 of 45 groups)",
        "α_c",
        "strict",
    ] {
        assert!(text.contains(needle), "{needle} is missing in\n{text}");
    }
    assert!(!text.contains('\u{1b}') && render_terminal(&report, true).contains('\u{1b}'));
    let html = render_html(&[report.clone(), report]);
    assert!(html.contains("simulated &lt;suite&gt;") && html.matches("<svg").count() == 6);
    assert!(["http:", "https:", "<script", "src=", "url("].iter().all(|foreign| !html.contains(foreign)));
    println!("{text}");
}

#[test]
fn whoever_else_had_a_say_is_named() {
    let (paid, ledger) = (Paid::default(), Memory::default());
    let mut simulation = simulation(&paid);
    // Cheaper and as good, and a gain besides: both ways to ship, a strict seesaw, a look back after every ship.
    simulation.tokens = vec![("stranger", -60)];
    simulation.catalogue.insert(harness_spec::PackManifest::parse(&pack("stranger", &[])).unwrap());
    simulation.discordance = 0.0;
    let settings = EvolveConfig {
        objective: Objective::Cost,
        seesaw: SeesawRule::Strict,
        drift_every: 1,
        seeds_per_task: 2,
        ..config()
    };
    let evolution = run(&simulation, &ledger, &settings).unwrap();
    let (arms, extent) = (arms(&evolution.last), Extent::default());
    let measurement = block_on(measure(&simulation, &ledger, &settings, &arms, extent, None, &still(), &())).unwrap();
    let report = report(&simulation, &evolution, &measurement);
    let text = render_terminal(&report, false);
    for needle in
        ["objective cost: ", "strict seesaw: asked about ", "drift test before round ", "A/A: the initial harness"]
    {
        assert!(text.contains(needle), "{needle} is missing in\n{text}");
        assert!(render_html(std::slice::from_ref(&report)).contains(needle));
    }
    let itself = report.against_itself.unwrap();
    assert!(itself.low <= 0.0 && 0.0 <= itself.high, "{itself:?}");
    // Where none of it was asked for, none of it is mentioned.
    let plain = run(&simulation, &Memory::default(), &config()).unwrap();
    let plain = build(&plain, None, &measurement, &simulation.split, Context::default()).unwrap();
    assert!(plain.others.iter().all(|line| line.starts_with("drift test")), "{:?}", plain.others);
}

#[test]
fn a_measurement_is_resumed_and_may_be_cut_short() {
    let (paid, ledger) = (Paid::default(), Memory::default());
    let whole = simulation(&paid);
    let evolution = run(&whole, &ledger, &config()).unwrap();
    let spent: u64 = paid.0.lock().unwrap().values().map(|(_, times)| u64::from(*times)).sum();
    let stopped = Simulation { stop_after: Some(spent + 50), ..simulation(&paid) };
    let part = measured(&stopped, &ledger, &evolution);
    assert_eq!(part.cut_short, Some(Stop::Interrupted));
    assert!(render_terminal(&report(&whole, &evolution, &part), false).contains("not everything was measured"));
    let mut resumed = measured(&whole, &ledger, &evolution);
    let fresh = Memory::default();
    run(&whole, &fresh, &config()).unwrap();
    let mut twin = measured(&whole, &fresh, &evolution);
    for measurement in [&mut resumed, &mut twin] {
        measurement.meter.remembered = 0;
        measurement.arms.iter_mut().for_each(|arm| arm.meter.remembered = 0);
    }
    assert_eq!(resumed, twin);
    assert!(paid.0.lock().unwrap().values().all(|(_, times)| *times == 1));
}
