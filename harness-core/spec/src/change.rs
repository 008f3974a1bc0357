//! What someone wants done to a harness, without saying what was there before: the form people, evolvers and `[[adapt]]` rules
//! write. Resolving it against a harness gives the `Op`, or says why it cannot.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::harness::{AdaptRule, Config, ModelSpec};
use crate::reference::ModuleRef;
use crate::setting::Setting;
use crate::vocabulary::{Vocabulary, vocabulary};

vocabulary! {
    /// Which of the two lists of modules.
    #[derive(Default)]
    Place: "place" {
        /// The processors.
        #[default]
        Processor = "processor",
        /// The tools.
        Tool = "tool",
    }
}

/// Where in a list. In files: `first`, `last`, or `after ID`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Position {
    /// Before all others.
    First,
    /// After all others.
    #[default]
    Last,
    /// Directly after the module of that id.
    After(String),
}

impl TryFrom<String> for Position {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.as_str() {
            "first" => Ok(Self::First),
            "last" => Ok(Self::Last),
            other => match other.strip_prefix("after ") {
                Some(id) if crate::reference::valid_name(id.trim()) => Ok(Self::After(id.trim().to_owned())),
                _ => Err(format!("`{other}` is not a position; write `first`, `last` or `after ID`")),
            },
        }
    }
}

impl From<Position> for String {
    fn from(position: Position) -> Self {
        position.to_string()
    }
}

/// One wish.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub enum Change {
    /// Add a module.
    Insert {
        /// Which list.
        #[serde(default)]
        place: Place,
        /// The module.
        #[serde(rename = "use")]
        module: ModuleRef,
        /// Its id; `None`: the module's name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<String>,
        /// Its config.
        #[serde(default, skip_serializing_if = "Config::is_empty")]
        config: Config,
        /// Where.
        #[serde(default)]
        at: Position,
    },
    /// Take a module out.
    Remove {
        /// Which list.
        #[serde(default)]
        place: Place,
        /// Which one.
        id: String,
    },
    /// Put another module in its place, under the same id.
    Replace {
        /// Which list.
        #[serde(default)]
        place: Place,
        /// Which one.
        id: String,
        /// By which module.
        #[serde(rename = "use")]
        module: ModuleRef,
        /// With which config; the old one is not kept.
        #[serde(default, skip_serializing_if = "Config::is_empty")]
        config: Config,
    },
    /// Move a module within its list.
    Move {
        /// Which list.
        #[serde(default)]
        place: Place,
        /// Which one.
        id: String,
        /// Where to.
        at: Position,
    },
    /// Set or unset one config field.
    Configure {
        /// Which list.
        #[serde(default)]
        place: Place,
        /// Which module.
        id: String,
        /// Which field.
        key: String,
        /// To what; `None`: back to the default.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        value: Option<Value>,
    },
    /// Give a role a model, or none.
    Model {
        /// The role.
        role: String,
        /// The model; `None`: the role is no longer served.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        model: Option<ModelSpec>,
    },
    /// Set a scalar setting.
    Set {
        /// Which.
        key: Setting,
        /// To what; `None`: back to the default.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        value: Option<Value>,
    },
    /// Add a mid-task rule after all others. Of a whole harness only: a rule cannot make rules.
    Adapt {
        /// The rule.
        rule: AdaptRule,
    },
    /// Take a mid-task rule out. Of a whole harness only.
    Unadapt {
        /// Which one.
        id: String,
    },
}
