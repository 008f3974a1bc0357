//! Which mid-task rules fired.

use serde::{Deserialize, Serialize};

/// Which rules fired, and which is looked at next.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Rules {
    pub fired: Vec<bool>,
    /// The rule that is looked at next.
    pub rule: usize,
    /// The slots of the present plan whose instances are new.
    pub fresh: Vec<bool>,
}

impl Rules {
    pub fn new(rules: usize) -> Self {
        Self { fired: vec![false; rules], ..Self::default() }
    }

    pub fn is_empty(&self) -> bool {
        self.fired.is_empty()
    }
}
