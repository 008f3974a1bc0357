//! The drift test: every few ships, the present pool against the harness the run began with, on groups nothing was decided
//! on yet; a proven drop goes back to the last state that passed. Refuses to spend the error budget of ships on it.

use std::collections::BTreeMap;

use evolve_gate::{Alpha, Verdict, drift_level};
use harness_spec::{Edit, Pool, diff};

use super::run::Run;
use crate::evaluator::Evaluator;
use crate::judge::{ArmPair, Test};
use crate::ledger::Ledger;
use crate::outcome::{DriftTest, Rollback};
use crate::session::Halt;
use crate::stages::Stages;

impl<A: Evaluator, L: Ledger, S: Stages> Run<'_, A, L, S> {
    /// Tests for drift when enough was shipped since the last time. Each ship was proven, but on groups of its own and with
    /// an error level: this looks at all of them together. A rollback uses up the groups it was decided on.
    pub(super) async fn drift_test(&mut self, round: u32) -> Result<(), Halt> {
        let config = self.session.config;
        let since = self.ships.len() - self.passed_drift.1;
        if config.drift_every == 0 || since < config.drift_every as usize || self.pool == self.anchor {
            return Ok(());
        }
        let scope: Vec<usize> =
            (0..self.cohorts.all.len()).filter(|&cohort| self.cohorts.ahead(&[cohort]).is_some()).collect();
        let Some((used_up, groups)) = self.cohorts.ahead(&scope) else { return Ok(()) };
        let groups = (used_up, self.session.evaluator.planned(&groups));
        let alpha = drift_level(Alpha::new(config.drift_alpha)?, self.drift_tests.len() as u32);
        let (anchor, pool) = (self.anchor.clone(), self.pool.clone());
        let arms = ArmPair { incumbent: &anchor, candidate: &pool };
        let (certificate, stop) =
            self.session.test((round, "incumbent"), Test::Drift, alpha, (&scope, &groups), arms).await?;
        self.cohorts.look(&scope, &certificate);
        let (good, ships) = self.passed_drift.clone();
        let dropped = certificate.verdict == Verdict::Accept;
        let back = dropped.then(|| Rollback {
            edits: way_back(&pool, &good),
            to: good.id(self.session.evaluator.catalogue()),
            pool: good.clone(),
            undone: self.ships.iter().skip(ships).map(|ship| ship.candidate.id.clone()).collect(),
        });
        let test = DriftTest { round, certificate, back };
        self.session.decide("tripwire", &test)?;
        let n = test.certificate.groups;
        self.session.say(match &test.back {
            Some(back) => {
                let edits: Vec<String> = back.edits.values().map(Edit::to_string).collect();
                format!("round {round}: the drift test proves a drop on {n} groups; rolled back: {}", edits.join("; "))
            }
            None => format!("round {round}: the drift test proves no drop, n = {n} groups"),
        });
        self.drift_tests.push(test);
        if let Some(stop) = stop {
            return Err(Halt::Spent(stop));
        }
        self.passed_drift.1 = self.ships.len();
        if dropped {
            self.pool = good;
            self.cohorts.roll_back(&scope);
        } else {
            self.passed_drift.0 = pool;
        }
        Ok(())
    }
}

/// What leads each variant of `good` back to what it was.
fn way_back(now: &Pool, good: &Pool) -> BTreeMap<String, Edit> {
    let both = good.variants.iter().filter_map(|(name, then)| Some((name, now.variants.get(name)?, then)));
    both.filter(|(_, now, then)| now != then).map(|(name, now, then)| (name.clone(), diff(now, then))).collect()
}
