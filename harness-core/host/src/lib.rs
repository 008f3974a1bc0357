//! The doorman: finds packs, inspects them without running them, verifies and loads them, and brings up their modules.
//!
//! Admission: read once → ELF checks → manifest → sha256 against the lock, if there is one → private copy named by its
//! content → dynamic linker → layouts compared both ways → catalogue. Never runs a byte of a file it has not checked;
//! never unloads.

mod elf;
mod error;
mod host;
mod inspect;
mod isolation;
mod load;
mod model;
mod search;
pub mod testing;

pub use error::{HostError, Refusal};
pub use harness_spec::Lock;
pub use host::{Host, HostBuilder, Resolved};
pub use inspect::{Inspected, inspect};
pub use isolation::Isolation;
pub use model::LoadedModel;
pub use search::search_path;
