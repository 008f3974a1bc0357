//! The record as its users see it: what goes in comes out, whatever happens in between.

mod samples;
mod store;
