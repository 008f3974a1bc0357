//! The calls of a turn: whose each is, what refuses it, in which order they are performed. Tools of the harness work side by side,
//! the environment performs one action after another, results enter the history in call order.

use harness_abi::{Action, ErrorClass, Message, ModuleError, ToolOutput};
use harness_trace::Entry;
use serde::de::IgnoredAny;
use serde_json::{Map, Value, json};

use super::{
    phase::Phase,
    turn::{Progress, ToolCall},
    value::EpisodeState,
};
use crate::{
    completed_calls::CompletedCall,
    effect::{CallFailure, Effect, ToolCallInput},
    seed,
    toolbox::Owner,
};

/// The name of the synthetic call that stands for a reply that is itself the action.
const ACT: &str = "act";

/// What becomes of a call.
enum Route {
    /// The model is told why it cannot be.
    Refused(String),
    /// The environment performs it.
    Environment(Action),
    /// The harness's tool of this index works on it.
    Tool(usize),
    /// The caller's.
    Caller,
}

impl EpisodeState {
    /// A call as it stands in a message, or one that stands for its text.
    pub(super) fn new_call(&self, id: &str, name: &str, arguments: &str) -> ToolCall {
        ToolCall {
            id: id.to_owned(),
            name: name.to_owned(),
            arguments: if arguments.is_empty() { "{}".to_owned() } else { arguments.to_owned() },
            act: self.replies_act() && name == ACT,
            cursor: 0,
            progress: Progress::New,
            delegates: false,
            result: None,
            began: None,
            micros: 0,
        }
    }

    /// The response has passed after_model; none is left: on to the turn.
    pub(super) fn leave_after_model(&mut self) {
        match self.turn.response() {
            Some(_) => self.turn.accept_response(),
            None => self.enter(Phase::Turn),
        }
    }

    /// A response has passed after_model: it enters the history, and its calls go on.
    pub(super) fn begin_turn(&mut self, message: Message) {
        let mut calls: Vec<_> = message.calls().map(|call| self.new_call(call.id, call.name, call.arguments)).collect();
        if calls.is_empty() && self.replies_act() {
            let arguments = json!({ "action": message.text() }).to_string();
            calls.push(self.new_call(&format!("{ACT}-{}", self.step), ACT, &arguments));
        }
        self.push(message);
        if !calls.is_empty() {
            self.turn.begin_checking(calls);
            self.enter(Phase::BeforeTool);
        }
    }

    /// The call has passed before_tool, or has its result; none is left: on to the tools.
    pub(super) fn leave_before_tool(&mut self) {
        match self.turn.checked() {
            Some(_) => self.turn.accept_call(),
            None => self.enter(Phase::Tools),
        }
    }

    /// The next thing to be done for the calls of the turn. None is left: on to after_tool.
    pub(super) fn perform_calls(&mut self) -> Option<Effect> {
        while let Some(call) = self.turn.first(|progress| *progress == Progress::New) {
            if let Some(effect) = self.begin_call(call) {
                return Some(effect);
            }
        }
        // Those that a harness answers only say what it is asked: it begins while the others work.
        if let Some(call) = self.turn.first(|progress| matches!(progress, Progress::Asked { .. })) {
            if let Some(inner) = self.inner_episode(call) {
                return Some(Effect::StartEpisode(inner));
            }
            self.fault(None, "engine", &ModuleError::fault("a call was handed to a harness that is not there"));
            return None;
        }
        let delegating = |progress: &Progress| matches!(progress, Progress::Delegating { .. });
        let working = |progress: &Progress| matches!(progress, Progress::Working { .. });
        if let Some(call) = self.turn.first(delegating).or_else(|| self.turn.first(working)) {
            return Some(Effect::AwaitTool { call, time_left: self.time_left() });
        }
        if self.turn.first(|progress| matches!(progress, Progress::Inside { .. })).is_some() {
            return Some(Effect::AwaitEpisode);
        }
        self.turn.close(self.is_environment_done());
        self.enter(Phase::AfterTool);
        None
    }

