//! Processors: what answers the lifecycle hooks.

use abi_stable::{
    sabi_trait,
    std_types::{RBox, RResult, RVec},
};

use crate::{Call, ContextRef, Cx, Decision, Message, ModuleError, StoredDecision};

/// A processor as the host sees it.
#[sabi_trait]
pub trait RawProcessor: Send {
    /// Answers hook `hook` (`Hook::code`); an empty list is *pass*.
    #[sabi(last_prefix_field)]
    fn on(&mut self, hook: u32, cx: &ContextRef<'_>) -> RResult<RVec<StoredDecision>, ModuleError>;
}

/// A processor as the host holds it.
pub type ProcessorBox = RawProcessor_TO<'static, RBox<()>>;

/// What a hook is about.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Event<'a> {
    /// The task begins.
    TaskStart,
    /// A step begins.
    StepStart,
    /// The request is ready: see the context's history, visible tools, constraint.
    BeforeModel,
    /// The response came.
    AfterModel {
        /// The response.
        response: &'a Message,
    },
    /// A tool call is ready.
    BeforeTool {
        /// The call.
        call: Call<'a>,
    },
    /// A tool result came.
    AfterTool {
        /// The call.
        call: Call<'a>,
        /// The result.
        result: &'a Message,
    },
    /// The step is done.
    StepEnd,
    /// The task is done.
    TaskEnd {
        /// Why it ended.
        outcome: &'a str,
    },
}

/// Why a hook did not come to a decision.
#[derive(Debug)]
pub enum Stop {
    /// It asked a model and will be called again with the answer. Made by [`Cx::chat`] and [`Cx::score`]; pass it on with `?`.
    Pending,
    /// It failed.
    Failed(ModuleError),
}

impl<E: Into<ModuleError>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// What a hook answers: decisions in order; none is *pass*.
pub type Outcome = Result<Vec<Decision>, Stop>;

/// Nothing to change.
///
/// # Errors
///
/// None; the type is what [`Processor::on`] returns.
pub const fn pass() -> Outcome {
    Ok(Vec::new())
}

/// A processor as its author writes it. One instance per episode, so no state leaks between runs; a closure will do.
///
/// It is called only for the hooks its manifest names.
pub trait Processor: Send + 'static {
    /// Answers an event.
    ///
    /// # Errors
    ///
    /// It failed, which ends the episode as a fault; or it waits for a model, which `?` passes on.
    fn on(&mut self, cx: &Cx<'_>, event: Event<'_>) -> Outcome;
}

impl<F> Processor for F
where
    F: FnMut(&Cx<'_>, Event<'_>) -> Outcome + Send + 'static,
{
    fn on(&mut self, cx: &Cx<'_>, event: Event<'_>) -> Outcome {
        self(cx, event)
    }
}
