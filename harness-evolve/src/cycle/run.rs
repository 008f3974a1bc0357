//! Where a run stands: the pool, the cohorts, what was decided. Everything in it comes of decisions in the ledger and of rollouts
//! in the record.

use std::collections::{BTreeMap, BTreeSet};

use harness_spec::{Harness, ONLY, Permission, Pool, VariantId};

use super::cohorts::Cohorts;
use crate::approval::Answer;
use crate::attribution::Attribution;
use crate::candidate::Candidate;
use crate::digest::{EpisodeDigest, TaskDigest};
use crate::directions::UNCLAIMED_CATEGORY;
use crate::error::EvolveError;
use crate::evaluator::{Evaluator, EvaluatorError};
use crate::experience::{Lesson, Lessons};
use crate::judge::Judged;
use crate::landscape::Posterior;
use crate::ledger::Ledger;
use crate::outcome::{Begun, BegunCohort, DriftTest, Evolution, Refused, Round, Ship, fingerprint};
use crate::routing::Routing;
use crate::session::{Session, Stop};
use crate::stages::Stages;

pub(super) struct Run<'a, A, L, S> {
    pub session: Session<'a, A, L>,
    pub stages: &'a S,
    /// What the run began with, and what it has come to.
    pub initial: Harness,
    pub pool: Pool,
    /// What it began with.
    pub anchor: Pool,
    /// The last pool that passed the drift test, and the ships until then.
    pub passed_drift: (Pool, usize),
    pub drift_tests: Vec<DriftTest>,
    /// The variant this round is about, and its name in the pool.
    pub incumbent: Harness,
    pub variant: String,
    pub cohorts: Cohorts,
    pub names: BTreeSet<String>,
    pub permissions: BTreeSet<Permission>,
    pub posterior: Posterior,
    pub lessons: Lessons<'a, L>,
    /// Episodes of the incumbents that were read, by their ids.
    pub read: BTreeMap<String, EpisodeDigest>,
    pub digests: BTreeMap<String, TaskDigest>,
    pub rounds: Vec<Round>,
    pub ships: Vec<Ship>,
    pub judged: Vec<Judged>,
    pub refused: Vec<Refused>,
    pub attributions: Vec<Attribution>,
    pub routing: Option<Routing>,
    pub answers: Vec<(String, Answer)>,
}

impl<'a, A: Evaluator, L: Ledger, S: Stages> Run<'a, A, L, S> {
    pub(super) fn begin(mut session: Session<'a, A, L>, initial: &Harness, stages: &'a S) -> Result<Self, EvolveError> {
        let (evaluator, config) = (session.evaluator, session.config);
        let (split, catalogue) = (evaluator.split(), evaluator.catalogue());
        evaluator.admits(initial).map_err(|error| match error {
            EvaluatorError::Stopped => EvolveError::Initial("stopped".to_owned()),
            EvaluatorError::Failed(why) => EvolveError::Initial(why),
        })?;
        let packs: Vec<_> = catalogue.packs().collect();
        let lessons = Lessons::open(session.ledger(), config, evaluator.suite())?;
        let mut cohorts = Cohorts::new(evaluator, config)?;
        for cohort in &mut cohorts.all {
            cohort.tried.insert(initial.variant_id(catalogue));
        }
        let pool = Pool::from(initial.clone());
        let begun = Begun {
            config: config.clone(),
            suite: evaluator.suite().to_owned(),
            initial: initial.clone(),
            variant: initial.variant_id(catalogue),
            cohorts: cohorts
                .all
                .iter()
                .map(|cohort| BegunCohort::of(cohort.purse.total(), cohort.gate.order(), evaluator))
                .collect(),
            split: fingerprint(split)?,
            catalogue: fingerprint(&packs)?,
        };
        session.decide("begun", &begun)?;
        let groups: Vec<String> = [&split.explore, &split.sealed, &split.gate].into_iter().flatten().cloned().collect();
        let tasks = evaluator.planned(&groups).into_iter().flat_map(|planned| planned.tasks);
        let names = tasks.chain(groups.iter().cloned()).collect();
        let specs = initial.processors.iter().chain(&initial.tools);
        let granted = specs.filter_map(|spec| catalogue.lookup(&spec.module).ok());
        let mut permissions = config.allowed_permissions.clone();
        permissions.extend(granted.flat_map(|entry| entry.module.permissions.iter().copied()));
        Ok(Self {
            initial: initial.clone(),
            anchor: pool.clone(),
            passed_drift: (pool.clone(), 0),
            drift_tests: Vec::new(),
            pool,
            incumbent: initial.clone(),
            variant: ONLY.to_owned(),
            cohorts,
            session,
            stages,
            names,
            permissions,
            posterior: lessons.prior().clone(),
            lessons,
            read: BTreeMap::new(),
            digests: BTreeMap::new(),
            rounds: Vec::new(),
            ships: Vec::new(),
            judged: Vec::new(),
            refused: Vec::new(),
            attributions: Vec::new(),
            routing: None,
            answers: Vec::new(),
        })
    }

    pub(super) fn id(&self, harness: &Harness) -> VariantId {
        harness.variant_id(self.session.evaluator.catalogue())
    }

    /// The digests of this round's cohort.
    pub(super) fn here(&self) -> BTreeMap<String, TaskDigest> {
        let tasks = self.cohorts.tasks(self.cohorts.at);
        let mine = self.digests.iter().filter(|(task, _)| tasks.contains(task.as_str()));
        mine.map(|(task, digest)| (task.clone(), digest.clone())).collect()
    }

    /// What is learnt of a candidate whose fate is decided: it goes into the history and the posterior, of this run and,
    /// as a fact, of those to come.
    pub(super) fn learn(
        &mut self,
        round: u32,
        candidate: &Candidate,
        gains: f64,
        losses: f64,
    ) -> Result<(), EvolveError> {
        self.cohorts.here_mut().history.note(round, candidate, gains > 0.0);
        let category = candidate.manifest.category.as_ref().map_or(UNCLAIMED_CATEGORY, |category| category.name());
        for module in &candidate.manifest.modules {
            self.posterior.count(module, category, gains, losses);
            self.lessons.keep(&Lesson { suite: self.session.evaluator.suite(), module, category, gains, losses })?;
        }
        Ok(())
    }

    pub(super) fn finish(self, ended: Stop) -> Evolution {
        Evolution {
            config: self.session.config.clone(),
            suite: self.session.evaluator.suite().to_owned(),
            initial: self.initial,
            last: self.pool.variants.get(&self.pool.fallback).cloned().unwrap_or_default(),
            pool: self.pool,
            attributions: self.attributions,
            routing: self.routing,
            answers: self.answers,
            rounds: self.rounds,
            ships: self.ships,
            judged: self.judged,
            drift_tests: self.drift_tests,
            refused: self.refused,
            ended,
            alpha_spent: self.cohorts.spent(),
            posterior: self.posterior,
            history: self.cohorts.history(),
            meter: self.session.meter,
        }
    }
}