    /// Begins a call, or gives it its result where nothing needs to be done.
    fn begin_call(&mut self, index: usize) -> Option<Effect> {
        let call = self.turn.calls().get(index)?;
        let since = self.elapsed;
        match self.route(call) {
            Route::Refused(text) => {
                self.signals.parse_failure();
                self.answer(index, text, true, None, 0);
                None
            }
            Route::Caller => self.stands(index, Progress::Left),
            Route::Environment(_) if self.is_environment_done() => self.stands(index, Progress::Left),
            Route::Environment(action) => {
                self.stands(index, Progress::Acting { since });
                Some(Effect::Act { action, time_left: self.time_left() })
            }
            Route::Tool(tool) => self.begin_tool(index, tool),
        }
    }

    fn stands(&mut self, index: usize, progress: Progress) -> Option<Effect> {
        if let Some(call) = self.turn.call_mut(index) {
            call.progress = progress;
        }
        None
    }

    fn begin_tool(&mut self, index: usize, tool: usize) -> Option<Effect> {
        let module = self.plan.tools.get(tool)?.clone();
        // Counted whether or not it is performed again: numbers are the same when the episode is resumed.
        self.delegated += u64::from(module.harness.is_some());
        let call = self.turn.calls().get(index)?;
        if let Some(done) = CompletedCall::take(&mut self.completed, self.step, &call.name, &call.arguments) {
            self.answer(index, done.text, done.is_error, None, done.micros);
            return None;
        }
        let since = self.elapsed;
        let delegates = module.harness.is_some();
        let progress = match delegates {
            true => Progress::Delegating { since, number: self.delegated },
            false => Progress::Working { since },
        };
        let input = ToolCallInput {
            call: index,
            tool,
            id: call.id.clone(),
            name: call.name.clone(),
            arguments: call.arguments.clone(),
            seed: seed::derive(self.meta.seed, self.step, index as u64, &module.id),
            extra: self.tool_extra.clone(),
            module,
        };
        if let Some(call) = self.turn.call_mut(index) {
            (call.progress, call.delegates) = (progress, delegates);
        }
        Some(Effect::StartTool(input))
    }

    /// Whose a call is. Refuses tools that are unknown or not shown, and arguments that are no JSON object.
    fn route(&self, call: &ToolCall) -> Route {
        let object = |problem: String| {
            Route::Refused(format!("The arguments of `{}` must be a JSON object: {problem}.", call.name))
        };
        if call.act {
            let action = serde_json::from_str::<Map<String, Value>>(&call.arguments).ok();
            return match action.as_ref().and_then(|action| action.get("action")).and_then(Value::as_str) {
                Some(text) => Route::Environment(Action::Text { text: text.to_owned() }),
                None => object("it must hold the text `action`".to_owned()),
            };
        }
        let shown = match &self.request.visible {
            Some(names) => names.as_slice(),
            None => self.tools.shown(),
        };
        let owner = shown.iter().any(|name| *name == call.name).then(|| self.tools.owner(&call.name)).flatten();
        match owner {
            None if shown.is_empty() => {
                Route::Refused(format!("There is no tool `{}`; there are no tools.", call.name))
            }
            None => {
                let names: Vec<&str> = shown.iter().map(|name| name.as_str()).collect();
                Route::Refused(format!("There is no tool `{}`. The tools are: {}.", call.name, names.join(", ")))
            }
            Some(owner @ (Owner::Harness(_) | Owner::Caller)) => {
                match serde_json::from_str::<IgnoredAny>(&call.arguments) {
                    Ok(_) if call.arguments.trim_start().starts_with('{') => match owner {
                        Owner::Harness(tool) => Route::Tool(tool),
                        _ => Route::Caller,
                    },
                    Ok(_) => object("they are JSON of another kind".to_owned()),
                    Err(error) => object(error.to_string()),
                }
            }
            Some(Owner::Environment) => match serde_json::from_str::<Value>(&call.arguments) {
                Ok(arguments) if arguments.is_object() => {
                    Route::Environment(Action::Call { name: call.name.clone(), arguments })
                }
                Ok(_) => object("they are JSON of another kind".to_owned()),
                Err(error) => object(error.to_string()),
            },
        }
    }

