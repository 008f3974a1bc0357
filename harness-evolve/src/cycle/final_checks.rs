//! After the last round: what each shipped edit is worth, what can go, and whether the routes hold on tasks they were not
//! fitted on. Refuses to take anything out that was not proven to be dispensable.

use std::collections::{BTreeMap, BTreeSet};

use evolve_gate::{Alpha, Verdict};
use harness_spec::{Edit, Harness, Pool};
use harness_trace::{Rollout, Split};

use super::run::Run;
use crate::attribution::{Attribution, Interaction, Pruning, Scores, Share, contrast, excess};
use crate::evaluator::{Evaluator, JudgedOutcome};
use crate::events::Phase;
use crate::judge::{ArmPair, Test};
use crate::ledger::Ledger;
use crate::outcome::Routed;
use crate::routing::{Seen, validate};
use crate::session::Halt;
use crate::stages::Stages;

impl<A: Evaluator, L: Ledger, S: Stages> Run<'_, A, L, S> {
    /// Attribution and pruning of every variant, then the routes.
    pub(super) async fn final_checks(&mut self) -> Result<(), Halt> {
        for name in self.pool.variants.keys().cloned().collect::<Vec<_>>() {
            let lineage = self.lineage(&name);
            if !lineage.is_empty() {
                let mut found = self.attribute(&name, &lineage).await?;
                let idle: Vec<usize> =
                    found.shares.iter().filter(|share| share.carries_nothing()).map(|share| share.ship).collect();
                if !idle.is_empty() {
                    found.pruning = Some(self.prune(&name, &lineage, idle).await?);
                }
                self.session.decide("attributed", &found)?;
                self.attributions.push(found);
            }
        }
        self.route().await
    }

    /// The ships a variant is made of, oldest first: from its last one back, parent by parent, to the initial harness.
    fn lineage(&self, name: &str) -> Vec<usize> {
        let mut lineage = Vec::new();
        let mut wanted = self.pool.variants.get(name).map(|harness| self.id(harness));
        let mut below = self.ships.len();
        while let Some(ship) = self.ships[..below].iter().rposition(|ship| Some(self.id(&ship.harness)) == wanted) {
            lineage.insert(0, ship);
            wanted = Some(self.ships[ship].from);
            below = ship;
        }
        lineage
    }

    /// The harness of a lineage without some of its ships; `None` if the others rest on them.
    fn without(&self, lineage: &[usize], out: &BTreeSet<usize>) -> Option<Harness> {
        let catalogue = self.session.evaluator.catalogue();
        let kept = lineage.iter().filter(|ship| !out.contains(ship)).map(|&ship| &self.ships[ship].candidate.changes);
        kept.into_iter().try_fold(self.initial.clone(), |harness, changes| {
            Edit::from_changes(changes, &harness).ok()?.admit(&harness, catalogue).ok()
        })
    }

    /// Explore rollouts of the cohorts a variant serves.
    fn own_rollouts(&self, name: &str) -> Vec<Rollout> {
        let seeds = self.session.config.seeds();
        let cohorts = self.cohorts.all.iter().filter(|cohort| self.pool.route(&cohort.like) == name);
        let tasks = cohorts.flat_map(|cohort| &cohort.explore).flat_map(|planned| &planned.tasks);
        tasks.flat_map(|task| seeds.iter().map(|&seed| Rollout { task: task.clone(), seed })).collect()
    }

    /// Mean scores of a harness by group and task.
    async fn scored(&mut self, harness: &Harness, rollouts: &[Rollout]) -> Result<Scores, Halt> {
        let played = self.session.insist(harness, Split::Explore, Phase::FinalChecks, rollouts).await?;
        let mut sums: BTreeMap<(String, String), (f64, f64)> = BTreeMap::new();
        for one in played {
            if let Some(score) = one.judged().score() {
                let sum = sums.entry((one.group, one.rollout.task)).or_default();
                *sum = (sum.0 + score.value(), sum.1 + 1.0);
            }
        }
        Ok(sums.into_iter().map(|(key, (sum, count))| (key, sum / count)).collect())
    }

    /// Every ship of a variant left out, then every pair: unaffected model calls come out of the record.
    async fn attribute(&mut self, name: &str, lineage: &[usize]) -> Result<Attribution, Halt> {
        let (seed, before) = (self.session.config.seed, self.session.meter);
        let rollouts = self.own_rollouts(name);
        let whole = self.pool.variants.get(name).cloned().unwrap_or_default();
        let all = self.scored(&whole, &rollouts).await?;
        let mut alone: BTreeMap<usize, Scores> = BTreeMap::new();
        for &ship in lineage {
            if let Some(harness) = self.without(lineage, &[ship].into()) {
                alone.insert(ship, self.scored(&harness, &rollouts).await?);
            }
        }
        let share = |&ship: &usize| Share {
            ship,
            edit: self.ships[ship].text.clone(),
            worth: alone.get(&ship).and_then(|scores| contrast(seed, &[(1.0, &all), (-1.0, scores)])),
        };
        let shares: Vec<Share> = lineage.iter().map(share).collect();
        let mut interactions = Vec::new();
        for (place, &a) in lineage.iter().enumerate() {
            for &b in &lineage[place + 1..] {
                let (Some(no_a), Some(no_b)) = (alone.get(&a), alone.get(&b)) else { continue };
                let Some(harness) = self.without(lineage, &[a, b].into()) else { continue };
                let (no_a, no_b) = (no_a.clone(), no_b.clone());
                let neither = self.scored(&harness, &rollouts).await?;
                let found = excess(seed, &all, &no_a, &no_b, &neither).filter(|found| found.mean != 0.0);
                interactions.extend(found.map(|excess| Interaction { ships: (a, b), excess }));
            }
        }
        let spent = self.session.meter.since(before);
        let used = spent.usage.input_tokens + spent.usage.output_tokens;
        let replayed = spent.replayed.input_tokens + spent.replayed.output_tokens;
        let cost = (spent.rollouts, used.saturating_sub(replayed));
        Ok(Attribution { variant: name.to_owned(), shares, interactions, cost, pruning: None })
    }

    /// Takes out what carries nothing, if the harness without it is proven non-inferior on groups nobody has used.
    async fn prune(&mut self, name: &str, lineage: &[usize], idle: Vec<usize>) -> Result<Pruning, Halt> {
        let kept = |reason: &str, ships: Vec<usize>| Pruning {
            ships,
            certificate: None,
            pruned: false,
            reason: reason.to_owned(),
        };
        let Some(leaner) = self.without(lineage, &idle.iter().copied().collect()) else {
            return Ok(kept("others rest on them", idle));
        };
        let scope: Vec<usize> = (0..self.cohorts.all.len())
            .filter(|&cohort| self.pool.route(&self.cohorts.all[cohort].like) == name)
            .collect();
        let Some((used_up, groups)) = self.cohorts.ahead(&scope) else {
            return Ok(kept("no gate group is left to prove on that nothing is lost", idle));
        };
        let round = self.session.config.rounds + 1;
        let alpha = self.cohorts.grant(&scope, round);
        if alpha == Alpha::ZERO {
            return Ok(kept("the error budget is spent", idle));
        }
        let present = self.pool.clone();
        let mut pool: Pool = present.clone();
        pool.variants.insert(name.to_owned(), leaner);
        let groups = (used_up, self.session.evaluator.planned(&groups));
        let candidate = format!("pruned {name}");
        let arms = ArmPair { incumbent: &present, candidate: &pool };
        let (certificate, stop) =
            self.session.test((round, &candidate), Test::Pruned, alpha, (&scope, &groups), arms).await?;
        self.cohorts.look(&scope, &certificate);
        let pruned = certificate.verdict == Verdict::Accept && stop.is_none();
        let verdict = format!("{:?}: {:?}, n = {} groups", certificate.verdict, certificate.reason, certificate.groups);
        let pruning = Pruning { ships: idle, certificate: Some(certificate), pruned, reason: verdict.to_lowercase() };
        self.session.decide("pruned", &pruning)?;
        self.session.say(format!(
            "{} without {} edits that carry nothing: {}",
            name,
            pruning.ships.len(),
            if pruned { "proven no worse, and taken" } else { "not proven, and left as it is" }
        ));
        if pruned {
            self.pool = pool;
            self.cohorts.ship(&scope);
        }
        match stop {
            Some(stop) => Err(Halt::Spent(stop)),
            None => Ok(pruning),
        }
    }

    /// Every variant on every explore task: posteriors by cell, and what routing is worth where it was not fitted. The best
    /// over all becomes the fallback; what it then plays besides is nothing this population holds.
    async fn route(&mut self) -> Result<(), Halt> {
        if self.pool.variants.len() < 2 {
            return Ok(());
        }
        let seeds = self.session.config.seeds();
        let tasks = self.cohorts.all.iter().flat_map(|cohort| &cohort.explore).flat_map(|planned| &planned.tasks);
        let rollouts: Vec<Rollout> =
            tasks.flat_map(|task| seeds.iter().map(|&seed| Rollout { task: task.clone(), seed })).collect();
        let mut seen: BTreeMap<(String, String), Seen> = BTreeMap::new();
        for (name, harness) in self.pool.variants.clone() {
            for ((group, task), score) in self.scored(&harness, &rollouts).await? {
                let features = self.session.evaluator.features(&task);
                let one = seen.entry((group.clone(), task)).or_insert_with(|| Seen {
                    group,
                    task: features,
                    scores: BTreeMap::new(),
                });
                one.scores.insert(name.clone(), score);
            }
        }
        let seen: Vec<Seen> = seen.into_values().collect();
        let Some(routing) = validate(self.session.config.seed, &seen) else { return Ok(()) };
        let cells: Vec<_> = self.cohorts.all.iter().map(|cohort| (cohort.cell.clone(), cohort.like.clone())).collect();
        let pool = self.pool.with_fallback(&routing.best, &cells);
        self.session.decide("routed", &Routed { routing: &routing, pool: &pool })?;
        self.session.say(format!(
            "routes, on explore tasks they were not fitted on: {:+.1} points over the best single variant `{}`",
            100.0 * routing.gain.mean,
            routing.best
        ));
        self.routing = Some(routing);
        self.pool = pool;
        Ok(())
    }
}
