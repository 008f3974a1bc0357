//! The blueprint: a harness as data and the algebra of its edits
