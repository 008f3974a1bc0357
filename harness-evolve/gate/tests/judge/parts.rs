//! Splits, the stream, budget, panel and intervals.

use evolve_gate::interval::{Method, clopper_pearson_lower, clopper_pearson_upper, difference_interval, mean_interval};
use evolve_gate::panel::{MARGIN, PANEL_GROUPS};
use evolve_gate::{
    Alpha, Claim, Control, ErrorBudget, GateStream, Process, Reason, Schedule, Share, Shares, Stopping, Stream, Unit,
    drift_level, split_by_hash, split_exact, split_of,
};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_split_is_a_partition_whatever_the_order(
        seed: u64, n in 0_usize..120, explore in 0_u32..5, gate in 0_u32..5, sealed in 0_u32..5,
    ) {
        let ids: Vec<String> = (0..n).map(|k| format!("group {k}")).collect();
        let shares = Shares { explore, gate, sealed };
        let there = || ids.iter().map(String::as_str);
        let twice = || there().rev().chain(there());
        for (once, again) in [
            (split_exact(seed, shares, there()), split_exact(seed, shares, twice())),
            (split_by_hash(seed, shares, there()), split_by_hash(seed, shares, twice())),
        ] {
            prop_assert_eq!(&once, &again);
            let Ok(split) = once else { continue };
            let mut all: Vec<_> = split.explore.iter().chain(&split.gate).chain(&split.sealed).collect();
            all.sort();
            all.dedup();
            prop_assert_eq!(all.len(), n);
            prop_assert_eq!(n, split.explore.len() + split.gate.len() + split.sealed.len());
            prop_assert!((explore > 0 || split.explore.is_empty()) && (sealed > 0 || split.sealed.is_empty()));
        }
    }

    /// Whatever ships when: Σ α_c ≤ α, and also the sum over reigns of all that could have been granted in each if nothing
    /// had shipped, which is what the union bound needs (`docs/statistics.md`, section 4).
    #[test]
    fn the_purse_is_never_overdrawn(
        rounds in 0_u32..20, planned in 0_u32..20, idle_rounds in 0_u32..20,
        asks in prop::collection::vec((0_usize..12, 0_u8..3), 0..20), shares: bool,
    ) {
        let control = if shares { Control::ShareOfShips } else { Control::EveryShip };
        let mut purse = ErrorBudget::new(Alpha::ONE_IN_TWENTY, control, Schedule { rounds: planned, idle_rounds });
        let (mut sum, mut paths, mut ships, mut fresh) = (0, 0, 0, true);
        for (asks, close) in asks.into_iter().take(rounds as usize) {
            if std::mem::take(&mut fresh) {
                paths += path(purse.clone(), ships);
            }
            purse.open_round();
            let grants: Vec<_> = (0..asks).map(|_| purse.grant()).collect();
            prop_assert!(grants.is_sorted_by(|a, b| a >= b), "higher ranks get more");
            let times = if shares { ships + 1 } else { 1 };
            sum += grants.iter().map(|alpha| alpha.trillionths() / times).sum::<u64>();
            fresh = close > 0;
            match close {
                0 => {}
                1 => { purse.ship(); ships += 1; }
                _ => purse.end_reign(),
            }
        }
        prop_assert_eq!(sum, purse.spent().trillionths());
        prop_assert!(purse.spent() <= purse.total());
        prop_assert!(paths <= purse.total().trillionths());
        let tests: u64 = (0..rounds).map(|number| drift_level(Alpha::ONE_IN_TWENTY, number).trillionths()).sum();
        prop_assert!(tests <= Alpha::ONE_IN_TWENTY.trillionths());
    }
}

/// All that a reign which just began could grant if nothing shipped in it, as e-LOND counts it: without the multiplier.
fn path(mut purse: ErrorBudget, ships: u64) -> u64 {
    let times = if purse.control() == Control::ShareOfShips { ships + 1 } else { 1 };
    let mut sum = 0;
    for _ in 0..40 {
        purse.open_round();
        sum += (0..60).map(|_| purse.grant().trillionths() / times).sum::<u64>();
    }
    sum
}

#[test]
fn shares_are_met() {
    let ids: Vec<String> = (0..280).map(|k| k.to_string()).collect();
    let shares = Shares { explore: 2, gate: 5, sealed: 3 };
    let split = split_exact(1, shares, ids.iter().map(String::as_str)).unwrap();
    assert_eq!((split.explore.len(), split.gate.len(), split.sealed.len()), (56, 140, 84));
    let gate = ids.iter().filter(|id| split_of(1, shares, id) == Ok(Share::Gate)).count();
    assert!((120..160).contains(&gate), "{gate}");
}

