//! One candidate before the judge: the duel on the groups ahead, the other way to ship where the objective has one, then those
//! who may block. Refuses a test whose terms are not in the ledger before its first outcome.

use std::collections::{BTreeMap, BTreeSet};

use evolve_gate::panel::{PANEL_GROUPS, PastGroup, Ruling, choose_panel, ruling};
use evolve_gate::{
    Alpha, CallOff, Certificate, Difference, Duel, DuelPlan, Outcome, Pair, PlannedGroup, Price, Seesaw, Terms, Unit,
    Verdict,
};
use harness_spec::{Pool, VariantId};
use harness_trace::{EpisodeResult, Rollout, Split};
use serde::{Deserialize, Serialize};

use super::{Judged, Test, Thrift, halves};
use crate::config::{Objective, SeesawRule};
use crate::error::EvolveError;
use crate::evaluator::{Evaluator, EvaluatorError, JudgedOutcome};
use crate::events::Phase;
use crate::ledger::Ledger;
use crate::screen::Contender;
use crate::session::{Halt, Session, Stop};

/// A test that was opened: on the disk before its first outcome.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Opened {
    pub round: u32,
    pub candidate: String,
    pub test: Test,
    pub terms: Terms,
    /// The cohorts on whose groups it is played.
    pub scope: Vec<usize>,
    pub groups: usize,
    pub order: String,
    /// Who plays what.
    #[serde(rename = "seats")]
    pub assignments: Vec<Assignment>,
}

/// Tasks that the same two harnesses play.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Assignment {
    pub incumbent: VariantId,
    pub candidate: VariantId,
    pub tasks: BTreeSet<String>,
}

/// Two harnesses, or pools of them.
#[derive(Clone, Copy)]
pub(crate) struct ArmPair<'a> {
    pub incumbent: &'a Pool,
    pub candidate: &'a Pool,
}

/// What a candidate is judged on.
pub(crate) struct TrialPlan<'a> {
    pub round: u32,
    pub arms: ArmPair<'a>,
    /// The cohorts it is judged on.
    pub scope: &'a [usize],
    /// How many of their groups are used up, and those ahead.
    pub ahead: (u32, Vec<PlannedGroup>),
    /// The level it was granted, for all it may be shipped by.
    pub alpha: Alpha,
    /// The incumbent's scores on explore, by which a panel is chosen.
    pub past: &'a [PastGroup],
}

