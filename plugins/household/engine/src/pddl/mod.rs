//! The planning side of a game file: domain (types, predicates, actions) and problem (objects,
//! initial facts, goal). Reads the subset household games use: typing, and/or/not/exists/forall,
//! conditional effects; numeric fluents are skipped because they change nothing a player sees.

mod condition;
mod domain;
mod problem;
mod sexpr;

pub(crate) use condition::{Conjunction, Dnf, Literal, MAX_ARITY, Term};
pub(crate) use domain::{Domain, PredicateId, TypeId};
pub(crate) use problem::{Entities, EntityId, Problem};
pub(crate) use sexpr::{Sexpr, Source};
