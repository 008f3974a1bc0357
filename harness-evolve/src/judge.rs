//! A survivor before the judge: cheap checks that need no statistics, then the duel on the open fold, then the protected
//! panel. Refuses to tell a stage more than one bit.

use std::collections::BTreeSet;

use evolve_gate::panel::{PANEL_GROUPS, PastGroup, Ruling, choose_panel, harm_plan, ruling};
use evolve_gate::{
    Alpha, CallOff, Certificate, Claim, Duel, DuelPlan, Futility, Outcome, Pair, PlannedGroup, Split, Stopping, Terms,
    Unit, Verdict,
};
use harness_spec::{Harness, Permission, Pool, VariantId};
use serde::{Deserialize, Serialize};

use crate::arena::{Arena, ArenaError, Played, Rollout};
use crate::digest::active_modules;
use crate::error::EvolveError;
use crate::events::Phase;
use crate::ledger::Ledger;
use crate::screen::Contender;
use crate::session::{Halt, Session, Stop};

/// Why a survivor never met the judge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Unfit {
    /// The manifest lacks something.
    #[error("its manifest has no {0}")]
    Manifest(String),
    /// The edit does not give the harness that was screened.
    #[error("its edit does not give the harness that was screened")]
    NotCanonical,
    /// It cannot be brought up.
    #[error("it cannot be brought up: {0}")]
    NotAdmitted(String),
    /// It may do what nobody allowed.
    #[error("it may use `{0}`, which was not approved")]
    Permission(Permission),
    /// Smoke level 1: every explore episode ended in a fault.
    #[error("every explore episode ended in a fault of the harness")]
    AlwaysFaults,
    /// Smoke level 2: nothing of it reached the model.
    #[error("none of its modules decided anything in {0} explore episodes")]
    Inert(usize),
}

/// What became of a candidate before the judge. Stages never see it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    /// The round.
    pub round: u32,
    /// The candidate's id.
    pub candidate: String,
    /// Its edit, for a person.
    pub edit: String,
    /// What the screen estimated.
    pub estimate: f64,
    /// The proof.
    pub certificate: Certificate,
    /// The panel's test, where it had to be asked and had groups enough.
    pub panel: Option<Certificate>,
    /// Whether it ships.
    pub ships: bool,
}

impl Judged {
    /// Why it did not ship, or how it did.
    pub fn reason(&self) -> String {
        let test = &self.certificate;
        let n = format!(
            "n = {} groups ({} tasks), α = {:.4}, capital {:.1}",
            test.groups,
            test.tasks,
            test.plan.terms.alpha.value(),
            test.capital
        );
        if !self.ships && test.verdict == Verdict::Accept {
            return format!("the protected panel proves harm; {n}");
        }
        format!("{:?}: {:?}, {n}", test.verdict, test.reason).to_lowercase()
    }
}

/// A duel that was opened: on the disk before its first outcome.
#[derive(Debug, Serialize)]
pub(crate) struct Opened<'a> {
    pub round: u32,
    pub candidate: &'a str,
    pub terms: &'a Terms,
    pub groups: usize,
    pub order: String,
}

/// Two harnesses, or pools of them.
#[derive(Clone, Copy)]
pub(crate) struct Match<'a> {
    pub incumbent: &'a Pool,
    pub candidate: &'a Pool,
}

