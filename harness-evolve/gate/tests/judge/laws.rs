//! Laws of a duel under random outcomes, arrival orders, faults and interruptions.

use evolve_gate::{
    Alpha, CallOff, Capital, Certificate, Claim, Duel, DuelPlan, Futility, Outcome, Pair, PlannedGroup, Reason,
    RecordError, Recorded, Stake, Stopping, Stream, Terms, Unit, Verdict, recheck,
};
use proptest::prelude::*;

fn terms(alpha: f64, stopping: Stopping) -> Terms {
    Terms {
        run_seed: 7,
        candidate: "cafe".to_owned(),
        incumbent: "beef".to_owned(),
        used_up: 0,
        claim: Claim::Gain,
        alpha: Alpha::new(alpha).unwrap(),
        stopping,
        seeds: vec![1, 2],
        attempts: 3,
    }
}

fn groups(n: usize) -> Vec<PlannedGroup> {
    let tasks = |k: usize| (0..=k % 3).map(|t| format!("g{k}/{t}")).collect();
    (0..n).map(|k| PlannedGroup { group: format!("g{k}"), tasks: tasks(k) }).collect()
}

/// What a simulation of fixed outcomes answers: the pairs of a group at an attempt.
fn play(seed: u64, gain: f64, faults: f64, planned: &PlannedGroup, attempt: u32) -> Vec<Pair> {
    let mut pairs = Vec::new();
    for task in &planned.tasks {
        for episode in [2, 1] {
            let mut stream = Stream::new("test world", &[&seed.to_le_bytes(), task.as_bytes(), &[episode as u8]]);
            let mut arm = |gain: f64| match stream.uniform() {
                u if u < 0.05 => Outcome::Timeout,
                u if u < 0.08 => Outcome::Fault,
                u => Outcome::Scored(Unit::new((u + gain).clamp(0.0, 1.0)).unwrap()),
            };
            let (incumbent, mut candidate) = (arm(0.0), arm(gain));
            let mut luck = Stream::new("test faults", &[&seed.to_le_bytes(), task.as_bytes(), &attempt.to_le_bytes()]);
            if luck.uniform() < faults {
                candidate = Outcome::Infrastructure;
            }
            pairs.push(Pair { task: task.clone(), seed: episode, incumbent, candidate, price: None });
        }
    }
    pairs
}

