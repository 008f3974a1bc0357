//! An edit: operations that carry what was there before, so that the inverse is mechanical and a stale edit is noticed.
//! Refuses to be applied in part (`apply`).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::change::Place;
use crate::harness::{AdaptRule, ModelSpec, ModuleSpec};
use crate::setting::Setting;

/// Operations in order, each applied to the result of the one before. The empty edit is the identity.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Edit(pub Vec<Op>);

/// One operation with its pre-image. Positions are the id of the neighbour before (`None`: first), never an index: what others
/// insert elsewhere does not shift them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub enum Op {
    /// Adds a module directly after another.
    Insert {
        /// Which list.
        place: Place,
        /// The neighbour before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<String>,
        /// What is added.
        module: ModuleSpec,
    },
    /// Takes a module out.
    Remove {
        /// Which list.
        place: Place,
        /// The neighbour before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<String>,
        /// What is taken out.
        module: ModuleSpec,
    },
    /// Puts one module where another was; the id may change with it.
    Replace {
        /// Which list.
        place: Place,
        /// What was there.
        old: ModuleSpec,
        /// What is there now.
        new: ModuleSpec,
    },
    /// Moves a module within its list.
    Move {
        /// Which list.
        place: Place,
        /// Which one.
        id: String,
        /// The neighbour before it until now.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<String>,
        /// The neighbour before it from now on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<String>,
    },
    /// Sets or unsets one config field.
    Configure {
        /// Which list.
        place: Place,
        /// Which module.
        id: String,
        /// Which field.
        key: String,
        /// The value until now; `None`: not given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        old: Option<Value>,
        /// The value from now on; `None`: not given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        new: Option<Value>,
    },
    /// Changes who serves a role.
    Model {
        /// The role.
        role: String,
        /// Until now.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        old: Option<ModelSpec>,
        /// From now on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        new: Option<ModelSpec>,
    },
    /// Changes a scalar setting.
    Set {
        /// Which.
        key: Setting,
        /// Until now; `None`: an optional one was not set.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        old: Option<Value>,
        /// From now on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        new: Option<Value>,
    },
    /// Adds a mid-task rule.
    InsertRule {
        /// The rule before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<String>,
        /// What is added.
        rule: AdaptRule,
    },
    /// Takes a mid-task rule out.
    RemoveRule {
        /// The rule before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<String>,
        /// What is taken out.
        rule: AdaptRule,
    },
}
