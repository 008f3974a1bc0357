//! The blueprint: a harness as data and the algebra of its edits. Refuses IO, clocks and models: every function here takes values
//! and text and gives values and text.
//!
//! `harness.toml` ⇔ [`Harness`] → canonical form → [`VariantId`]; [`Change`] → [`Op`] → [`Edit`], applied whole or not at all.

mod apply;
mod canonical;
mod catalogue;
mod change;
mod check;
mod compose;
mod diff;
mod display;
mod edit;
mod field;
mod file;
mod harness;
mod inner;
mod key;
mod lock;
mod manifest;
mod manifest_parse;
mod nearest;
mod order;
mod parse;
mod policy;
mod pool;
mod print;
mod reference;
mod resolve;
mod setting;
mod table;
mod vocabulary;

pub use apply::{EditError, EditProblem};
pub use canonical::{VariantId, VariantIdError};
pub use catalogue::{Catalogue, Entry, LookupError};
pub use change::{Change, Place, Position};
pub use check::{AdmitError, SpecError, SpecProblem, check};
pub use diff::diff;
pub use edit::{Edit, Op};
pub use file::FileError;
pub use harness::{AdaptRule, Budget, Condition, Config, Fallback, Harness, ModelSpec, ModuleSpec, Sampling};
pub use key::{PublicKey, PublicKeyError};
pub use lock::{Lock, LockedPack, LockedTool};
pub use manifest::{FailureCategory, Field, Module, Pack, PackManifest, Sign};
pub use nearest::nearest;
pub use order::{HookOrder, resolve_order};
pub use policy::{PackPolicy, Policy, Publisher};
pub use pool::{Cell, Features, ONLY, Pool, PoolError, Route, words};
pub use print::PrintError;
pub use reference::{ModuleRef, NameError, Version, valid_name};
pub use setting::Setting;
pub use table::{ParseError, Problem};
pub use vocabulary::{ActionMode, Capability, Dimension, FieldType, Isolation, Order, Permission, Vocabulary};
