//! What a task is: a conversation, the functions on offer, and the calls that count as right.
//!
//! A task keeps its function documents exactly as the data file wrote them, because the markers
//! read BFCL's own type names (`dict`, `float`, `tuple`, `any`); see [`crate::schema`] for the
//! JSON Schema form a model is shown.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A category of the benchmark. The name is the one in the data's file names and task ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Category {
    /// One function on offer, one call wanted.
    SimplePython,
    /// Two to four functions, one call wanted.
    Multiple,
    /// One function, several calls wanted.
    Parallel,
    /// Several functions, several calls wanted.
    ParallelMultiple,
    /// As `SimplePython`, contributed by users.
    LiveSimple,
    /// As `Multiple`, contributed by users: up to 37 functions.
    LiveMultiple,
    /// As `Parallel`, contributed by users.
    LiveParallel,
    /// As `ParallelMultiple`, contributed by users.
    LiveParallelMultiple,
    /// No function fits: the right answer is no call.
    Irrelevance,
    /// As `Irrelevance`, contributed by users.
    LiveIrrelevance,
    /// Some function fits: any call is right, the arguments are not marked.
    LiveRelevance,
}

/// How the answers of a category are marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marking {
    /// One call against the first function on offer.
    Single,
    /// One call against the function the gold answer names.
    Chosen,
    /// Several calls in any order.
    Unordered,
    /// No call.
    None,
    /// At least one call.
    Any,
}

impl Category {
    /// Every category, in the order of the leaderboard's tables.
    pub const ALL: [Category; 11] = [
        Category::SimplePython,
        Category::Multiple,
        Category::Parallel,
        Category::ParallelMultiple,
        Category::LiveSimple,
        Category::LiveMultiple,
        Category::LiveParallel,
        Category::LiveParallelMultiple,
        Category::Irrelevance,
        Category::LiveIrrelevance,
        Category::LiveRelevance,
    ];

    /// The name used in file names and ids, such as `live_multiple`.
    pub fn name(self) -> &'static str {
        match self {
            Category::SimplePython => "simple_python",
            Category::Multiple => "multiple",
            Category::Parallel => "parallel",
            Category::ParallelMultiple => "parallel_multiple",
            Category::LiveSimple => "live_simple",
            Category::LiveMultiple => "live_multiple",
            Category::LiveParallel => "live_parallel",
            Category::LiveParallelMultiple => "live_parallel_multiple",
            Category::Irrelevance => "irrelevance",
            Category::LiveIrrelevance => "live_irrelevance",
            Category::LiveRelevance => "live_relevance",
        }
    }

    /// How answers are marked.
    pub fn marking(self) -> Marking {
        match self {
            Category::SimplePython | Category::LiveSimple => Marking::Single,
            Category::Multiple | Category::LiveMultiple => Marking::Chosen,
            Category::Parallel
            | Category::ParallelMultiple
            | Category::LiveParallel
            | Category::LiveParallelMultiple => Marking::Unordered,
            Category::Irrelevance | Category::LiveIrrelevance => Marking::None,
            Category::LiveRelevance => Marking::Any,
        }
    }

    /// Whether users contributed the tasks.
    pub fn is_live(self) -> bool {
        self.name().starts_with("live_")
    }

    /// Whether tasks of this category come with gold calls.
    pub fn has_gold(self) -> bool {
        !matches!(self.marking(), Marking::None | Marking::Any)
    }
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A category name nobody here can mark.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no category {0:?} (known: {known})", known = known_names())]
pub struct UnknownCategory(pub String);

fn known_names() -> String {
    Category::ALL.map(Category::name).join(", ")
}

impl FromStr for Category {
    type Err = UnknownCategory;

    /// Accepts the names of [`Category::name`], and `simple` for `simple_python`.
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        if name == "simple" {
            return Ok(Category::SimplePython);
        }
        Category::ALL
            .into_iter()
            .find(|category| category.name() == name)
            .ok_or_else(|| UnknownCategory(name.to_owned()))
    }
}

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Instructions set before the conversation.
    System,
    /// The person asking.
    User,
    /// An earlier reply of the assistant (some live tasks quote one).
    Assistant,
}

/// One message of a task's conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said.
    pub content: String,
}

/// One call as an agent made it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// The function's name as called.
    pub name: String,
    /// The arguments; anything but an object is marked wrong.
    pub arguments: Value,
}

/// One call of a gold answer.
#[derive(Debug, Clone, PartialEq)]
pub struct GoldCall {
    /// The function's name as the function document writes it.
    pub name: String,
    /// For each parameter the values that count as right, in file order; `""` among them means
    /// that the parameter may be left out.
    pub accepted: Map<String, Value>,
}

impl GoldCall {
    /// Reads `{function: {parameter: [accepted values]}}`; `None` for any other shape.
    pub(crate) fn read(call: Map<String, Value>) -> Option<Self> {
        let mut entries = call.into_iter();
        let (name, Value::Object(accepted)) = entries.next()? else {
            return None;
        };
        let shaped = entries.next().is_none() && accepted.values().all(Value::is_array);
        shaped.then_some(Self { name, accepted })
    }
}

/// One task of the benchmark.
#[derive(Debug, Clone, PartialEq)]
pub struct FunctionTask {
    /// The task's id, such as `live_multiple_3-2-0`.
    pub id: String,
    /// Where it belongs.
    pub category: Category,
    /// Tasks that stand or fall together: those about the same functions. Unique across
    /// categories, such as `live_multiple/2`; a task with a plain id is its own group.
    pub group: String,
    /// The conversation up to the point where the agent answers.
    pub messages: Vec<Message>,
    /// The function documents on offer, verbatim.
    pub functions: Vec<Value>,
    /// The right calls; empty where [`Category::has_gold`] says no.
    pub gold: Vec<GoldCall>,
}

impl FunctionTask {
    /// The document of the function called `name`, if it is on offer.
    pub fn function(&self, name: &str) -> Option<&Value> {
        self.functions.iter().find(|function| function.get("name").and_then(Value::as_str) == Some(name))
    }

    /// The names on offer, in file order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.functions.iter().filter_map(|function| function.get("name").and_then(Value::as_str))
    }
}
