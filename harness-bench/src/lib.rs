//! The exam: suites, their splits, the resumable runner and what it measured.
//!
//! What is sealed reaches nobody but the verifier, once; every look at it is counted.

mod exam;
mod suite;
mod verifiers;

pub use exam::{Exam, ExamError, split_name};
pub use suite::{Splits, Suite, SuiteError, Use};
