//! Behaviour of the function-calling exam: data reading, marking, fetching.

mod checking;
mod official;
mod pulling;
mod reading;
mod support;
