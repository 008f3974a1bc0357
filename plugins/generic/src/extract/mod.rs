//! Values out of a request: the spans of it that could be one, and which of them a parameter wants. Rules for English text; no model.

pub mod dates;
pub mod fill;
pub mod numbers;
pub mod spans;
