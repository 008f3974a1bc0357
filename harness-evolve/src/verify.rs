//! A run's decisions held against themselves: every certificate is judged again from its own pairs, its pairs are held
//! against the recorded outcomes, its terms against the settings, its level against the purse, its groups against those
//! that no ship had used up. Refuses to believe a verdict, and to play anything.

mod certificates;
mod measurement;
mod state;

use std::collections::BTreeMap;

use evolve_gate::{Alpha, Certificate, GateStream, PlannedGroup, Seesaw, Verdict, drift_level};
use harness_spec::Pool;
use serde::Deserialize;
use serde_json::Value;

use self::certificates::Held;
pub use self::measurement::verify_measurement;
use self::state::{Check, Cohort, Standing};
pub use self::state::{Checked, Recorded, Verification};
use crate::approval::Answer;
use crate::attribution::Pruning;
use crate::candidate::Candidate;
use crate::config::Objective;
use crate::error::EvolveError;
use crate::judge::{Judged, Opened, Test, halves};
use crate::outcome::{Begun, BegunCohort, DriftTest, Ended, Ship};

/// Checks the decisions of a run: facts of kind [`crate::DECISIONS`], in order, as (key, value).
///
/// # Errors
/// A fact is not what a run of this version writes, or the run has none.
pub fn verify(facts: &[(String, Value)], recorded: &impl Recorded) -> Result<Verification, EvolveError> {
    let mut check: Option<Check<'_, _>> = None;
    for (key, value) in facts {
        let name = key.split_once(' ').map_or(key.as_str(), |(_, name)| name);
        match (&mut check, name) {
            (None, "begun") if judged_on_folds(value) => return Err(EvolveError::Folds),
            (None, "begun") => check = Some(Check::new(Begun::deserialize(value)?, recorded)),
            (None, _) => break,
            (Some(check), "proposed" | "screened") => check.meet(value)?,
            (Some(check), "duel") => check.opened.push(Opened::deserialize(value)?),
            (Some(check), "verdict") => check.judged(Judged::deserialize(value)?)?,
            (Some(check), "shipped") => check.shipped(&Ship::deserialize(value)?),
            (Some(check), "tripwire") => check.drift_test(&DriftTest::deserialize(value)?)?,
            (Some(check), "pruned") => check.pruned(&Pruning::deserialize(value)?)?,
            (Some(check), "answered") => check.answered(&<(String, Answer)>::deserialize(value)?),
            // Routes are fitted on explore: what they come to is not the judge's.
            (Some(check), "routed") => check.routed = true,
            (Some(check), "ended") => check.ended(&Ended::deserialize(value)?),
            (Some(_), _) => {}
        }
    }
    check.map(|check| check.found).ok_or(EvolveError::NoRun)
}

/// Whether a run began under the rules there were before the one stream of gate groups.
fn judged_on_folds(begun: &Value) -> bool {
    begun["lanes"].as_array().is_some_and(|cohorts| cohorts.iter().any(|cohort| cohort.get("folds").is_some()))
}

impl<'a, R: Recorded> Check<'a, R> {
    fn new(begun: Begun, recorded: &'a R) -> Self {
        let cohort = |cohort: &BegunCohort| Cohort {
            purse: begun.config.purse_of(cohort.alpha),
            gate: GateStream::draw(
                begun.config.seed,
                cohort.gate.iter().map(|planned| planned.group.clone()).collect(),
            ),
            round: 0,
        };
        let cohorts: Vec<Cohort> = begun.cohorts.iter().map(cohort).collect();
        let planned = begun.cohorts.iter().flat_map(|cohort| &cohort.gate);
        let planned = planned.map(|planned| (planned.group.clone(), planned.clone())).collect();
        let pool = Pool::from(begun.initial.clone());
        let variants = pool.variants.keys().map(|name| (name.clone(), begun.variant)).collect();
        let anchor = Standing { pool, id: begun.variant.to_string(), variants };
        let mut found = Verification { certificates: Vec::new(), differs: Vec::new(), ended: false };
        let share = Alpha::new(begun.config.alpha).map(|alpha| alpha.share(begun.cohorts.len() as u64));
        if begun.cohorts.iter().any(|cohort| Ok(cohort.alpha) != share) {
            found.differs.push("its cohorts do not have equal parts of the run's error level".to_owned());
        }
        Self {
            config: begun.config,
            recorded,
            cohorts,
            planned,
            now: anchor.clone(),
            passed_drift: anchor.clone(),
            anchor,
            drift_tests: 0,
            routed: false,
            proposed: BTreeMap::new(),
            opened: Vec::new(),
            proven: None,
            found,
        }
    }

    /// Candidates of a round, by id.
    fn meet(&mut self, fact: &Value) -> Result<(), EvolveError> {
        for list in ["candidates", "tuned", "combined"] {
            let Some(candidates) = fact.get(list) else { continue };
            for candidate in Vec::<Candidate>::deserialize(candidates)? {
                self.proposed.insert(candidate.id, candidate.variant);
            }
        }
        Ok(())
    }

