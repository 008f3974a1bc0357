//! The benchmark: suites, their splits, the resumable runner and what it measured.
//!
//! What is sealed reaches nobody but the grader, once; every look at it is counted.

mod audit;
mod benchmark;
mod graders;
mod model_grader;
mod play;
mod runner;
mod scored;
mod secrets;
mod source;
mod spelling;
mod suite;
mod summary;

pub use audit::{Audit, Finding, audit};
pub use benchmark::{Benchmark, BenchmarkError, Ground, split_name};
pub use model_grader::ModelGrader;
pub use runner::{Job, Player, RunError, Runner, digest};
pub use scored::Scored;
pub use spelling::Spelling;
pub use suite::{Evolve, GraderSpec, Most, Part, Splits, Suite, SuiteError, Use, fuzz};
pub use summary::Summary;
