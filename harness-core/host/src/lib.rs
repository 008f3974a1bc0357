//! The plugin host: finds packs, inspects them without running them, verifies and loads them, and brings up their modules.
//!
//! Admission: read once → ELF checks → manifest → sha256 against the lock, if there is one → signature → policy → private copy named by its
//! content → dynamic linker → layouts compared both ways → catalogue. Never runs a byte of a file it has not checked;
//! never unloads.

mod admit;
mod child;
mod consent;
mod decisions;
mod elf;
mod error;
mod find;
mod host;
mod inspect;
mod installed;
mod load;
mod model;
mod pack_root;
mod per_key;
mod search;
mod shown;
mod sign;
pub mod testing;

pub use admit::Trust;
#[doc(hidden)]
pub use child::fuzz;
pub use child::{
    ChildSettings, ServeError, is_lost,
    quarantine::{QuarantineError, QuarantineFiles, Quarantined, read as quarantined, release},
    serve,
};
pub use consent::{Consent, Starting};
pub use decisions::decisions;
pub use error::{HostError, Refusal};
pub use harness_spec::{Isolation, Lock, Policy};
pub use host::{Host, HostBuilder, Resolved};
pub use inspect::{Inspected, inspect, manifest};
pub use model::LoadedModel;
pub use search::search_path;
pub use shown::Shown;
pub use sign::{Signer, signature_path, signer};
