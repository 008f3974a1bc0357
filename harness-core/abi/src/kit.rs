//! The adapters between what authors write and what crosses the plugin ABI: panic guard, JSON, configuration.

use std::{
    cell::{Cell, RefCell},
    mem::ManuallyDrop,
    ops::{Deref, DerefMut},
    panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook},
    sync::Once,
};

use abi_stable::{
    sabi_trait::TD_Opaque,
    std_types::{RResult, RSlice, RStr, RString, RVec},
};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    Action, ChatRequest, ChatSink, ContextRef, Cx, Decision, Environment, EnvironmentBox, Event, Grader, GraderBox,
    Hook, Message, Model, ModelBox, ModuleError, Outcome, Processor, ProcessorBox, RawEnvironment, RawGrader, RawModel,
    RawProcessor, RawTool, ScoreRequest, ScoreSink, Stop, StoredDecision, Task, TaskQuery, Tool, ToolBox, ToolRequest,
    ToolSink,
};
use crate::{
    environment::{RawEnvironment_TO, RawGrader_TO},
    model::RawModel_TO,
    processor::RawProcessor_TO,
    tool::RawTool_TO,
};

/// A value as JSON text. The record types of this crate always serialise; a value that does not becomes `null`, which no reader accepts.
pub fn json(value: &impl Serialize) -> RString {
    serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned()).into()
}

/// Runs `body` behind a panic barrier: a panic becomes an error that carries its place and message.
///
/// Every pack has its own copy of the standard library, so the hook set here is the pack's and not the host's.
///
/// # Errors
///
/// The error of `body`, or one of class `fault` that carries message and place of its panic.
pub fn guarded<T>(body: impl FnOnce() -> Result<T, ModuleError>) -> RResult<T, ModuleError> {
    static HOOK: Once = Once::new();
    HOOK.call_once(quiet_hook);
    // One look-up of the thread's own memory per call: in a shared library each costs a function call.
    DEPTH.with(|depth| {
        depth.set(depth.get() + 1);
        let outcome = catch_unwind(AssertUnwindSafe(body));
        depth.set(depth.get() - 1);
        match outcome {
            Ok(Ok(value)) => RResult::ROk(value),
            Ok(Err(error)) => RResult::RErr(error),
            Err(payload) => RResult::RErr(panicked(payload)),
        }
    })
}

