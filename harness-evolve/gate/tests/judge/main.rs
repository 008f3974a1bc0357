//! The judge's promises, as tests: no false ships beyond α, real gains found, order and resumption without effect.
#![expect(clippy::unwrap_used, reason = "helpers of tests are not seen as tests")]

mod laws;
mod parts;
mod placebo;
mod plain;
mod second;
