//! Cheap checks of a survivor that need no statistics. Refuses what cannot be what was screened, before money is spent.

use std::collections::BTreeSet;

use evolve_gate::Outcome;
use harness_spec::{Harness, Permission};
use serde::{Deserialize, Serialize};

use crate::arena::{Arena, ArenaError, Played};
use crate::digest::active_modules;
use crate::error::EvolveError;
use crate::ledger::Ledger;
use crate::screen::Contender;
use crate::session::{Halt, Session};

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
}
