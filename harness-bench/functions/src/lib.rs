//! The function-calling benchmark: tasks in the format of the Berkeley Function Calling Leaderboard
//! (BFCL), the graders that mark an answer, and the way the data gets onto a machine.
//!
//! It marks single-turn Python-style tasks. The Java, JavaScript, multi-turn and agentic
//! categories of the same package are refused by name rather than marked wrongly.

pub mod check;
pub mod data;
pub mod environment;
mod error;
pub mod graders;
mod lines;
mod oracle;
mod pack;
pub mod payload;
pub mod pull;
pub mod reply;
mod row;
pub mod schema;
pub mod task;
mod written;

pub use check::{Mismatch, Naming, check_ast, check_choice};
pub use data::{Dataset, Origin};
pub use error::{DataError, LineFault};
pub use oracle::oracle_calls;
pub use pack::{MANIFEST, pack};
pub use task::{Call, Category, FunctionTask, GoldCall, Message, Role};
