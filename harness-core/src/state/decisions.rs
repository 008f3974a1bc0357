//! What a processor's decisions do to the episode, hook by hook: the merge law.
//!
//! Processors run in resolved order; each sees the effects of those before it. Decisions of one answer apply in order.
//! *Split* replaces the event by several, each of which goes on with the processors that come after. *Answer* stands in
//! for model or tool: the remaining processors of this hook are skipped, those of the hook that follows run as usual.
//! *Interrupt* ends the episode after the notes that follow it. Visible tools, constraint, role and sampling hold for
//! one step; system prompt and history stay as they are left.

use harness_abi::{Constraint, Decision, Draft, HistoryEdit, Hook, Message, ModuleError, Part, Role, Sampling, kit};
use harness_spec::{Condition, nearest};
use harness_trace::{Entry, Outcome};
use serde_json::Value;

use super::value::EpisodeState;
use crate::{
    contract::{Violation, name},
    decision_json::form,
};

impl EpisodeState {
    /// Applies checked decisions of the processor of `slot` at `hook`, or turns what is wrong with them into a fault.
    pub(super) fn decide(&mut self, hook: Hook, slot: usize, decisions: &[&Decision]) {
        let module = self.plan.id(slot).to_owned();
        self.journal.push(Entry::Decided {
            hook,
            module: module.clone(),
            decisions: decisions.iter().map(|decision| form(decision)).collect(),
        });
        let mut cursor = Cursor::Pass;
        for decision in decisions {
            let applied = self.apply(hook, decision);
            match applied {
                Ok(Cursor::Pass) => {}
                Ok(concluded) => cursor = concluded,
                Err(problem) => {
                    let violation = Violation::Content { decision: name(decision), problem };
                    return self.fault(Some(hook), &module, &ModuleError::fault(violation));
                }
            }
        }
        match cursor {
            Cursor::Pass => self.pass(),
            Cursor::Moved => {}
            Cursor::Interrupt(reason) => self.end(Outcome::Interrupted, format!("{module}: {reason}")),
        }
    }

    /// Applies one decision; on an error says what is wrong with it.
    fn apply(&mut self, hook: Hook, decision: &Decision) -> Result<Cursor, String> {
        match decision {
            Decision::SetSystem { text } => {
                self.conversation.set_system(text);
                self.journal.push(Entry::System { text: text.to_string() });
            }
            Decision::EditHistory { edits } => self.edit_history(edits)?,
            Decision::SetLastUser { text } => self.set_last_user(text)?,
            Decision::AppendUser { text } => self.push(Message::user(text.as_str())),
            Decision::ShowTools { names } => {
                for (index, name) in names.iter().enumerate() {
                    if self.tools.owner(name).is_none() {
                        let near = nearest(name, self.tools.names());
                        let hint = near.map_or_else(String::new, |near| format!("; did it mean `{near}`?"));
                        return Err(format!("names `{name}`, which no tool on offer is called{hint}"));
                    }
                    if names.iter().take(index).any(|other| other == name) {
                        return Err(format!("names `{name}` twice"));
                    }
                }
                self.request.visible = Some(names.to_vec());
            }
            Decision::Constrain { constraint_json } => {
                match serde_json::from_str(constraint_json) {
                    Ok(Constraint::Choice { choices }) if choices.is_empty() => {
                        return Err("offers no choice".to_owned());
                    }
                    Ok::<Constraint, _>(_) => {}
                    Err(error) => return Err(format!("carries no constraint: {error}")),
                }
                self.request.constraint = constraint_json.clone();
            }
            Decision::UseModel { role } => {
                let roles = &self.bindings.harness.models;
                if !roles.contains_key(role.as_str()) {
                    let roles: Vec<&str> = roles.keys().map(String::as_str).collect();
                    return Err(format!("names the model role `{role}`; the harness has {}", roles.join(", ")));
                }
                role.as_str().clone_into(&mut self.request.role);
                self.request.pristine = false;
            }
            Decision::Sample { sampling_json } => {
                let sampling: Sampling =
                    serde_json::from_str(sampling_json).map_err(|error| format!("carries no sampling: {error}"))?;
                self.request.sampling = sampling;
                self.request.sampling_json = kit::json(&self.request.sampling);
                self.request.pristine = false;
            }
            Decision::SetResponse { message } => {
                of_role(message, Role::Assistant)?;
                self.turn.set_response(message.clone());
            }
            Decision::SetArguments { arguments } => self.set_arguments(arguments)?,
            Decision::SetResult { text, is_error } => {
                self.turn.set_result(text, *is_error);
            }
            Decision::Split { messages } => {
                if messages.is_empty() {
                    return Err("splits into nothing".to_owned());
                }
                for message in messages {
                    of_role(message, Role::Assistant)?;
                }
                match hook {
                    Hook::AfterModel => self.turn.split_response(messages),
                    _ => self.split_call(messages)?,
                }
                return Ok(Cursor::Moved);
            }
            Decision::Answer { message } if hook == Hook::BeforeModel => {
                of_role(message, Role::Assistant)?;
                self.respond(message.clone(), Default::default());
                return Ok(Cursor::Moved);
            }
            Decision::Answer { message } => {
                of_role(message, Role::Tool)?;
                self.turn.answer_checked(message);
                return Ok(Cursor::Moved);
            }
            Decision::Interrupt { reason } => return Ok(Cursor::Interrupt(reason.to_string())),
            Decision::Adapt { signal } => {
                if !Condition::NAMES.contains(&signal.as_str()) {
                    return Err(format!("signals `{signal}`; signals are {}", Condition::NAMES.join(", ")));
                }
                self.signals.ask(signal.to_string());
            }
            Decision::Annotate { value_json, .. } => {
                serde_json::from_str::<serde::de::IgnoredAny>(value_json)
                    .map_err(|error| format!("carries no JSON: {error}"))?;
            }
            // The contract lets nothing else through.
            _ => return Err("is of an unknown kind".to_owned()),
        }
        Ok(Cursor::Pass)
    }

