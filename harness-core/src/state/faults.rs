//! How an episode ends: what is a fault of the harness, what lies outside it, what stopped it.

use harness_abi::{Hook, ModuleError};
use harness_trace::{Entry, Outcome};

use super::{
    ending::{Ending, TOLD_TO_STOP},
    phase::Phase,
    value::EpisodeState,
};
use crate::wait::Stopped;

impl EpisodeState {
    /// A module failed: outside the harness where its error is transient, else as a part of it. Recorded, and the episode ends.
    pub(super) fn failed(&mut self, hook: Option<Hook>, module: &str, error: &ModuleError) {
        if error.class.is_transient() {
            self.infrastructure(hook, module, error);
        } else {
            self.fault(hook, module, error);
        }
    }

    /// A module failed or broke a contract: recorded, and the episode ends.
    pub(super) fn fault(&mut self, hook: Option<Hook>, module: &str, error: &ModuleError) {
        self.note_fault(hook, module, error);
        if hook.is_some() {
            self.broken = Some(module.to_owned());
        }
        self.end(Outcome::Fault, format!("{module}: {}", error.message));
    }

    /// Something outside the harness failed: recorded, and the episode ends.
    pub(super) fn infrastructure(&mut self, hook: Option<Hook>, module: &str, error: &ModuleError) {
        self.note_fault(hook, module, error);
        self.end(Outcome::Infrastructure, format!("{module}: {}", error.message));
    }

    /// Records a failure that does not end the episode by itself.
    pub(super) fn note_fault(&mut self, hook: Option<Hook>, module: &str, error: &ModuleError) {
        self.journal.push(Entry::Fault {
            hook,
            module: module.to_owned(),
            class: error.class.name().to_owned(),
            message: error.message.to_string(),
        });
    }

    /// Waiting ended without an answer: so does the episode.
    pub(super) fn stopped(&mut self, why: Stopped) {
        match why {
            Stopped::Cancelled => self.end(Outcome::Cancelled, TOLD_TO_STOP),
            Stopped::OutOfTime => {
                let seconds = self.limits.micros / 1_000_000;
                self.end(Outcome::Budget, format!("{seconds} s of wall clock are used"));
            }
        }
    }

    /// The episode ends: task_end is still to come. The first ending stands, but a failure at task_end replaces it.
    pub(super) fn end(&mut self, outcome: Outcome, reason: impl Into<String>) {
        self.asking = None;
        match self.phase {
            Phase::TaskEnd => {
                self.cursor += 1;
                if outcome == Outcome::Fault {
                    self.ending = Some(Ending::new(outcome, reason.into()));
                }
            }
            Phase::Abandon => {}
            phase if phase > Phase::TaskEnd => {}
            _ => {
                self.ending.get_or_insert_with(|| Ending::new(outcome, reason.into()));
                let at_work = self.turn.is_at_work();
                self.turn.clear();
                self.enter(if at_work { Phase::Abandon } else { Phase::TaskEnd });
            }
        }
    }

    /// The episode ends here, and no processor is called for it: none has begun, or all were called at task_end.
    pub(super) fn abort(&mut self, outcome: Outcome, module: &str, error: &ModuleError) {
        self.note_fault(None, module, error);
        self.close_as(outcome, format!("{module}: {}", error.message));
    }

    /// Replaces how the episode ended; all that remains is to record it.
    pub(super) fn close_as(&mut self, outcome: Outcome, reason: impl Into<String>) {
        self.ending = Some(Ending::new(outcome, reason.into()));
        self.enter(Phase::LastRecord);
    }
}