#[test]
fn a_ship_uses_up_the_longest_prefix_that_was_looked_at() {
    let groups: Vec<String> = (0..10).map(|k| format!("group {k}")).collect();
    let mut stream = GateStream::draw(1, groups);
    let order = stream.order().to_vec();
    let read = |from: usize, to: usize| order[from..to].iter().map(String::as_str).collect::<Vec<_>>();
    stream.look(read(0, 4));
    stream.look(read(0, 2));
    stream.look(["of another stream"]);
    assert_eq!(stream.ahead().unwrap(), (0, &order[..]), "tests without a decision use nothing up");
    stream.use_up();
    assert_eq!(stream.ahead().unwrap(), (4, &order[4..]));
    stream.use_up();
    assert_eq!(stream.ahead().unwrap().0, 4, "nobody looked in between");
    stream.look(read(4, 10));
    stream.use_up();
    assert_eq!(stream.ahead(), None);
}

/// Groups until `d` every time proves `claim`.
fn groups_to_prove(claim: Claim, alpha: Alpha, min_groups: u32, d: f64) -> u32 {
    let mut process = Process::new(claim, alpha, Stopping { min_groups, futility: None }, 1000);
    while process.enter(d) != Some(Reason::Proven) {}
    process.groups()
}

#[test]
fn clean_groups_that_prove_non_inferiority() {
    // 57 is the floor at α/20 and ε = 10 points; keeping half the stake for panels with a loss costs six groups more.
    let n = groups_to_prove(Claim::NonInferior { margin: MARGIN }, Alpha::ONE_IN_TWENTY.share(20), 1, 0.0);
    assert_eq!(n, 63);
}

#[test]
fn the_panel_has_no_say_below_twenty_groups() {
    let harm = Claim::Harm { beyond: Unit::ZERO };
    assert_eq!(groups_to_prove(harm, Alpha::ONE_IN_TWENTY, 1, -1.0), 7);
    assert_eq!(groups_to_prove(harm, Alpha::ONE_IN_TWENTY, PANEL_GROUPS, -1.0), PANEL_GROUPS);
}

#[test]
fn intervals_are_the_textbook_ones() {
    // Rule of three: 1 − 0.05^(1/n). And 8 of 10, one-sided 97.5 %: [0.4439, 0.9748].
    assert!((clopper_pearson_upper(0, 100, 0.95) - (1.0 - 0.05_f64.powf(0.01))).abs() < 1e-9);
    assert!((clopper_pearson_lower(8, 10, 0.975) - 0.4439).abs() < 1e-4);
    assert!((clopper_pearson_upper(8, 10, 0.975) - 0.9748).abs() < 1e-4);
    assert_eq!((clopper_pearson_lower(0, 10, 0.95), clopper_pearson_upper(10, 10, 0.95)), (0.0, 1.0));
    let one = |k: usize| vec![f64::from(u8::from(k.is_multiple_of(2)))];
    let alone = mean_interval(1, &(0..100).map(one).collect::<Vec<_>>(), 0.95, 4000).unwrap();
    assert!((alone.low - 0.402).abs() < 0.015 && (alone.high - 0.598).abs() < 0.015, "{alone:?}");
    // Four siblings that stand and fall together say no more than one.
    let four = mean_interval(1, &(0..100).map(|k| one(k).repeat(4)).collect::<Vec<_>>(), 0.95, 4000).unwrap();
    assert_eq!((four.low, four.high, four.groups, four.tasks), (alone.low, alone.high, 100, 400));
    let tied = difference_interval(1, &vec![vec![0.0]; 40], 0.95, 1000).unwrap();
    assert_eq!(tied.method, Method::ClopperPearson);
    assert!(tied.low < -0.05 && tied.high > 0.05, "{tied:?}");
}

/// Power is monotone in the number of tasks: the first level does not depend on it, and what is proven on a part of the
/// stream is proven on the whole.
#[test]
fn more_tasks_never_prove_less() {
    let mut purse = ErrorBudget::new(Alpha::ONE_IN_TWENTY, Control::EveryShip, Schedule { rounds: 5, idle_rounds: 2 });
    purse.open_round();
    let alpha = purse.grant();
    let tasks = [40, 88, 89, 100, 177, 178, 200, 266, 267, 500, 1000];
    let mut proven = [0_u32; 11];
    for seed in 0..300_u64 {
        let proves = |tasks: u32| {
            let mut stream = Stream::new("more tasks", &[&seed.to_le_bytes()]);
            let mut process = Process::new(Claim::Gain, alpha, Stopping::default(), tasks * 45 / 100);
            let mut end = process.at_end();
            while end.is_none() {
                let u = stream.uniform();
                end = process.enter(f64::from(u8::from(u < 0.3)) - f64::from(u8::from(u > 0.9)));
            }
            end == Some(Reason::Proven)
        };
        let of_seed = tasks.map(proves);
        assert!(of_seed.is_sorted(), "seed {seed}: {of_seed:?}");
        proven.iter_mut().zip(of_seed).for_each(|(sum, proves)| *sum += u32::from(proves));
    }
    assert!(proven[0] < 30 && proven[4] > 100 && proven[10] > 250, "{proven:?}");
}
