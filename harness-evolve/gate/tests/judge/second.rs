//! Our judge against the plain one, over random claims, levels, stopping rules, simulations, faults and interruptions.

use evolve_gate::{
    Alpha, CallOff, Claim, Duel, DuelPlan, Futility, Outcome, Pair, PlannedGroup, Price, Stopping, Stream, Terms, Unit,
    draw_order,
};
use proptest::prelude::*;
use serde_json::json;

use crate::plain;

fn claims() -> impl Strategy<Value = Claim> {
    prop_oneof![
        3 => Just(Claim::Gain),
        1 => Just(Claim::Cheaper),
        1 => (0_u32..40).prop_map(|points| Claim::Harm { beyond: Unit::points(points) }),
        2 => (0_u32..60).prop_map(|points| Claim::NonInferior { margin: Unit::points(points) }),
    ]
}

fn stoppings() -> impl Strategy<Value = Stopping> {
    let futility = prop::option::weighted(0.7, (0_u32..60, 0.01_f64..0.5));
    (1_u32..25, futility).prop_map(|(min_groups, futility)| Stopping {
        min_groups,
        futility: futility
            .map(|(delta, beta)| Futility { delta: Unit::points(delta), beta: Alpha::new(beta).unwrap() }),
    })
}

/// A simulation: graded or pass/fail scores, a drift in favour of the candidate, now and then a timeout or a broken machine.
#[derive(Debug, Clone)]
struct Luck {
    seed: u64,
    drift: f64,
    ties: f64,
    graded: bool,
    broken: f64,
}

fn lucks() -> impl Strategy<Value = Luck> {
    let broken = prop_oneof![4 => Just(0.0), 1 => Just(0.02)];
    (any::<u64>(), -0.6_f64..0.9, 0.0_f64..1.0, any::<bool>(), broken)
        .prop_map(|(seed, drift, ties, graded, broken)| Luck { seed, drift, ties, graded, broken })
}

impl Luck {
    fn pairs(&self, planned: &PlannedGroup, seeds: &[u64]) -> Vec<Pair> {
        let rollouts = planned.tasks.iter().flat_map(|task| seeds.iter().map(move |seed| (task, *seed)));
        let pair = |(task, seed): (&String, u64)| {
            let mut stream = Stream::new("luck", &[&self.seed.to_le_bytes(), task.as_bytes(), &seed.to_le_bytes()]);
            let mut score = |drift: f64| {
                let value = (stream.uniform() + drift).clamp(0.0, 1.0);
                let outcome = Outcome::Scored(Unit::new(if self.graded { value } else { value.round() }).unwrap());
                if stream.uniform() < 0.05 { Outcome::Timeout } else { outcome }
            };
            let (incumbent, mut candidate) = (score(0.0), score(self.drift));
            if stream.uniform() < self.ties {
                candidate = incumbent;
            }
            if stream.uniform() < self.broken {
                candidate = Outcome::Infrastructure;
            }
            let price = Price {
                incumbent: stream.bits() % 900,
                candidate: stream.bits() % (900 - (self.drift * 400.0) as u64),
            };
            Pair { task: task.clone(), seed, incumbent, candidate, price: Some(price) }
        };
        rollouts.map(pair).collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_second_judge_gives_the_same_verdicts(
        claim in claims(), stopping in stoppings(), luck in lucks(), alpha in 0.0004_f64..0.3,
        n in 1_usize..120, seeds in 1_u64..3, stop in prop::option::weighted(0.2, (0_usize..60, any::<bool>())),
    ) {
        let tasks = |k: usize| (0..=k % 3).map(|t| format!("g{k}/{t}")).collect();
        let groups: Vec<_> = (0..n).map(|k| PlannedGroup { group: format!("g{k}"), tasks: tasks(k) }).collect();
        let terms = Terms {
            run_seed: luck.seed, candidate: "c".to_owned(), incumbent: "i".to_owned(), used_up: 0, claim,
            alpha: Alpha::new(alpha).unwrap(), stopping, seeds: (0..seeds).collect(), attempts: 2,
        };
        let mut duel = Duel::new(DuelPlan::draw(terms.clone(), groups)).unwrap();
        for step in 0.. {
            if let Some((at, budget)) = stop && step == at {
                duel.call_off(if budget { CallOff::Budget } else { CallOff::Rebased });
            }
            let Some(planned) = duel.next_groups(1).first().map(|&planned| planned.clone()) else { break };
            duel.record(&planned.group, luck.pairs(&planned, &terms.seeds)).unwrap();
        }
        let certificate = duel.certificate().unwrap();
        let found = plain::judge(&serde_json::to_value(&certificate).unwrap());
        let Some(found) = found else { return Err(TestCaseError::fail(format!("no verdict for {certificate:?}"))) };
        if found.close_call {
            return Ok(());
        }
        prop_assert_eq!(json!(found.verdict), json!(certificate.verdict));
        prop_assert_eq!(json!(found.reason), json!(certificate.reason));
        prop_assert_eq!(found.groups, u64::from(certificate.groups));
        let near = |a: f64, b: f64| (a - b).abs() <= 1e-9 * a.abs().max(1e-9);
        prop_assert!(near(found.capital, certificate.capital), "{} {}", found.capital, certificate.capital);
        prop_assert!(near(found.mean_difference, certificate.mean_difference));
    }

    #[test]
    fn the_order_is_the_documented_one(seed: u64, candidate in "[a-z0-9]{0,12}", n in 0_usize..50) {
        let groups: Vec<String> = (0..n).map(|k| format!("group {k}")).collect();
        let mut plain = groups.clone();
        plain::order(seed, &candidate, &mut plain);
        prop_assert_eq!(plain, draw_order(seed, &candidate, groups, String::as_str));
    }
}
