//! What was done in which state and what came of it. A state is the set of actions it admits, or, where no set is known, what was seen.

use harness_abi::{Cx, Message, ModuleError, Observation, Role};

/// One action.
#[derive(Debug, Clone)]
pub struct Deed {
    /// The reply's text, or its calls as `name(arguments)`.
    pub action: String,
    /// The state it was done in.
    pub state: String,
    /// Whether it changed anything to be seen.
    pub effect: bool,
    /// Whether what was seen then had never been seen before.
    pub news: bool,
}

/// The deeds of an episode, oldest first, since the processor was put in.
#[derive(Debug, Default)]
pub struct Past {
    deeds: Vec<Deed>,
    seen: Vec<String>,
    now: Option<(u64, String, String)>,
}

impl Past {
    /// Takes in what is new in this step. `refusals` are the words, in lower case, by which an observation says that nothing came of it.
    pub fn observe(&mut self, cx: &Cx<'_>, refusals: &[String]) -> Result<(), ModuleError> {
        if self.now.as_ref().is_some_and(|(step, ..)| *step == cx.step()) {
            return Ok(());
        }
        let observation = cx.observation()?.unwrap_or_default();
        let (state, text) = (state(&observation), seen(cx, &observation));
        let news = !self.seen.contains(&text);
        let before = self.now.replace((cx.step(), state.clone(), text.clone()));
        if news {
            self.seen.push(text.clone());
        }
        let reply = cx.history().iter().rfind(|message| message.role() == Role::Assistant);
        if let (Some(reply), Some((_, old_state, old_text))) = (reply, before) {
            let lower = text.to_lowercase();
            let refused = observation.invalid || refusals.iter().any(|refusal| lower.contains(refusal));
            let effect = !refused && (state, text) != (old_state.clone(), old_text);
            self.deeds.push(Deed { action: action(reply), state: old_state, effect, news });
        }
        Ok(())
    }

    /// The deeds, oldest first.
    pub fn deeds(&self) -> &[Deed] {
        &self.deeds
    }

    /// The present state.
    pub fn state(&self) -> &str {
        self.now.as_ref().map_or("", |(_, state, _)| state)
    }
}

fn state(observation: &Observation) -> String {
    if observation.admissible.is_empty() {
        return observation.text.clone();
    }
    let mut actions = observation.admissible.clone();
    actions.sort_unstable();
    actions.join("\n")
}

/// What came back last: a tool's results, else the environment's own words.
fn seen(cx: &Cx<'_>, observation: &Observation) -> String {
    match cx.history().last() {
        Some(last) if last.role() == Role::Tool || observation.text.is_empty() => last.text().into_owned(),
        _ => observation.text.clone(),
    }
}

/// What an assistant message does.
pub fn action(message: &Message) -> String {
    let calls: Vec<String> = message.calls().map(|call| format!("{}({})", call.name, call.arguments)).collect();
    if calls.is_empty() { message.text().trim().to_owned() } else { calls.join("\n") }
}

/// The choices among `all` that `keep` keeps; `None` when that changes nothing or would leave none.
pub fn narrowed(all: &[String], keep: impl FnMut(&&String) -> bool) -> Option<Vec<String>> {
    let left: Vec<String> = all.iter().filter(keep).cloned().collect();
    (!left.is_empty() && left.len() < all.len()).then_some(left)
}
