//! D7, control: what keeps an episode on its way and its replies readable.

pub mod budget_guard;
pub mod lenient_json;
pub mod loop_guard;
pub mod output_constraint;
pub mod parse_repair;
pub mod reading;
