//! The benchmark: suites, their splits, the resumable runner and what it measured.
//!
//! What is sealed reaches nobody but the grader, once; every look at it is counted.

mod audit;
mod benchmark;
mod finding;
mod graders;
pub mod looks;
mod model_grader;
mod module_use;
mod play;
mod rules;
mod runner;
mod secrets;
mod source;
mod spelling;
mod suite;
mod summary;

pub use audit::{Audit, audit};
pub use benchmark::{Benchmark, BenchmarkError, EnvironmentBinding, Selection};
pub use finding::Finding;
pub use harness_trace::Split;
pub use model_grader::ModelGrader;
pub use module_use::Use;
pub use rules::RuleScore;
pub use runner::{Player, RunError, Runner, digest};
pub use source::digest_of_tasks;
pub use spelling::Spelling;
pub use suite::{Evolve, GraderSpec, Most, Part, Splits, Suite, SuiteError, fuzz};
pub use summary::Summary;
