//! What a module says when it cannot do what it was asked.

use abi_stable::{StableAbi, std_types::RString};

/// The class of an error: it decides whether a host retries, falls back or gives up.
///
/// A number, not an enum, so that newer packs may use classes an older host does not know (it treats them as [`ErrorClass::FAULT`]).
#[repr(transparent)]
#[derive(StableAbi, Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct ErrorClass(pub u32);

impl ErrorClass {
    /// A bug in the module: a panic, a broken invariant.
    pub const FAULT: Self = Self(1);
    /// The module's configuration is wrong.
    pub const CONFIG: Self = Self(2);
    /// What it was given is wrong: a malformed action, a task that does not parse.
    pub const INPUT: Self = Self(3);
    /// Something it needs is not there now; trying again later may help.
    pub const UNAVAILABLE: Self = Self(4);
    /// Too many requests; see [`ModuleError::retry_after_ms`].
    pub const RATE_LIMITED: Self = Self(5);
    /// It took too long.
    pub const TIMEOUT: Self = Self(6);
    /// It cannot do this at all: an output constraint it does not know, an operation it lacks.
    pub const UNSUPPORTED: Self = Self(7);
    /// The host asked it to stop.
    pub const CANCELLED: Self = Self(8);

    /// The name used in traces.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CONFIG => "config",
            Self::INPUT => "input",
            Self::UNAVAILABLE => "unavailable",
            Self::RATE_LIMITED => "rate_limited",
            Self::TIMEOUT => "timeout",
            Self::UNSUPPORTED => "unsupported",
            Self::CANCELLED => "cancelled",
            _ => "fault",
        }
    }

    /// Whether the same request may succeed later.
    pub const fn is_transient(self) -> bool {
        matches!(self, Self::UNAVAILABLE | Self::RATE_LIMITED | Self::TIMEOUT)
    }
}

/// An error of a module: what failed, with which value, and what to do.
#[repr(C)]
#[derive(StableAbi, Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ModuleError {
    /// Its class.
    pub class: ErrorClass,
    /// How long to wait before trying again, in milliseconds; 0 when unknown.
    pub retry_after_ms: u64,
    /// The message, for a person.
    pub message: RString,
    /// JSON for what later versions add; empty now.
    pub extra: RString,
}

impl ModuleError {
    /// An error of `class`.
    pub fn new(class: ErrorClass, message: impl std::fmt::Display) -> Self {
        Self { class, retry_after_ms: 0, message: message.to_string().into(), extra: RString::new() }
    }

    /// A wrong configuration.
    pub fn config(message: impl std::fmt::Display) -> Self {
        Self::new(ErrorClass::CONFIG, message)
    }

    /// A wrong input.
    pub fn input(message: impl std::fmt::Display) -> Self {
        Self::new(ErrorClass::INPUT, message)
    }

    /// A bug.
    pub fn fault(message: impl std::fmt::Display) -> Self {
        Self::new(ErrorClass::FAULT, message)
    }

    /// Something the module cannot do.
    pub fn unsupported(message: impl std::fmt::Display) -> Self {
        Self::new(ErrorClass::UNSUPPORTED, message)
    }
}

impl std::fmt::Display for ModuleError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.message, self.class.name())
    }
}

impl std::error::Error for ModuleError {}

impl From<serde_json::Error> for ModuleError {
    fn from(error: serde_json::Error) -> Self {
        Self::input(format_args!("not the JSON expected here: {error}"))
    }
}
