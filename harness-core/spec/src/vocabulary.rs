//! Closed lists of names used in manifests and harness files. Refuses any name outside its list; what is open (pack names, roles,
//! failure categories) is a plain string elsewhere.

use harness_abi::{Hook, Kind};
use serde::{Deserialize, Serialize};

/// A closed list of names: what a reader needs to parse one and to name its neighbours in an error.
pub trait Vocabulary: Copy + 'static {
    /// What one member is, for error texts: "hook", "permission".
    const WHAT: &'static str;

    /// Every member, in documentation order.
    fn all() -> &'static [Self];

    /// The member's name in files.
    fn name(self) -> &'static str;

    /// The member of that name.
    fn from_name(name: &str) -> Option<Self> {
        Self::all().iter().copied().find(|m| m.name() == name)
    }
}

macro_rules! vocabulary {
    ($(#[$meta:meta])* $name:ident: $what:literal { $($(#[$vmeta:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$vmeta])* #[serde(rename = $text)] $variant,)+
        }

        impl Vocabulary for $name {
            const WHAT: &'static str = $what;

            fn all() -> &'static [Self] {
                &[$(Self::$variant,)+]
            }

            fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}
pub(crate) use vocabulary;

vocabulary! {
    /// The behavioural dimension a module belongs to (HarnessX, nine dimensions).
    Dimension: "dimension" {
        /// Model selection.
        D1 = "D1",
        /// Context assembly.
        D2 = "D2",
        /// Memory.
        D3 = "D3",
        /// Tools.
        D4 = "D4",
        /// Execution environment.
        D5 = "D5",
        /// Evaluation and reward.
        D6 = "D6",
        /// Control and safety.
        D7 = "D7",
        /// Observability.
        D8 = "D8",
        /// Training bridge.
        D9 = "D9",
    }
}

vocabulary! {
    /// Where a processor stands among those of its hook, before its place in the list counts.
    Order: "order" {
        /// Before all normal ones.
        Pre = "pre",
        /// The default.
        Normal = "normal",
        /// After all normal ones.
        Post = "post",
    }
}

vocabulary! {
    /// What a module may do beyond computing on its arguments.
    Permission: "permission" {
        /// Read or write files.
        Fs = "fs",
        /// Open connections.
        Net = "net",
        /// Read the process environment.
        Env = "env",
        /// Start processes.
        Exec = "exec",
        /// Ask the host for model calls.
        Model = "model",
    }
}

vocabulary! {
    /// Where a pack's code runs.
    #[derive(Default)]
    Isolation: "isolation" {
        /// Inside this process: as fast as it gets, and trusted with everything.
        InProcess = "in-process",
        /// In a child process that may do what its permissions say: the default.
        #[default]
        Process = "process",
    }
}

impl Isolation {
    /// Whether it is a child process.
    pub fn is_process(&self) -> bool {
        *self == Self::Process
    }
}

vocabulary! {
    /// What a model can do, and what a module may need of it.
    Capability: "capability" {
        /// Tool definitions in, tool calls out.
        Tools = "tools",
        /// Output constrained by a JSON schema.
        JsonSchema = "json_schema",
        /// Output constrained by a grammar.
        Grammar = "grammar",
        /// Output constrained to one of the given strings.
        Choice = "choice",
        /// Log-probabilities of what it wrote.
        Logprobs = "logprobs",
        /// log p(completion | prompt) of given strings.
        Score = "score",
        /// Scores under plain text, without a chat template.
        Completion = "completion",
        /// Token ids of what it read and wrote.
        TokenIds = "token_ids",
    }
}

vocabulary! {
    /// The type of a config field (a subset of JSON Schema's).
    FieldType: "type" {
        /// Text.
        String = "string",
        /// A whole number, 64 bits, signed.
        Integer = "integer",
        /// Any finite number.
        Number = "number",
        /// true or false.
        Boolean = "boolean",
        /// A list of anything.
        Array = "array",
        /// A table of anything.
        Object = "object",
        /// A whole harness, as a table: an episode of it answers the tool's calls.
        Harness = "harness",
    }
}

vocabulary! {
    /// How the environment's action reaches it. The default lets a model without tool calling play first class.
    #[derive(Default)]
    ActionMode: "action" {
        /// The model's reply is the action: no tool calling is needed.
        #[default]
        Reply = "reply",
        /// A tool call is the action.
        Tool = "tool",
    }
}

impl Vocabulary for Hook {
    const WHAT: &'static str = "hook";

    fn all() -> &'static [Self] {
        &Self::ALL
    }

    fn name(self) -> &'static str {
        Self::name(self)
    }
}

impl Vocabulary for Kind {
    const WHAT: &'static str = "kind";

    fn all() -> &'static [Self] {
        &[Self::Processor, Self::Tool, Self::Model, Self::Environment, Self::Grader]
    }

    fn name(self) -> &'static str {
        match self {
            Self::Processor => "processor",
            Self::Tool => "tool",
            Self::Model => "model",
            Self::Environment => "environment",
            Self::Grader => "grader",
        }
    }
}
