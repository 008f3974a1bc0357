//! The pack's modules, driven as a host drives them.

mod compaction;
mod manifest;
mod modules;
mod skills;
mod support;