thread_local! {
    /// How many guards this thread stands in.
    static DEPTH: Cell<u32> = const { Cell::new(0) };
    /// Place and message of the last panic caught.
    static LAST: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Keeps panics below a guard quiet and remembers them; others are none of ours, and a linked pack shares the hook with
/// its host.
fn quiet_hook() {
    let previous = take_hook();
    set_hook(Box::new(move |info| {
        let guarded = DEPTH.try_with(|depth| depth.get() > 0).unwrap_or(false);
        if !guarded || LAST.try_with(|last| last.replace(Some(info.to_string()))).is_err() {
            previous(info);
        }
    }));
}

#[cold]
fn panicked(payload: Box<dyn std::any::Any + Send>) -> ModuleError {
    std::mem::forget(payload); // dropping a payload may panic itself
    let message = LAST.with(RefCell::take).unwrap_or_else(|| "panicked".to_owned());
    ModuleError::fault(message.replace('\n', " "))
}

/// Reads a module's configuration and builds it; used by `export_pack!`.
fn build<C, M, B>(
    config: RStr<'_>,
    constructor: impl FnOnce(C) -> Result<M, ModuleError>,
    wrap: impl FnOnce(M) -> B,
) -> RResult<B, ModuleError>
where
    C: DeserializeOwned,
{
    guarded(|| {
        let text = if config.is_empty() { "{}" } else { config.as_str() };
        let config = serde_json::from_str(text).map_err(ModuleError::config)?;
        Ok(wrap(constructor(config)?))
    })
}

/// A module, whose destructor is behind a panic barrier too: a panic that leaves it would end the process. Nobody can be told
/// of it, so the panic hook says it.
struct Kept<M>(ManuallyDrop<M>);

impl<M> Kept<M> {
    fn new(module: M) -> Self {
        Self(ManuallyDrop::new(module))
    }
}

impl<M> Deref for Kept<M> {
    type Target = M;

    fn deref(&self) -> &M {
        &self.0
    }
}

impl<M> DerefMut for Kept<M> {
    fn deref_mut(&mut self) -> &mut M {
        &mut self.0
    }
}

impl<M> Drop for Kept<M> {
    fn drop(&mut self) {
        // SAFETY: it is dropped here and nowhere else, and this value is not used again.
        let dropped = catch_unwind(AssertUnwindSafe(|| unsafe { ManuallyDrop::drop(&mut self.0) }));
        if let Err(payload) = dropped {
            std::mem::forget(payload); // dropping a payload may panic itself
        }
    }
}

struct ProcessorAdapter<P>(Kept<P>);

impl<P: Processor> RawProcessor for ProcessorAdapter<P> {
    fn on(&mut self, hook: u32, cx: &ContextRef<'_>) -> RResult<RVec<StoredDecision>, ModuleError> {
        guarded(|| {
            let cx = Cx::new(cx);
            match ask(&mut *self.0, hook, &cx)? {
                Ok(decisions) if decisions.is_empty() => Ok(RVec::new()),
                Ok(decisions) => Ok(decisions.into_iter().map(StoredDecision::new).collect()),
                Err(Stop::Failed(error)) => Err(error),
                Err(Stop::Pending) => {
                    let questions = cx.into_pending();
                    Ok(RVec::from(vec![StoredDecision::new(Decision::Ask { questions })]))
                }
            }
        })
    }
}

/// Each event is made where it is used: one that came about in pieces elsewhere would be copied, and the copy would
/// wait for the pieces, on every call of every hook.
#[inline]
fn ask<P: Processor>(processor: &mut P, hook: u32, cx: &Cx<'_>) -> Result<Outcome, ModuleError> {
    Ok(match Hook::from_code(hook) {
        Some(Hook::TaskStart) => processor.on(cx, Event::TaskStart),
        Some(Hook::StepStart) => processor.on(cx, Event::StepStart),
        Some(Hook::BeforeModel) => processor.on(cx, Event::BeforeModel),
        Some(Hook::AfterModel) => processor.on(cx, Event::AfterModel { response: cx.response().ok_or_else(missing)? }),
        Some(Hook::BeforeTool) => processor.on(cx, Event::BeforeTool { call: cx.call().ok_or_else(missing)? }),
        Some(Hook::AfterTool) => {
            let (call, result) = (cx.call().ok_or_else(missing)?, cx.result().ok_or_else(missing)?);
            processor.on(cx, Event::AfterTool { call, result })
        }
        Some(Hook::StepEnd) => processor.on(cx, Event::StepEnd),
        Some(Hook::TaskEnd) => processor.on(cx, Event::TaskEnd { outcome: cx.outcome() }),
        None => return Err(ModuleError::unsupported(format_args!("hook number {hook} is newer than this pack"))),
    })
}

#[cold]
fn missing() -> ModuleError {
    ModuleError::fault("the host called a hook without what the hook is about")
}

struct ToolAdapter<T>(Kept<T>);

impl<T: Tool> RawTool for ToolAdapter<T> {
    fn specs(&self) -> RResult<RString, ModuleError> {
        guarded(|| Ok(json(&self.0.specs())))
    }

    fn call(&self, request: &ToolRequest<'_>, sink: ToolSink) {
        // A panic drops the sink, which tells the host.
        let _ = guarded(|| {
            self.0.start(request, sink);
            Ok(())
        });
    }
}

struct ModelAdapter<M>(Kept<M>);

impl<M: Model> RawModel for ModelAdapter<M> {
    fn info(&self) -> RResult<RString, ModuleError> {
        guarded(|| Ok(json(&self.0.info())))
    }

    fn chat(&self, request: &ChatRequest<'_>, sink: ChatSink) {
        let _ = guarded(|| {
            self.0.start_chat(request, sink);
            Ok(())
        });
    }

    fn score(&self, request: ScoreRequest, sink: ScoreSink) {
        let _ = guarded(|| {
            self.0.start_score(&request, sink);
            Ok(())
        });
    }
}

struct EnvironmentAdapter<E>(Kept<E>);

impl<E: Environment> RawEnvironment for EnvironmentAdapter<E> {
    fn tasks(&mut self, query: RStr<'_>) -> RResult<RString, ModuleError> {
        guarded(|| Ok(json(&self.0.tasks(&serde_json::from_str::<TaskQuery>(query.as_str())?)?)))
    }

    fn reset(&mut self, task: RStr<'_>, seed: u64) -> RResult<RString, ModuleError> {
        guarded(|| Ok(json(&self.0.reset(&serde_json::from_str::<Task>(task.as_str())?, seed)?)))
    }

    fn step(&mut self, action: RStr<'_>) -> RResult<RString, ModuleError> {
        guarded(|| Ok(json(&self.0.step(&serde_json::from_str::<Action>(action.as_str())?)?)))
    }

    fn state(&mut self) -> RResult<RString, ModuleError> {
        guarded(|| Ok(json(&self.0.state()?)))
    }

    fn oracle(&mut self, task: RStr<'_>) -> RResult<RString, ModuleError> {
        guarded(|| Ok(json(&self.0.oracle(&serde_json::from_str::<Task>(task.as_str())?)?)))
    }
}

struct GraderAdapter<V>(Kept<V>);

impl<V: Grader> RawGrader for GraderAdapter<V> {
    fn grade(&self, task: RStr<'_>, state: RStr<'_>, history: RSlice<'_, Message>) -> RResult<RString, ModuleError> {
        guarded(|| {
            let task = serde_json::from_str(task.as_str())?;
            let state = serde_json::from_str(state.as_str())?;
            Ok(json(&self.0.grade(&task, &state, history.as_slice())?))
        })
    }
}

/// Builds a processor; used by `export_pack!`.
#[doc(hidden)]
pub fn processor<C: DeserializeOwned, P: Processor>(
    config: RStr<'_>,
    constructor: impl FnOnce(C) -> Result<P, ModuleError>,
) -> RResult<ProcessorBox, ModuleError> {
    build(config, constructor, |module| RawProcessor_TO::from_value(ProcessorAdapter(Kept::new(module)), TD_Opaque))
}

/// Builds a tool; used by `export_pack!`.
#[doc(hidden)]
pub fn tool<C: DeserializeOwned, T: Tool>(
    config: RStr<'_>,
    constructor: impl FnOnce(C) -> Result<T, ModuleError>,
) -> RResult<ToolBox, ModuleError> {
    build(config, constructor, |module| RawTool_TO::from_value(ToolAdapter(Kept::new(module)), TD_Opaque))
}

/// Builds a model; used by `export_pack!`.
#[doc(hidden)]
pub fn model<C: DeserializeOwned, M: Model>(
    config: RStr<'_>,
    constructor: impl FnOnce(C) -> Result<M, ModuleError>,
) -> RResult<ModelBox, ModuleError> {
    build(config, constructor, |module| RawModel_TO::from_value(ModelAdapter(Kept::new(module)), TD_Opaque))
}

/// Builds an environment; used by `export_pack!`.
#[doc(hidden)]
pub fn environment<C: DeserializeOwned, E: Environment>(
    config: RStr<'_>,
    constructor: impl FnOnce(C) -> Result<E, ModuleError>,
) -> RResult<EnvironmentBox, ModuleError> {
    build(config, constructor, |module| RawEnvironment_TO::from_value(EnvironmentAdapter(Kept::new(module)), TD_Opaque))
}

/// Builds a grader; used by `export_pack!`.
#[doc(hidden)]
pub fn grader<C: DeserializeOwned, V: Grader>(
    config: RStr<'_>,
    constructor: impl FnOnce(C) -> Result<V, ModuleError>,
) -> RResult<GraderBox, ModuleError> {
    build(config, constructor, |module| RawGrader_TO::from_value(GraderAdapter(Kept::new(module)), TD_Opaque))
}
