//! The engine on a simulated model (random weights), the pack through its interface, and both on the real
//! weights where this machine has them.

mod bits;
mod common;
mod files;
mod pack;
mod real;
mod replies;
