//! The optimizer: digests traces, plans, proposes edits over what is installed, screens them, has them judged, ships.
//!
//! [`evolve`] runs it in an [`Evaluator`], keeping every decision in a [`Ledger`] before it takes effect.

pub mod meta;
pub mod report;

mod approval;
mod attribution;
mod best_of;
mod candidate;
mod categories;
mod census;
mod claims;
mod config;
mod controls;
mod critic;
mod cycle;
mod digest;
mod directions;
mod error;
mod evaluator;
mod events;
mod experience;
mod integrity;
mod judge;
mod landscape;
mod leak;
mod ledger;
mod outcome;
mod planner;
mod propose;
mod reading;
mod repair;
mod routing;
mod screen;
mod session;
mod stages;
mod track;
mod values;
mod verify;

pub use approval::{Answer, Request, answer, pending};
pub use attribution::{Attribution, Interaction, Pruning, Share};
pub use best_of::BestOf;
pub use candidate::{Candidate, EditKind, Manifest, Origin, Signature};
pub use categories::{Categories, Category, LOOP, STANDSTILL, Shown, passed};
pub use census::Census;
pub use config::{EvolveConfig, Objective, SeesawRule};
pub use controls::{Arm, Extent, Measured, Measurement, Role, Score, measure};
pub use critic::{AuditCritic, Critic, Known, Objection};
pub use cycle::{DECISIONS, evolve};
pub use digest::{Anchor, Digester, EpisodeDigest, Note, TaskDigest, TraceDigester, Traces, active_modules};
pub use error::EvolveError;
pub use evaluator::{Arrival, Evaluator, EvaluatorError, Played, Rollout};
pub use events::{Clock, Event, Observer, Phase, Stopwatch};
pub use judge::{Judged, Test, Thrift, Unfit};
pub use landscape::{Cluster, Landscape, Posterior, Trials};
pub use leak::Words;
pub use ledger::{Ledger, Memory};
pub use outcome::{At, Evolution, Refused, Rollback, Round, Ship, Wire};
pub use planner::{Direction, LandscapePlanner, Planner, View};
pub use propose::{CatalogueEvolver, Evolver};
pub use routing::{Routing, Seen, Tally};
pub use screen::Screened;
pub use session::{Meter, Stop};
pub use stages::{Deterministic, Stages};
pub use track::{Hits, Predictions, Track, Trial, Worn};
pub use verify::{Checked, Recorded, Verification, verify};