    /// What the purses of these cohorts grant a candidate.
    fn grant(&mut self, scope: &[usize], round: u32) -> Alpha {
        let mut levels = Vec::new();
        for &cohort in scope {
            let Some(cohort) = self.cohorts.get_mut(cohort) else { return Alpha::ZERO };
            if cohort.round < round {
                cohort.round = round;
                cohort.purse.open_round();
            }
            levels.push(cohort.purse.grant());
        }
        levels.into_iter().min().unwrap_or(Alpha::ZERO)
    }

    fn judged(&mut self, judged: Judged) -> Result<(), EvolveError> {
        let candidate = judged.candidate.as_str();
        let gain = self.opened.iter().find(|open| open.test == Test::Gain && open.candidate == candidate);
        let scope = gain.map(|open| open.scope.clone()).unwrap_or_default();
        let granted = self.grant(&scope, judged.round);
        let (gain, thrift) = match self.config.objective {
            Objective::Success => (granted, Alpha::ZERO),
            Objective::Cost | Objective::Latency => halves(granted),
        };
        let Some(new) = self.proposed.get(candidate).copied() else {
            self.found.differs.push(format!("candidate {candidate} was judged and never proposed"));
            return Ok(());
        };
        let old = self.now.clone();
        let mut assignments = Vec::new();
        for (test, certificate) in judged.certificates() {
            let alpha = match test {
                Test::Gain | Test::Drift | Test::Pruned => gain,
                Test::Cheaper | Test::NonInferior => thrift,
                Test::Panel => Alpha::new(self.config.alpha)?,
            };
            let held = Held { round: judged.round, candidate, alpha, new: Some(new), old: &old };
            assignments = self.certificate(test, certificate, &held)?;
        }
        if let Some(seesaw) = &judged.seesaw {
            let mut differs = Vec::new();
            if old.variants.len() == 1 && assignments.len() == 1 {
                // One harness against one: it plays all explore tasks.
                assignments[0].tasks = seesaw.pairs.iter().map(|pair| pair.task.clone()).collect();
                self.pairs(&seesaw.pairs, &assignments, &mut differs);
            }
            if Seesaw::of(seesaw.pairs.clone()) != *seesaw {
                differs.push("its attempts do not give what it says".to_owned());
            }
            self.found.differs.extend(differs.into_iter().map(|why| format!("seesaw of {candidate}: {why}")));
        }
        if judged.ships != judged.deserves(self.config.seesaw) {
            let ships = judged.ships;
            self.found.differs.push(format!("candidate {candidate}: ships is {ships}, its certificates say otherwise"));
        }
        self.proven = Some((judged, scope));
        Ok(())
    }

    /// The groups ahead of these cohorts, and how many of theirs are used up.
    fn ahead(&self, scope: &[usize]) -> Option<(u32, Vec<PlannedGroup>)> {
        let streams: Option<Vec<_>> = scope.iter().map(|&cohort| self.cohorts.get(cohort)?.gate.ahead()).collect();
        let streams = streams?;
        let groups = streams.iter().flat_map(|(_, groups)| groups.iter());
        let groups: Vec<PlannedGroup> = groups.filter_map(|id| self.planned.get(id).cloned()).collect();
        (!groups.is_empty()).then(|| (streams.iter().map(|(used_up, _)| used_up).sum(), groups))
    }

    /// What a test over these cohorts counted is looked at.
    fn look(&mut self, scope: &[usize], certificate: &Certificate) {
        for &cohort in scope {
            if let Some(cohort) = self.cohorts.get_mut(cohort) {
                cohort.gate.look(certificate.counted.iter().map(|outcome| outcome.group.as_str()));
            }
        }
    }

    fn shipped(&mut self, ship: &Ship) {
        let candidate = &ship.candidate.id;
        let mut wrong = |what: &str| self.found.differs.push(format!("ship of {candidate}: {what}"));
        let mut scope = Vec::new();
        match self.proven.take() {
            Some((judged, on)) if judged.ships && judged.candidate == *candidate => {
                scope = on;
                if judged.proof() != &ship.certificate {
                    wrong("its certificate is not the one it was judged by");
                }
            }
            _ => wrong("no verdict lets it ship"),
        }
        match ship.inverse.apply(&ship.harness) {
            Ok(before) if ship.candidate.edit.apply(&before).ok().as_ref() == Some(&ship.harness) => {
                if !self.now.pool.variants.values().any(|harness| *harness == before) {
                    wrong("its inverse does not lead back");
                }
            }
            _ => wrong("its edit and its inverse do not undo each other"),
        }
        if self.proposed.get(candidate) != Some(&ship.candidate.variant) {
            wrong("it is not the variant that was proposed");
        }
        let pool = match &ship.fork {
            Some(cell) => self.now.pool.forked(&ship.variant, ship.harness.clone(), cell.clone()),
            None => {
                let mut pool = self.now.pool.clone();
                pool.variants.insert(ship.variant.clone(), ship.harness.clone());
                pool
            }
        };
        self.now.pool = match &ship.retired {
            Some(name) => pool.retired(name).unwrap_or(pool),
            None => pool,
        };
        self.now.variants.insert(ship.variant.clone(), ship.candidate.variant);
        self.now.variants.retain(|name, _| self.now.pool.variants.contains_key(name));
        self.now.id.clone_from(&ship.certificate.plan.terms.candidate);
        if self.now.pool.variants.len() == 1 && self.now.id != ship.candidate.variant.to_string() {
            self.found.differs.push(format!("ship of {candidate}: it was proven of another harness"));
        }
        self.close(&scope);
    }