impl<A: Evaluator, L: Ledger> Session<'_, A, L> {
    /// Judges a candidate. A stop is a budget that ended on the way.
    pub(crate) async fn judge(
        &mut self,
        plan: &TrialPlan<'_>,
        contender: &Contender,
    ) -> Result<(Judged, Option<Stop>), Halt> {
        let (candidate, arms, on) = (&contender.candidate, plan.arms, (plan.scope, &plan.ahead));
        let name = (plan.round, candidate.id.as_str());
        let (gain, thrift) = match self.config.objective {
            Objective::Success => (plan.alpha, None),
            Objective::Cost | Objective::Latency => {
                let (gain, thrift) = halves(plan.alpha);
                (gain, Some(thrift))
            }
        };
        let (certificate, mut stop) = self.test(name, Test::Gain, gain, on, arms).await?;
        let mut judged = Judged {
            round: plan.round,
            candidate: candidate.id.clone(),
            edit: candidate.edit.to_string(),
            estimate: contender.estimate,
            certificate,
            thrift: None,
            panel: None,
            seesaw: None,
            ships: false,
        };
        if let (None, Some(alpha), Verdict::Reject | Verdict::Insufficient) = (stop, thrift, judged.certificate.verdict)
        {
            let (cheaper, why) = self.test(name, Test::Cheaper, alpha, on, arms).await?;
            stop = why;
            let mut thrift = Thrift { cheaper, non_inferior: None };
            if stop.is_none() && thrift.cheaper.verdict == Verdict::Accept {
                let (loses, why) = self.test(name, Test::NonInferior, alpha, on, arms).await?;
                (thrift.non_inferior, stop) = (Some(loses), why);
            }
            judged.thrift = Some(thrift);
        }
        if stop.is_none() && judged.proven() {
            let mut groups = choose_panel(plan.past, Unit::ONE, self.config.seeds().len());
            groups.truncate(self.config.panel_groups);
            if groups.len() >= PANEL_GROUPS as usize {
                let alpha = Alpha::new(self.config.alpha)?;
                let panel = (plan.ahead.0, groups);
                let (panel, why) = self.test(name, Test::Panel, alpha, (&[], &panel), arms).await?;
                (judged.panel, stop) = (Some(panel), why);
            }
            let blocked = judged.panel.as_ref().and_then(ruling) == Some(Ruling::Blocks);
            if stop.is_none() && !blocked && self.config.seesaw == SeesawRule::Strict {
                match self.seesaw(plan.past, arms).await {
                    Ok(seesaw) => judged.seesaw = Some(seesaw),
                    Err(Halt::Spent(why)) => stop = Some(why),
                    Err(other) => return Err(other),
                }
            }
        }
        judged.ships = judged.deserves(self.config.seesaw) && stop.is_none();
        Ok((judged, stop))
    }

    /// Opens a test and plays it to its end. A budget that ends calls it off; the stop comes with the certificate.
    pub(crate) async fn test(
        &mut self,
        (round, candidate): (u32, &str),
        test: Test,
        alpha: Alpha,
        (scope, (used_up, groups)): (&[usize], &(u32, Vec<PlannedGroup>)),
        arms: ArmPair<'_>,
    ) -> Result<(Certificate, Option<Stop>), Halt> {
        let catalogue = self.evaluator.catalogue();
        let ids = (arms.incumbent.id(catalogue).to_string(), arms.candidate.id(catalogue).to_string());
        let terms = test.terms(self.config, (&ids.0, &ids.1), *used_up, alpha)?;
        let plan = DuelPlan::draw(terms, groups.clone());
        let (split, phase) = match test {
            Test::Panel => (Split::Explore, Phase::Panel),
            Test::Drift => (Split::Gate, Phase::Drift),
            Test::Pruned => (Split::Gate, Phase::FinalChecks),
            Test::Gain | Test::Cheaper | Test::NonInferior => (Split::Gate, Phase::Duel),
        };
        let (terms, order) = (plan.terms.clone(), plan.order_digest());
        let opened = Opened {
            round,
            candidate: candidate.to_owned(),
            test,
            terms,
            scope: scope.to_vec(),
            groups: plan.order.len(),
            order,
            assignments: self.assignments(groups, arms),
        };
        self.decide("duel", &opened)?;
        let seeds = plan.terms.seeds.clone();
        let mut duel = Duel::new(plan)?;
        let mut stop = None;
        while duel.verdict().is_none() {
            let groups: Vec<PlannedGroup> =
                duel.next_groups(self.config.concurrency.max(1)).into_iter().cloned().collect();
            let pairs = self.pairs(&groups, &seeds, split, phase, arms).await;
            match pairs {
                Ok(pairs) => {
                    for (group, pairs) in groups.iter().zip(pairs) {
                        duel.record(&group.group, pairs)?;
                    }
                }
                Err(Halt::Spent(why)) => {
                    stop = Some(why);
                    duel.call_off(CallOff::Budget);
                }
                Err(other) => return Err(other),
            }
        }
        match duel.certificate() {
            Some(certificate) => Ok((certificate, stop)),
            // A duel with a verdict has a certificate.
            None => Err(Halt::Failed(EvolveError::Evaluator("a test ended without an answer".to_owned()))),
        }
    }

    /// Who plays which tasks of these groups.
    fn assignments(&self, groups: &[PlannedGroup], arms: ArmPair<'_>) -> Vec<Assignment> {
        let catalogue = self.evaluator.catalogue();
        let ids = |pool: &Pool| -> BTreeMap<String, VariantId> {
            pool.variants.iter().map(|(name, harness)| (name.clone(), harness.variant_id(catalogue))).collect()
        };
        let (old, new) = (ids(arms.incumbent), ids(arms.candidate));
        let mut assignments: BTreeMap<(VariantId, VariantId), BTreeSet<String>> = BTreeMap::new();
        for task in groups.iter().flat_map(|group| &group.tasks) {
            let known = self.evaluator.features(task);
            let pair = (old.get(arms.incumbent.route(&known)), new.get(arms.candidate.route(&known)));
            if let (Some(&incumbent), Some(&candidate)) = pair {
                assignments.entry((incumbent, candidate)).or_default().insert(task.clone());
            }
        }
        assignments
            .into_iter()
            .map(|((incumbent, candidate), tasks)| Assignment { incumbent, candidate, tasks })
            .collect()
    }

    async fn pairs(
        &mut self,
        groups: &[PlannedGroup],
        seeds: &[u64],
        split: Split,
        phase: Phase,
        arms: ArmPair<'_>,
    ) -> Result<Vec<Vec<Pair>>, Halt> {
        let rollouts: Vec<Rollout> = groups.iter().flat_map(|group| rollouts(&group.tasks, seeds)).collect();
        let mut incumbent = self.play_pool(arms.incumbent, split, phase, &rollouts).await?;
        if incumbent.iter().all(|one| one.judged() == Outcome::Infrastructure) {
            // What plays every day and is lost to the last rollout was not lost by the harness.
            incumbent = self.insist_pool(arms.incumbent, split, phase, &rollouts).await?;
        }
        let candidate = self.play_pool(arms.candidate, split, phase, &rollouts).await?;
        let mut pairs = Vec::with_capacity(rollouts.len());
        for (a, b) in incumbent.into_iter().zip(candidate) {
            pairs.push(self.pair(&a, &b)?);
        }
        let mut pairs = pairs.into_iter();
        let size = |group: &PlannedGroup| group.tasks.len() * seeds.len();
        Ok(groups.iter().map(|group| pairs.by_ref().take(size(group)).collect()).collect())
    }

    fn pair(&self, a: &EpisodeResult, b: &EpisodeResult) -> Result<Pair, Halt> {
        let price = price(self.config.objective, (a, b), |played| self.evaluator.latency(played));
        let price = price.map_err(|error| match error {
            EvaluatorError::Stopped => Halt::Interrupted,
            EvaluatorError::Failed(why) => Halt::Failed(EvolveError::Evaluator(why)),
        })?;
        let (task, seed) = (a.rollout.task.clone(), a.rollout.seed);
        Ok(Pair { task, seed, incumbent: a.judged(), candidate: b.judged(), price })
    }

    /// What a candidate saved on the explore tasks it played, by the incumbent's episodes there.
    pub(crate) fn saving(&self, incumbent: &[EpisodeResult], contender: &Contender) -> Result<f64, Halt> {
        if self.config.objective == Objective::Success {
            return Ok(0.0);
        }
        let known: BTreeMap<&Rollout, &EpisodeResult> =
            incumbent.iter().map(|played| (&played.rollout, played)).collect();
        let mut pairs = Vec::new();
        for played in &contender.played {
            if let Some(before) = known.get(&played.rollout) {
                pairs.push(self.pair(before, played)?);
            }
        }
        Ok(Difference::saved(&pairs).unwrap_or_default().mean())
    }

    /// Two attempts of both arms at every explore task.
    async fn seesaw(&mut self, past: &[PastGroup], arms: ArmPair<'_>) -> Result<Seesaw, Halt> {
        let seeds = self.config.two_seeds();
        let rollouts: Vec<Rollout> = past.iter().flat_map(|group| rollouts(&group.planned.tasks, &seeds)).collect();
        let incumbent = self.insist_pool(arms.incumbent, Split::Explore, Phase::Panel, &rollouts).await?;
        let candidate = self.insist_pool(arms.candidate, Split::Explore, Phase::Panel, &rollouts).await?;
        let pairs: Result<Vec<Pair>, Halt> = incumbent.iter().zip(&candidate).map(|(a, b)| self.pair(a, b)).collect();
        Ok(Seesaw::of(pairs?))
    }
}

