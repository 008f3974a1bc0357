//! Tools: something a model may call.

use abi_stable::{
    StableAbi, sabi_trait,
    sabi_trait::TD_Opaque,
    std_types::{RBox, RResult, RStr, RString},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{ModuleError, ToolOutput, ToolSpec, Workspace};

/// A call of a tool, borrowed: a tool has read what it needs of it when its `call` returns.
#[repr(C)]
#[derive(StableAbi, Debug, Clone, Copy)]
pub struct ToolRequest<'a> {
    /// Joins the call to its result.
    pub id: RStr<'a>,
    /// Which of the module's tools.
    pub name: RStr<'a>,
    /// The arguments: a JSON object as text.
    pub arguments: RStr<'a>,
    /// Seed of this very call.
    pub seed: u64,
    /// JSON for what later versions add: [`ToolRequest::workspace`]; empty when there is nothing.
    pub extra: RStr<'a>,
}

/// The JSON of [`ToolRequest::extra`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ToolExtra {
    /// The folder the episode's tools work in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace: Option<Workspace>,
}

impl ToolRequest<'_> {
    /// The arguments as a value.
    ///
    /// # Errors
    ///
    /// When the model wrote arguments that are not JSON.
    pub fn arguments(&self) -> Result<Value, ModuleError> {
        serde_json::from_str(self.arguments.as_str())
            .map_err(|error| ModuleError::input(format_args!("arguments of {} are not JSON: {error}", self.name)))
    }

    /// The folder the episode's tools work in, if it has one.
    ///
    /// # Errors
    ///
    /// When what the host gave is not of this form, which a host of an incompatible version may do.
    pub fn workspace(&self) -> Result<Option<Workspace>, ModuleError> {
        if self.extra.is_empty() {
            return Ok(None);
        }
        let extra: ToolExtra = serde_json::from_str(self.extra.as_str())
            .map_err(|error| ModuleError::fault(format_args!("the host's extra of a call does not parse: {error}")))?;
        Ok(extra.workspace)
    }
}

/// Where a tool call is answered, from any thread.
///
/// Dropped without an answer, it tells the host that the module gave up.
#[sabi_trait]
pub trait RawToolSink: Send {
    /// Whether the host lost interest.
    fn cancelled(&self) -> bool;
    /// The answer, [`ToolOutput`] as JSON; the last call.
    fn finish(self, output: RResult<RString, ModuleError>);
    /// The answer of the most common shape, without JSON; the last call.
    #[sabi(last_prefix_field)]
    fn finish_text(self, text: RString, is_error: bool);
}

/// A sink as a tool receives it.
pub type ToolSink = RawToolSink_TO<'static, RBox<()>>;

/// A tool call's sink out of a host's own type.
pub fn tool_sink(sink: impl RawToolSink + 'static) -> ToolSink {
    RawToolSink_TO::from_value(sink, TD_Opaque)
}

/// A tool as the host sees it.
#[sabi_trait]
pub trait RawTool: Send + Sync {
    /// The tools it offers: a JSON array of [`ToolSpec`].
    fn specs(&self) -> RResult<RString, ModuleError>;
    /// Begins a call.
    #[sabi(last_prefix_field)]
    fn call(&self, request: &ToolRequest<'_>, sink: ToolSink);
}

/// A tool as its author writes it. Calls of one step run in parallel.
///
/// An `Err` is a fault of the tool and ends up in the record as one; what the model should see and mend is an output with `is_error`.
pub trait Tool: Send + Sync + 'static {
    /// The tools it offers.
    fn specs(&self) -> Vec<ToolSpec>;

    /// Answers a call, blocking for as long as it takes.
    ///
    /// # Errors
    ///
    /// Of class `input` for what the model should see and mend; any other ends the episode.
    fn call(&self, request: &ToolRequest<'_>, sink: &ToolSink) -> Result<ToolOutput, ModuleError>;

    /// Begins a call; by default runs [`Tool::call`] here.
    fn start(&self, request: &ToolRequest<'_>, sink: ToolSink) {
        match crate::kit::guarded(|| self.call(request, &sink)) {
            RResult::ROk(output) if output.cost_micros == 0 => sink.finish_text(output.text.into(), output.is_error),
            RResult::ROk(output) => sink.finish(RResult::ROk(crate::kit::json(&output))),
            RResult::RErr(error) => sink.finish(RResult::RErr(error)),
        }
    }
}