    fn drift_test(&mut self, test: &DriftTest) -> Result<(), EvolveError> {
        let alpha = drift_level(Alpha::new(self.config.drift_alpha)?, self.drift_tests);
        self.drift_tests += 1;
        let (round, old) = (test.round, self.anchor.clone());
        let scope = self.opened.iter().find(|open| open.test == Test::Drift).map(|open| open.scope.clone());
        let Some(new) = self.now.variants.values().next().copied() else { return Err(EvolveError::NoRun) };
        let held = Held { round, candidate: "incumbent", alpha, new: Some(new), old: &old };
        self.certificate(Test::Drift, &test.certificate, &held)?;
        if (test.certificate.verdict == Verdict::Accept) != test.back.is_some() {
            self.found.differs.push(format!("drift test of round {round}: a proven drop goes back, nothing else does"));
        }
        let Some(back) = &test.back else {
            self.passed_drift = self.now.clone();
            return Ok(());
        };
        let good = &self.passed_drift;
        let leads = back.edits.iter().all(|(name, edit)| {
            let now = self.now.pool.variants.get(name).and_then(|harness| edit.apply(harness).ok());
            now.is_some() && now.as_ref() == good.pool.variants.get(name)
        });
        if !leads || back.pool != good.pool || back.to.to_string() != good.id {
            let why = "its rollback does not lead to the last state that passed";
            self.found.differs.push(format!("drift test of round {round}: {why}"));
        }
        self.now = self.passed_drift.clone();
        for cohort in scope.unwrap_or_default() {
            if let Some(cohort) = self.cohorts.get_mut(cohort) {
                cohort.purse.end_reign();
                cohort.gate.use_up();
            }
        }
        Ok(())
    }

    /// Taking edits out is proven like a cheaper candidate, at a level of the purse.
    fn pruned(&mut self, pruning: &Pruning) -> Result<(), EvolveError> {
        let Some(certificate) = &pruning.certificate else { return Ok(()) };
        let Some(open) = self.opened.iter().find(|open| open.test == Test::Pruned) else {
            self.found.differs.push("edits were taken out and no test of it was opened".to_owned());
            return Ok(());
        };
        let (round, candidate, scope) = (open.round, open.candidate.clone(), open.scope.clone());
        let (alpha, old) = (self.grant(&scope, round), self.now.clone());
        let held = Held { round, candidate: &candidate, alpha, new: None, old: &old };
        let assignments = self.certificate(Test::Pruned, certificate, &held)?;
        if pruning.pruned && certificate.verdict != Verdict::Accept {
            self.found.differs.push(format!("{candidate}: taken without a proof"));
        }
        if pruning.pruned {
            self.now.id.clone_from(&certificate.plan.terms.candidate);
            let name = candidate.trim_start_matches("pruned ").to_owned();
            if let Some(assignment) = assignments.iter().find(|assignment| assignment.incumbent != assignment.candidate)
            {
                self.now.variants.insert(name, assignment.candidate);
            }
            self.close(&scope);
        }
        Ok(())
    }

    /// A person's word: a declined edit does not ship.
    fn answered(&mut self, (candidate, answer): &(String, Answer)) {
        let declined = |(judged, _): &(Judged, Vec<usize>)| judged.candidate == *candidate && !answer.approved;
        self.proven = self.proven.take().filter(|proven| !declined(proven));
    }

    /// A ship uses up what was looked at of these cohorts.
    fn close(&mut self, scope: &[usize]) {
        for &cohort in scope {
            if let Some(cohort) = self.cohorts.get_mut(cohort) {
                cohort.purse.ship();
                cohort.gate.use_up();
            }
        }
    }

    fn ended(&mut self, ended: &Ended) {
        self.found.ended = true;
        let spent = self.cohorts.iter().fold(Alpha::ZERO, |sum, cohort| sum.plus(cohort.purse.spent()));
        if ended.alpha_spent != spent || Alpha::new(self.config.alpha).is_ok_and(|alpha| spent > alpha) {
            let (stated, found) = (ended.alpha_spent.value(), spent.value());
            self.found.differs.push(format!("the run says that it spent α = {stated}; its tests were granted {found}"));
        }
        if !self.routed && ended.last.to_string() != self.now.id {
            self.found.differs.push("what the run came to is not what its ships lead to".to_owned());
        }
    }
}
