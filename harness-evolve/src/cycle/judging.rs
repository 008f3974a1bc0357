//! From survivors to a ship: whoever is fit and has a place is judged, in order of rank, until one ships.

use evolve_gate::{Alpha, Certificate};

use super::forking::Placed;
use super::run::Run;
use crate::candidate::Candidate;
use crate::critic::wish;
use crate::evaluator::Evaluator;
use crate::judge::{ArmPair, Judged, Test, TrialPlan, Unfit, past};
use crate::ledger::Ledger;
use crate::outcome::{At, Refused, Ship};
use crate::screen::Contender;
use crate::session::{Halt, Stop};
use crate::stages::Stages;
use harness_trace::EpisodeResult;

impl<A: Evaluator, L: Ledger, S: Stages> Run<'_, A, L, S> {
    /// Duels in order of rank until one ships. Whether one did.
    pub(super) async fn gate(
        &mut self,
        round: u32,
        finalists: Vec<Contender>,
        played: &[EpisodeResult],
    ) -> Result<bool, Halt> {
        let mut waiting = finalists.into_iter();
        while let Some(contender) = waiting.next() {
            if let Some(unfit) = self.session.unfit(&contender, &self.incumbent, &self.permissions, played)? {
                self.refuse(round, &contender.candidate, &unfit)?;
                continue;
            }
            let Some(placed) = self.place(&contender).await? else { continue };
            let Some((used_up, groups)) = self.cohorts.ahead(&placed.scope) else { return Ok(false) };
            let alpha = self.cohorts.grant(&placed.scope, round);
            if alpha == Alpha::ZERO {
                return Ok(false);
            }
            let past = past(&self.cohorts.here().explore, played);
            let plan = TrialPlan {
                round,
                arms: ArmPair { incumbent: &self.pool, candidate: &placed.pool },
                scope: &placed.scope,
                ahead: (used_up, self.session.evaluator.planned(&groups)),
                alpha,
                past: &past,
            };
            let (judged, stop) = self.session.judge(&plan, &contender).await?;
            for (test, certificate) in judged.certificates() {
                if test != Test::Panel {
                    self.cohorts.look(&placed.scope, certificate);
                }
            }
            self.session.decide("verdict", &judged)?;
            // One bit, to people too: whoever knew more could put a candidate in while the judge still looks.
            let said = if judged.ships { "proven" } else { "not proven" };
            self.session.say(format!("round {round}: {} — {said}", judged.edit));
            if let Some(summary) = self.rounds.last_mut() {
                summary.judged += 1;
            }
            self.judged.push(judged.clone());
            if let Some(stop) = stop {
                return Err(Halt::Spent(stop));
            }
            if judged.ships && !self.approved(&contender.candidate, &judged, &placed)? {
                self.cohorts.here_mut().rejected.insert(wish(&contender.candidate.changes));
                self.learn(round, &contender.candidate, 0.0, 1.0)?;
                continue;
            }
            if judged.ships {
                let proof = judged.proof().clone();
                self.ship(round, contender.candidate, placed, proof, waiting.map(|left| left.candidate))?;
                return Ok(true);
            }
            self.cohorts.here_mut().rejected.insert(wish(&contender.candidate.changes));
            self.learn(round, &contender.candidate, 0.0, 1.0)?;
        }
        Ok(false)
    }

    /// Whether a proven edit may ship: where a person has the last word, when there is one.
    fn approved(&mut self, candidate: &Candidate, judged: &Judged, placed: &Placed) -> Result<bool, Halt> {
        if !self.session.config.approve {
            return Ok(true);
        }
        let arms = ArmPair { incumbent: &self.pool, candidate: &placed.pool };
        let mut request = self.session.request(&candidate.id, &judged.edit, judged.proof(), arms);
        request.fork = placed.fork.as_ref().map(ToString::to_string);
        let Some(answer) = self.session.ask(&request)? else {
            self.session.say(format!("{} waits for a person", judged.edit));
            return Err(Halt::Paused(Stop::Approval));
        };
        self.session.decide("answered", &(&candidate.id, &answer))?;
        let said = if answer.approved { "approved" } else { "declined" };
        self.session.say(format!("{}: {said} by {}", judged.edit, answer.by));
        if !answer.approved {
            let reason = format!("declined by {}: {}", answer.by, answer.reason);
            let (id, edit) = (candidate.id.clone(), judged.edit.clone());
            self.refused.push(Refused { round: judged.round, candidate: id, edit, at: At::Person, reason });
        }
        self.answers.push((candidate.id.clone(), answer.clone()));
        Ok(answer.approved)
    }

    fn refuse(&mut self, round: u32, candidate: &Candidate, unfit: &Unfit) -> Result<(), Halt> {
        let refused = Refused {
            round,
            candidate: candidate.id.clone(),
            edit: candidate.edit.to_string(),
            at: At::Check,
            reason: unfit.to_string(),
        };
        self.session.decide("unfit", &refused)?;
        self.session.say(format!("round {round}: {} — {unfit}", refused.edit));
        self.refused.push(refused);
        self.learn(round, candidate, 0.0, 1.0)?;
        Ok(())
    }

    fn ship(
        &mut self,
        round: u32,
        candidate: Candidate,
        placed: Placed,
        certificate: Certificate,
        waiting: impl Iterator<Item = Candidate>,
    ) -> Result<(), Halt> {
        self.learn(round, &candidate, 1.0, 0.0)?;
        let ship = Ship {
            round,
            text: candidate.edit.to_string(),
            inverse: candidate.edit.invert(),
            from: self.id(&self.incumbent),
            certificate,
            harness: candidate.harness.clone(),
            variant: placed.name,
            fork: placed.fork,
            retired: placed.retired,
            unlocked: None,
            candidate,
        };
        self.session.decide("shipped", &ship)?;
        let fork = ship.fork.as_ref().map(|cell| format!(" as variant `{}` for {cell}", ship.variant));
        self.session.say(format!("round {round}: shipped {}{}", ship.text, fork.unwrap_or_default()));
        self.pool = placed.pool;
        if let Some(summary) = self.rounds.last_mut() {
            summary.shipped = Some(ship.candidate.id.clone());
        }
        // What they share with the shipped edit is done; who has nothing else to offer does not begin again.
        let rest = waiting.map(|left| {
            let changes: Vec<_> =
                left.changes.into_iter().filter(|change| !ship.candidate.changes.contains(change)).collect();
            Candidate { changes, ..left }
        });
        self.cohorts.here_mut().waiting = rest.filter(|left| !left.changes.is_empty()).collect();
        self.cohorts.ship(&placed.scope);
        self.ships.push(ship);
        Ok(())
    }
}
