//! The workshop: digests traces, plans, proposes edits over what is installed, screens them, has them judged, ships.
//!
//! [`evolve`] runs it in an [`Arena`], keeping every decision in a [`Ledger`] before it takes effect.

pub mod report;

mod arena;
mod candidate;
mod categories;
mod config;
mod controls;
mod critic;
mod cycle;
mod digest;
mod error;
mod events;
mod judge;
mod landscape;
mod ledger;
mod outcome;
mod planner;
mod propose;
mod screen;
mod session;
mod stages;

pub use arena::{Arena, ArenaError, Played, Rollout};
pub use candidate::{Candidate, EditKind, Manifest, Origin, Signature};
pub use categories::{Category, LOOP, STANDSTILL, Shown, classify, passed};
pub use config::EvolveConfig;
pub use controls::{Arm, Extent, Measured, Measurement, Role, Score, measure};
pub use critic::{AuditCritic, Critic, Known, Objection};
pub use cycle::{DECISIONS, evolve};
pub use digest::{Anchor, Digester, TaskDigest, TraceDigester, active_modules};
pub use error::EvolveError;
pub use events::{Clock, Event, Observer, Phase, Stopwatch};
pub use judge::{Judged, Unfit};
pub use landscape::{Cluster, Landscape, Posterior, Trials};
pub use ledger::{Ledger, Memory};
pub use outcome::{At, Evolution, Refused, Round, Ship};
pub use planner::{Direction, LandscapePlanner, Planner, View};
pub use propose::{CatalogueEvolver, Evolver};
pub use screen::Screened;
pub use session::{Meter, Stop};
pub use stages::{Deterministic, Stages};
