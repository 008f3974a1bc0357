//! The exam: suites, their splits, the resumable runner and what it measured.
//!
//! What is sealed reaches nobody but the verifier, once; every look at it is counted.

mod audit;
mod exam;
mod judge;
mod play;
mod runner;
mod scored;
mod secrets;
mod source;
mod suite;
mod summary;
mod verifiers;

pub use audit::{Audit, Finding, audit};
pub use exam::{Exam, ExamError, Ground, split_name};
pub use judge::Judge;
pub use runner::{Job, Player, RunError, Runner, digest};
pub use scored::Scored;
pub use suite::{Evolve, Marker, Most, Part, Splits, Suite, SuiteError, Use, hear};
pub use summary::Summary;
