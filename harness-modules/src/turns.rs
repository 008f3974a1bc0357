//! An episode's past as turns: what the agent did and what it saw then. Takes in one turn a step, so that a step costs the
//! same at any length of history.

use std::collections::VecDeque;

use harness_abi::{Cx, Message, ModuleError, Role};

/// Marks messages that are worked examples, not part of the task.
pub const DEMONSTRATION: &str = "demonstration";

/// One action and what followed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// The reply's text, or its tool calls as `name(arguments)`, one a line.
    pub action: String,
    /// All that came back, trimmed; empty while nothing has.
    pub observation: String,
}

/// The turns seen so far, newest first, with observations as the environment gave them: messages of the conversation may carry
/// what processors added to them.
#[derive(Debug, Default)]
pub struct Past {
    turns: VecDeque<Turn>,
    step: Option<u64>,
}

impl Past {
    /// Takes in what is new in this step and keeps the newest `limit` turns. The first time, it reads the whole conversation, so a
    /// processor may be put in at any step.
    pub fn observe(&mut self, cx: &Cx<'_>, limit: usize) -> Result<(), ModuleError> {
        if self.step == Some(cx.step()) {
            return Ok(());
        }
        let mut found = newest_first(cx.history());
        let newest = found.next();
        if self.step.is_none() {
            self.turns = found.take(limit).collect();
        }
        self.step = Some(cx.step());
        let Some(mut newest) = newest else { return Ok(()) };
        let answered_by_tool = cx.history().last().is_some_and(|message| message.role() == Role::Tool);
        if let Some(seen) = cx.observation()?.filter(|seen| !seen.text.is_empty() && !answered_by_tool) {
            seen.text.trim().clone_into(&mut newest.observation);
        }
        self.turns.push_front(newest);
        self.turns.truncate(limit);
        Ok(())
    }

    /// Whether it has seen a step.
    pub const fn started(&self) -> bool {
        self.step.is_some()
    }

    /// The turns, newest first.
    pub const fn turns(&self) -> &VecDeque<Turn> {
        &self.turns
    }
}

/// The turns of a conversation, newest first.
fn newest_first(history: &[Message]) -> impl Iterator<Item = Turn> {
    let mut end = history.len();
    std::iter::from_fn(move || {
        let before = history.get(..end)?;
        let index = before.iter().rposition(|message| message.role() == Role::Assistant)?;
        let seen: Vec<_> = before[index + 1..].iter().map(Message::text).collect();
        let turn = Turn { action: action(&before[index]), observation: seen.join("\n").trim().to_owned() };
        let example = before[index].id() == DEMONSTRATION;
        end = index;
        (!example).then_some(turn)
    })
}

/// What an assistant message does.
pub fn action(message: &Message) -> String {
    let calls: Vec<String> = message.calls().map(|call| format!("{}({})", call.name, call.arguments)).collect();
    if calls.is_empty() { message.text().trim().to_owned() } else { calls.join("\n") }
}

/// Where the message that states the task stands: the first of a user that is no demonstration.
pub fn task_index(history: &[Message]) -> Option<usize> {
    history.iter().position(|message| message.role() == Role::User && message.id() != DEMONSTRATION)
}

/// Messages at the beginning that state the task.
pub fn head(history: &[Message]) -> usize {
    task_index(history).map_or(0, |index| index + 1)
}

/// Where the newest turn begins.
pub fn newest(history: &[Message]) -> Option<usize> {
    history.iter().rposition(|message| message.role() == Role::Assistant)
}

/// The first place from `at` on where a turn begins, `newest` at the latest: what is cut there keeps results with their calls.
pub fn turn_from(history: &[Message], at: usize, newest: usize) -> usize {
    let begins = |index: &usize| history.get(*index).is_some_and(|message| message.role() == Role::Assistant);
    (at..newest).find(begins).unwrap_or(newest)
}
