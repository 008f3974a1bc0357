//! The plugin ABI: what module packs compile against, and the only crate that names `abi_stable`.
//!
//! A pack is a shared library that exports modules of five kinds — [`Processor`], [`Tool`], [`Model`], [`Environment`],
//! [`Grader`] — with [`export_pack!`]. Authors write the plain traits named here; the `Raw…` traits are what crosses
//! the plugin ABI. No tokio, HTTP or SQL ever enters this crate.
//!
//! **Growth.** A released layout never changes, it is only appended to: trait methods with default bodies, prefix fields
//! ([`Pack`], [`Message`]), variants of the non-exhaustive enums ([`Part`], [`Decision`], [`Ask`], [`Answer`]), and
//! the `extra` JSON of plain structs, which are frozen. Numbers such as [`ErrorClass`] and hook codes may take new values.
#![allow(
    non_local_definitions,
    non_camel_case_types,
    clippy::unnecessary_cast,
    reason = "what abi_stable's derives expand to"
)]

#[doc(hidden)]
pub use abi_stable;

mod admit;
pub mod boxed;
mod c;
mod context;
mod decision;
mod environment;
mod error;
mod hook;
#[doc(hidden)]
pub mod kit;
mod message;
mod message_json;
mod model;
mod pack;
mod processor;
pub mod records;
mod tool;

/// Types of fixed layout that appear in this interface.
pub mod stable {
    pub use abi_stable::std_types::{RBox, ROption, RResult, RSlice, RStr, RString, RVec};
}

pub use admit::{ROOT_SYMBOL, Relation, admit};
pub use c::{C_SYMBOL, CPack, admit_c};
pub use context::*;
pub use decision::*;
pub use environment::*;
pub use error::{ErrorClass, ModuleError};
pub use hook::{Hook, Kind};
pub use message::*;
pub use model::*;
pub use pack::*;
pub use processor::*;
pub use records::*;
pub use tool::*;

/// The version of this interface.
pub const ABI_VERSION: &str = env!("CARGO_PKG_VERSION");