    fn edit_history(&mut self, edits: &[HistoryEdit]) -> Result<(), String> {
        let len = self.conversation.history().len();
        let mut ranges = Vec::with_capacity(edits.len());
        let mut floor = 0;
        for edit in edits {
            let (start, end) = (edit.start as usize, edit.end as usize);
            if start < floor || end < start || end > len {
                return Err(format!(
                    "replaces {start}..{end} of {len} messages; edits rise, do not overlap and stay inside"
                ));
            }
            if edit.with.iter().any(|message| message.role() == Role::System) {
                return Err("puts a system message into the history; set the system prompt at task_start".to_owned());
            }
            floor = end;
            ranges.push((start, end));
        }
        // From the back, so that indices keep the meaning they had for the processor; recorded in the same order.
        for (edit, (start, end)) in edits.iter().zip(ranges).rev() {
            self.conversation.splice(start, end, edit.with.iter().cloned());
            self.journal.push(Entry::Edited { start: edit.start, end: edit.end, with: edit.with.to_vec() });
        }
        Ok(())
    }

    fn set_last_user(&mut self, text: &str) -> Result<(), String> {
        let history = self.conversation.history();
        let Some(last) = history.last().filter(|last| last.role() == Role::User) else {
            return Err("needs a user message at the end of the history".to_owned());
        };
        let at = history.len() - 1;
        let new = Draft::from(last).without_parts().part(Part::text(text)).build();
        self.journal.push(Entry::Edited { start: at as u64, end: at as u64 + 1, with: vec![new.clone()] });
        self.conversation.splice(at, at + 1, [new]);
        Ok(())
    }

    fn set_arguments(&mut self, arguments: &str) -> Result<(), String> {
        let value: Value = serde_json::from_str(arguments).map_err(|error| format!("carries no JSON: {error}"))?;
        if !value.is_object() {
            return Err("carries JSON that is no object".to_owned());
        }
        let names_action = value.get("action").is_some_and(Value::is_string);
        if self.turn.checked().is_some_and(|call| call.act) && !names_action {
            return Err("leaves the action without its text: `act` takes {\"action\": \"…\"}".to_owned());
        }
        self.turn.set_arguments(arguments);
        Ok(())
    }

    fn split_call(&mut self, messages: &[Message]) -> Result<(), String> {
        let new: Vec<_> = messages
            .iter()
            .flat_map(Message::calls)
            .map(|call| self.new_call(call.id, call.name, call.arguments))
            .collect();
        if new.is_empty() {
            return Err("splits a call into messages without calls".to_owned());
        }
        self.turn.split_call(new);
        Ok(())
    }
}

/// What an applied decision means for the cursor.
enum Cursor {
    /// On to the next processor.
    Pass,
    /// The cursor has been moved already.
    Moved,
    /// The episode ends.
    Interrupt(String),
}

fn of_role(message: &Message, role: Role) -> Result<(), String> {
    if message.role() == role {
        return Ok(());
    }
    Err(format!("carries a message of role {:?}; {role:?} belongs there", message.role()))
}