fn rollouts<'a>(tasks: &'a [String], seeds: &'a [u64]) -> impl Iterator<Item = Rollout> + 'a {
    tasks.iter().flat_map(|task| seeds.iter().map(|&seed| Rollout { task: task.clone(), seed }))
}

/// What two episodes took in the unit of the objective, as if nothing had been replayed: money where either cost any, else
/// tokens; or microseconds, which `latency` knows. `None` where only success counts.
pub(crate) fn price<E>(
    objective: Objective,
    (a, b): (&EpisodeResult, &EpisodeResult),
    latency: impl Fn(&EpisodeResult) -> Result<u64, E>,
) -> Result<Option<Price>, E> {
    // An episode the infrastructure lost has no price, and its pair is never counted.
    let lost = a.judged() == Outcome::Infrastructure || b.judged() == Outcome::Infrastructure;
    let tokens = |played: &EpisodeResult| played.usage.input_tokens + played.usage.output_tokens;
    let money = |played: &EpisodeResult| played.usage.cost_micros;
    let (incumbent, candidate) = match objective {
        Objective::Success => return Ok(None),
        Objective::Cost | Objective::Latency if lost => (0, 0),
        Objective::Cost if money(a) > 0 || money(b) > 0 => (money(a), money(b)),
        Objective::Cost => (tokens(a), tokens(b)),
        Objective::Latency => (latency(a)?, latency(b)?),
    };
    Ok(Some(Price { incumbent, candidate }))
}

/// The incumbent's scores by explore group: what a panel is chosen on.
pub(crate) fn past(explore: &[PlannedGroup], played: &[EpisodeResult]) -> Vec<PastGroup> {
    let of_group = |planned: &PlannedGroup| {
        let scores = played.iter().filter(|one| planned.tasks.contains(&one.rollout.task));
        PastGroup { planned: planned.clone(), scores: scores.filter_map(|one| one.judged().score()).collect() }
    };
    explore.iter().map(of_group).collect()
}