    pub(super) fn answer(&mut self, index: usize, text: String, is_error: bool, began: Option<u64>, micros: u64) {
        if let Some(call) = self.turn.call_mut(index) {
            call.answer(text, is_error, began, micros);
        }
    }

    /// The environment performed the action that is under way.
    pub(super) fn answer_action(&mut self, text: String, refused: bool) {
        let acting = self.turn.first(|progress| matches!(progress, Progress::Acting { .. }));
        let Some(call) = acting.and_then(|index| self.turn.call_mut(index)) else { return };
        if let Progress::Acting { since } = call.progress {
            call.answer(text, refused, Some(since), self.elapsed.saturating_sub(since));
        }
    }

    /// A tool gave its output. Arguments that it cannot take are the model's to mend; any other failure ends the episode.
    pub(super) fn tool_answered(&mut self, index: usize, output: Result<ToolOutput, CallFailure>) {
        let Some(progress) = self.turn.calls().get(index).map(|call| &call.progress) else { return };
        let (since, delegated) = match *progress {
            Progress::Working { since } => (since, None),
            Progress::Delegating { since, number } => (since, Some(number)),
            _ => return,
        };
        let micros = self.elapsed.saturating_sub(since);
        match output {
            Ok(output) => {
                self.spent.add_tool(output.cost_micros);
                match delegated {
                    Some(number) if !output.is_error => {
                        let asked = Progress::Asked { since, number, task: output.text };
                        self.stands(index, asked);
                    }
                    _ => self.answer(index, output.text, output.is_error, Some(since), micros),
                }
            }
            Err(CallFailure::Failed(error)) if error.class == ErrorClass::INPUT => {
                self.answer(index, error.message.into(), true, Some(since), micros);
            }
            Err(CallFailure::Failed(error)) => {
                let module = self.owner_of(index);
                self.failed(None, &module, &error);
            }
            Err(CallFailure::Stopped(why)) => self.stopped(why),
        }
    }

    /// The id of the tool that performs a call.
    pub(super) fn owner_of(&self, index: usize) -> String {
        let owner = self.turn.calls().get(index).and_then(|call| self.tools.owner(&call.name));
        match owner {
            Some(Owner::Harness(tool)) => self.plan.tools.get(tool).map_or_else(String::new, |tool| tool.id.clone()),
            _ => String::new(),
        }
    }

    /// The result has passed after_tool; none is left: the turn is closed.
    pub(super) fn leave_after_tool(&mut self) {
        match self.turn.shown() {
            Some(_) => {
                self.turn.accept_result();
                self.cursor = 0;
            }
            None => self.close_turn(),
        }
    }

    /// The results have passed after_tool: they enter the history in call order.
    fn close_turn(&mut self) {
        let watched = self.watched();
        for call in self.turn.take_calls() {
            let Some(result) = call.result else { continue };
            let is_error = result.is_error();
            if watched {
                self.signals.action(&call.name, &call.arguments);
                self.signals.observation(&result.text(), is_error);
            }
            if call.act {
                self.push(Message::user(result.text()));
                continue;
            }
            self.journal.push(Entry::Tool {
                id: call.id,
                name: call.name,
                arguments: call.arguments,
                is_error,
                began: call.began,
                micros: call.micros,
            });
            self.push(result);
        }
        if self.is_environment_done() || self.turn.has_left() {
            self.turn.drop_messages();
        }
        self.enter(Phase::Turn);
    }
}
