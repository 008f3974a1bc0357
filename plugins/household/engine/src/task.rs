//! The six kinds of household task, recognised from what a goal asks for.

use std::fmt;
use std::str::FromStr;

/// The kind of a task, under the names ALFRED gave them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TaskType {
    /// Put an object somewhere.
    PickAndPlace,
    /// Hold an object under a lit lamp.
    LookInLight,
    /// Clean an object, then put it somewhere.
    CleanAndPlace,
    /// Heat an object, then put it somewhere.
    HeatAndPlace,
    /// Cool an object, then put it somewhere.
    CoolAndPlace,
    /// Put two objects of a kind somewhere.
    PickTwo,
}

impl TaskType {
    /// All six.
    pub const ALL: [Self; 6] = [
        Self::PickAndPlace,
        Self::LookInLight,
        Self::CleanAndPlace,
        Self::HeatAndPlace,
        Self::CoolAndPlace,
        Self::PickTwo,
    ];

    /// The name used in task folders.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::PickAndPlace => "pick_and_place_simple",
            Self::LookInLight => "look_at_obj_in_light",
            Self::CleanAndPlace => "pick_clean_then_place_in_recep",
            Self::HeatAndPlace => "pick_heat_then_place_in_recep",
            Self::CoolAndPlace => "pick_cool_then_place_in_recep",
            Self::PickTwo => "pick_two_obj_and_place",
        }
    }

    /// The type whose goal mentions these predicates; `two` if it tells two objects apart.
    pub(crate) fn from_goal(mentions: impl Fn(&str) -> bool, two: bool) -> Option<Self> {
        Some(match () {
            () if mentions("isclean") => Self::CleanAndPlace,
            () if mentions("ishot") => Self::HeatAndPlace,
            () if mentions("iscool") => Self::CoolAndPlace,
            () if mentions("istoggled") => Self::LookInLight,
            () if two => Self::PickTwo,
            () if mentions("inreceptacle") => Self::PickAndPlace,
            () => return None,
        })
    }
}

impl fmt::Display for TaskType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is none of the six.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a household task type; expected one of pick_and_place_simple, look_at_obj_in_light, pick_clean_then_place_in_recep, pick_heat_then_place_in_recep, pick_cool_then_place_in_recep, pick_two_obj_and_place"
)]
pub struct UnknownTaskType(pub String);

impl FromStr for TaskType {
    type Err = UnknownTaskType;
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|t| t.name() == name).ok_or_else(|| UnknownTaskType(name.to_owned()))
    }
}