/// Plays a duel with `flight` groups at once, picking the next to finish by `arrival`; every `save` arrivals the duel is
/// written out and read back.
fn duel(simulation: u64, gain: f64, faults: f64, flight: usize, arrival: u64, save: usize) -> (Certificate, String) {
    let mut duel = Duel::new(DuelPlan::draw(terms(0.01, Stopping::default()), groups(60))).unwrap();
    let mut stream = Stream::new("test arrival", &[&arrival.to_le_bytes()]);
    let mut tries = std::collections::HashMap::new();
    for step in 1.. {
        let next: Vec<_> = duel.next_groups(flight).into_iter().cloned().collect();
        let Some(planned) = next.get(stream.below(next.len())) else { break };
        let attempt = tries.entry(planned.group.clone()).and_modify(|n| *n += 1).or_insert(0);
        duel.record(&planned.group, play(simulation, gain, faults, planned, *attempt)).unwrap();
        if step % save == 0 {
            duel = serde_json::from_str(&serde_json::to_string(&duel).unwrap()).unwrap();
        }
    }
    (duel.certificate().unwrap(), serde_json::to_string(&duel).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arrival_and_interruption_change_nothing(
        simulation in 0_u64..1000, gain in -0.2_f64..0.5, faults in prop_oneof![Just(0.0), Just(0.02), Just(0.3)],
        flight in 1_usize..40, arrival: u64, save in 1_usize..30,
    ) {
        let straight = duel(simulation, gain, faults, 1, 0, usize::MAX);
        let other = duel(simulation, gain, faults, flight, arrival, save);
        prop_assert_eq!(serde_json::to_string(&straight.0).unwrap(), serde_json::to_string(&other.0).unwrap());
        prop_assert_eq!(straight.1, other.1);
    }

    #[test]
    fn certificates_hold_and_forgeries_do_not(simulation in 0_u64..1000, gain in -0.2_f64..0.5) {
        let (certificate, _) = duel(simulation, gain, 0.01, 8, 3, usize::MAX);
        let read: Certificate = serde_json::from_str(&serde_json::to_string(&certificate).unwrap()).unwrap();
        prop_assert_eq!(recheck(&read).unwrap(), certificate.verdict);
        let forge = |change: &dyn Fn(&mut Certificate)| {
            let mut forged = certificate.clone();
            change(&mut forged);
            recheck(&forged).is_err()
        };
        let other = |verdict| if verdict == Verdict::Accept { Verdict::Reject } else { Verdict::Accept };
        let forged = [
            forge(&|c| c.plan.terms.run_seed += 1),
            forge(&|c| c.plan.order.reverse()),
            forge(&|c| c.counted.swap(0, 1)),
            forge(&|c| drop(c.counted.pop())),
            forge(&|c| drop(c.counted.remove(0))),
            forge(&|c| drop(c.counted[0].pairs.pop())),
            forge(&|c| c.capital = f64::NAN),
            forge(&|c| c.capital *= 1.001),
            forge(&|c| c.verdict = other(c.verdict)),
            forge(&|c| c.version += 1),
        ];
        prop_assert_eq!(forged, [true; 10]);
    }

    /// A second, plain implementation: capital from its definition, one bet at a time, in logarithms.
    #[test]
    fn capital_agrees_with_its_definition(seed: u64, drift in -0.5_f64..0.5) {
        let mut stream = Stream::new("capital", &[&seed.to_le_bytes()]);
        let xs: Vec<f64> = (0..400).map(|_| (stream.uniform() * 2.0 - 1.0 + drift).clamp(-1.0, 1.0)).collect();
        let mut capital = Capital::new(Stake::Spread);
        for n in 1..=xs.len() {
            capital.bet(xs[n - 1]);
            let plain: f64 = (1..=9)
                .map(|tenth| (xs[..n].iter().map(|x| (f64::from(tenth) / 10.0 * x).ln_1p()).sum::<f64>()).exp() / 9.0)
                .sum();
            prop_assert!((capital.total() - plain).abs() <= 1e-9 * plain.max(1e-250));
        }
    }
}

#[test]
fn capital_is_worth_its_stake_under_the_null() {
    let mean = |n: usize, stake: Stake| {
        let value = |seed: u64| {
            let mut stream = Stream::new("null", &[&seed.to_le_bytes()]);
            let mut capital = Capital::new(stake);
            (0..n).for_each(|_| capital.bet(if stream.coin() { 1.0 } else { -1.0 }));
            capital.total()
        };
        (0..40_000).map(value).sum::<f64>() / 40_000.0
    };
    // The exact mean is 1; the spread of the capital grows with n, so only short runs can be checked tightly.
    for (n, within) in [(1, 0.02), (3, 0.05), (6, 0.2)] {
        let (spread, clean) = (mean(n, Stake::Spread), mean(n, Stake::Clean));
        assert!((spread - 1.0).abs() < within && (clean - 1.0).abs() < within, "{n}: {spread} {clean}");
    }
}

#[test]
fn no_pair_is_dropped_added_or_changed() {
    let mut duel = Duel::new(DuelPlan::draw(terms(0.01, Stopping::default()), groups(9))).unwrap();
    let planned = duel.next_groups(1)[0].clone();
    let pairs = play(1, 0.0, 0.0, &planned, 0);
    let wrong = |duel: &mut Duel, pairs: Vec<Pair>| {
        matches!(duel.record(&planned.group, pairs), Err(RecordError::WrongPairs { .. }))
    };
    assert!(wrong(&mut duel, pairs[1..].to_vec()));
    assert!(wrong(&mut duel, [&pairs[..], &pairs[..1]].concat()));
    assert!(matches!(duel.record("stranger", pairs.clone()), Err(RecordError::Unplanned { .. })));
    assert_eq!(duel.record(&planned.group, pairs.clone()), Ok(Recorded::Kept));
    assert_eq!(duel.record(&planned.group, pairs), Ok(Recorded::Kept));
    let other = play(2, 0.0, 0.0, &planned, 0);
    assert!(matches!(duel.record(&planned.group, other), Err(RecordError::Contradiction { .. })));
}

#[test]
fn infrastructure_faults_repeat_both_arms_then_end_without_a_proof() {
    let mut duel = Duel::new(DuelPlan::draw(terms(0.01, Stopping::default()), groups(30))).unwrap();
    let planned = duel.next_groups(1)[0].clone();
    for attempt in 0..3 {
        assert_eq!(duel.next_groups(1)[0], &planned);
        let recorded = duel.record(&planned.group, play(1, 0.9, 1.0, &planned, attempt)).unwrap();
        assert_eq!(recorded == Recorded::Kept, attempt == 2, "{recorded:?}");
    }
    let certificate = duel.certificate().unwrap();
    assert_eq!((certificate.reason, certificate.groups), (Reason::Infrastructure, 0));
    assert_eq!(recheck(&certificate), Ok(Verdict::Insufficient));
}

#[test]
fn every_reason_is_reached_where_it_should_be() {
    let run = |stopping: Stopping, alpha: f64, n: usize, d: fn(usize) -> (u32, u32), stop: Option<(usize, CallOff)>| {
        let one = |k| PlannedGroup { group: format!("g{k}"), tasks: vec![format!("t{k}")] };
        let terms = Terms { seeds: vec![1], ..terms(alpha, stopping) };
        let mut duel = Duel::new(DuelPlan::draw(terms, (0..n).map(one).collect())).unwrap();
        for step in 0..n {
            if let Some((at, why)) = stop
                && at == step
            {
                duel.call_off(why);
            }
            let Some(planned) = duel.next_groups(1).first().map(|&planned| planned.clone()) else { break };
            let (a, b) = d(step);
            let score = |points| Outcome::Scored(Unit::points(points));
            let (task, incumbent, candidate) = (planned.tasks[0].clone(), score(a), score(b));
            let pair = Pair { task, seed: 1, incumbent, candidate, price: None };
            duel.record(&planned.group, vec![pair]).unwrap();
        }
        let certificate = duel.certificate().unwrap();
        assert_eq!(recheck(&certificate), Ok(certificate.verdict));
        (certificate.reason, certificate.groups)
    };
    let (early, patient) = (Stopping::default(), Stopping { futility: None, min_groups: 1 });
    let mild = Stopping { futility: Some(Futility { delta: Unit::points(5), ..Futility::default() }), min_groups: 1 };
    assert_eq!(run(early, 0.01, 60, |_| (0, 100), None), (Reason::Proven, 10));
    assert_eq!(run(early, 0.01, 60, |_| (50, 50), None), (Reason::Futile, 17));
    assert_eq!(run(patient, 0.01, 60, |_| (100, 0), None).0, Reason::NoEffect);
    assert_eq!(run(patient, 0.5, 5, |k| (50, [50, 50, 50, 50, 40][k]), None), (Reason::NoEffect, 5));
    assert_eq!(run(mild, 0.01, 60, |k| if k % 9 == 0 { (0, 100) } else { (0, 0) }, None).0, Reason::GroupsExhausted);
    assert_eq!(run(patient, 0.01, 7, |_| (0, 30), None).0, Reason::GroupsExhausted);
    assert_eq!(run(patient, 0.01, 3, |_| (0, 100), None), (Reason::GroupsExhausted, 0));
    assert_eq!(run(patient, 0.01, 60, |_| (0, 100), Some((4, CallOff::Budget))), (Reason::Budget, 4));
    assert_eq!(run(patient, 0.01, 60, |_| (0, 100), Some((4, CallOff::Rebased))), (Reason::Rebased, 4));
}
