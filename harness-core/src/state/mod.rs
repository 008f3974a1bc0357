//! An episode as a value: it says what must be done next, is told what came of it, and decides everything on the way. Pure: it
//! reads no clock, does no IO and calls no module; time is an argument, seeds are derived from the episode's. It can be saved and
//! restored between any two effects.
//!
//! [`value`] is the state itself and [`steps`] goes from one effect to the next. `decisions` is what processors may change (the merge
//! law), `calls` whose a tool call is and how calls are performed, `models` how a model is asked and what stands in for it,
//! `questions` what processors ask, `adaptation` the mid-task rules, `environment`, `inner` and `grade` what lies outside the harness,
//! `faults` how an episode ends. The other files are the types that the state is made of; they know nothing of it.

mod adaptation;
mod asking;
mod calls;
mod chat;
mod decisions;
mod ending;
mod environment;
mod environment_state;
mod faults;
mod grade;
mod grading;
mod hooks;
mod inner;
mod journal;
mod models;
mod phase;
mod questions;
mod rules;
mod steps;
mod turn;
mod value;

pub(crate) use value::{Bindings, EpisodeState, Opening, Setup};