impl<A: Arena, L: Ledger> Session<'_, A, L> {
    /// The first thing that is wrong with a survivor.
    pub(crate) fn unfit(
        &self,
        contender: &Contender,
        incumbent: &Harness,
        allowed: &BTreeSet<Permission>,
    ) -> Result<Option<Unfit>, Halt> {
        let candidate = &contender.candidate;
        let manifest = &candidate.manifest;
        let missing = [
            ("evidence", manifest.evidence.is_empty()),
            ("modules", manifest.modules.is_empty()),
            ("capability evidence", manifest.capability.is_empty()),
        ];
        if let Some((what, _)) = missing.into_iter().find(|(_, missing)| *missing) {
            return Ok(Some(Unfit::Manifest(what.to_owned())));
        }
        let catalogue = self.arena.catalogue();
        let made = candidate.edit.apply(incumbent).map(|harness| harness.variant_id(catalogue));
        if made.ok() != Some(candidate.variant) {
            return Ok(Some(Unfit::NotCanonical));
        }
        let specs = candidate.harness.processors.iter().chain(&candidate.harness.tools);
        let asked = specs.filter_map(|spec| catalogue.lookup(&spec.module).ok());
        if let Some(permission) =
            asked.flat_map(|entry| &entry.module.permissions).find(|permission| !allowed.contains(permission))
        {
            return Ok(Some(Unfit::Permission(*permission)));
        }
        match self.arena.admits(&candidate.harness) {
            Ok(variant) if variant == candidate.variant => {}
            Ok(_) => return Ok(Some(Unfit::NotCanonical)),
            Err(ArenaError::Stopped) => return Err(Halt::Interrupted),
            Err(ArenaError::Failed(why)) => return Ok(Some(Unfit::NotAdmitted(why))),
        }
        if contender.played.iter().all(|played| played.outcome == Outcome::Fault) {
            return Ok(Some(Unfit::AlwaysFaults));
        }
        self.inert(contender)
    }

    fn inert(&self, contender: &Contender) -> Result<Option<Unfit>, Halt> {
        let signature = &contender.candidate.manifest.signature;
        if signature.is_empty() {
            return Ok(None);
        }
        for played in contender.played.iter().filter(|played| played.outcome != Outcome::Infrastructure) {
            let active = active_modules(&self.trace(played)?, &contender.candidate.harness);
            if signature.iter().any(|sign| active.contains(&sign.module)) {
                return Ok(None);
            }
        }
        Ok(Some(Unfit::Inert(contender.played.len())))
    }

    pub(crate) fn trace(&self, played: &Played) -> Result<Vec<(u64, harness_trace::Entry)>, Halt> {
        self.arena.trace(played).map_err(|error| match error {
            ArenaError::Stopped => Halt::Interrupted,
            ArenaError::Failed(why) => Halt::Failed(EvolveError::Arena(why)),
        })
    }

    /// The terms of a candidate's duel.
    pub(crate) fn terms(
        &self,
        candidate: VariantId,
        incumbent: VariantId,
        fold: u32,
        alpha: Alpha,
    ) -> Result<Terms, Halt> {
        let futility = Futility { delta: Unit::new(self.config.delta)?, ..Futility::default() };
        Ok(Terms {
            run_seed: self.config.seed,
            candidate: candidate.to_string(),
            incumbent: incumbent.to_string(),
            fold,
            claim: Claim::Gain,
            alpha,
            stopping: Stopping { futility: Some(futility), ..Stopping::default() },
            seeds: self.config.seeds(),
            attempts: self.config.attempts.max(1),
        })
    }

    /// Plays a planned test to its end. A budget that ends calls it off; the stop comes with the certificate.
    pub(crate) async fn duel(
        &mut self,
        plan: DuelPlan,
        split: Split,
        phase: Phase,
        arms: Match<'_>,
    ) -> Result<(Certificate, Option<Stop>), Halt> {
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
            None => Err(Halt::Failed(EvolveError::Arena("a test ended without an answer".to_owned()))),
        }
    }

    async fn pairs(
        &mut self,
        groups: &[PlannedGroup],
        seeds: &[u64],
        split: Split,
        phase: Phase,
        arms: Match<'_>,
    ) -> Result<Vec<Vec<Pair>>, Halt> {
        let of_group = |group: &PlannedGroup| -> Vec<Rollout> {
            let tasks = group.tasks.iter();
            tasks.flat_map(|task| seeds.iter().map(|&seed| Rollout { task: task.clone(), seed })).collect()
        };
        let rollouts: Vec<Rollout> = groups.iter().flat_map(of_group).collect();
        let (old, new) = (arms.incumbent, arms.candidate);
        let mut incumbent = self.play_pool(old, split, phase, &rollouts).await?;
        if incumbent.iter().all(|one| one.outcome == Outcome::Infrastructure) {
            // What plays every day and is lost to the last rollout was not lost by the harness.
            incumbent = self.insist_pool(old, split, phase, &rollouts).await?;
        }
        let candidate = self.play_pool(new, split, phase, &rollouts).await?;
        let mut outcomes = incumbent.into_iter().zip(candidate);
        let pair = |(a, b): (Played, Played)| Pair {
            task: a.rollout.task,
            seed: a.rollout.seed,
            incumbent: a.outcome,
            candidate: b.outcome,
            price: None,
        };
        let size = |group: &PlannedGroup| group.tasks.len() * seeds.len();
        Ok(groups.iter().map(|group| outcomes.by_ref().take(size(group)).map(pair).collect()).collect())
    }

    /// The test of the protected panel: groups the incumbent passes on every known seed, played by both with seeds
    /// nobody has seen. `None` below the least number of groups.
    pub(crate) async fn panel(
        &mut self,
        terms: Terms,
        past: &[PastGroup],
        arms: Match<'_>,
    ) -> Result<Option<(Certificate, Option<Stop>)>, Halt> {
        let times = self.config.seeds().len();
        let mut groups = choose_panel(past, Unit::ONE, times);
        groups.truncate(self.config.panel_groups);
        if groups.len() < PANEL_GROUPS as usize {
            return Ok(None);
        }
        let terms = Terms { seeds: self.config.fresh_seeds(), ..terms };
        // A false block ships nothing, so its level is no part of the error budget.
        let plan = harm_plan(terms, Alpha::new(self.config.alpha)?, Unit::ZERO, groups);
        self.duel(plan, Split::Explore, Phase::Panel, arms).await.map(Some)
    }
}

/// Whether a panel's certificate blocks.
pub(crate) fn blocks(panel: Option<&Certificate>) -> bool {
    panel.and_then(ruling) == Some(Ruling::Blocks)
}

/// The incumbent's scores by explore group: what a panel is chosen on.
pub(crate) fn past(explore: &[PlannedGroup], played: &[Played]) -> Vec<PastGroup> {
    let of_group = |planned: &PlannedGroup| {
        let scores = played.iter().filter(|one| planned.tasks.contains(&one.rollout.task));
        PastGroup { planned: planned.clone(), scores: scores.filter_map(|one| one.outcome.score()).collect() }
    };
    explore.iter().map(of_group).collect()
}
