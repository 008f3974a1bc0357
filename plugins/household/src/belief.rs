//! What an agent can know: gathered from the actions it took and the observations it was shown, never from the world.

use std::collections::{BTreeMap, BTreeSet};

use harness_abi::{Cx, ModuleError, Role};

use crate::goal::{Change, Goal};

/// The agent's picture of the house.
#[derive(Debug, Default)]
pub struct Belief {
    pub goal: Option<Goal>,
    /// What was last seen in each place that was looked into.
    pub contents: BTreeMap<String, Vec<String>>,
    /// Places found closed and not opened since.
    pub closed: BTreeSet<String>,
    /// Where the agent last arrived.
    pub here: Option<String>,
    pub holding: Option<String>,
    /// What was done to which object.
    pub changed: BTreeSet<(String, &'static str)>,
    /// Steps since anything was found or done.
    pub idle: u64,
    step: Option<u64>,
}

impl Belief {
    /// Takes in what is new since it was last called in this episode.
    pub fn observe(&mut self, cx: &Cx<'_>) -> Result<(), ModuleError> {
        if self.step.replace(cx.step()) == Some(cx.step()) {
            return Ok(());
        }
        if self.goal.is_none() {
            self.goal = cx.history().iter().find_map(|message| Goal::find(&message.text()));
        }
        let replies = || cx.history().iter().filter(|message| message.role() == Role::Assistant);
        let seen = cx.observation()?.unwrap_or_default();
        if self.goal.is_none() {
            self.goal = Goal::find(&seen.text);
        }
        if cx.step() > 0 && replies().next().is_some() {
            self.learn(&seen.text);
        }
        Ok(())
    }

    /// Reads one observation.
    pub fn learn(&mut self, text: &str) {
        self.idle += 1;
        // `The X is closed.` and lists of contents follow the opening clause of several observations.
        let mut open = None;
        for sentence in text.split(". ").map(|sentence| sentence.trim_end_matches(['.', '\n'])) {
            if let Some(place) = sentence.strip_prefix("You arrive at ") {
                self.here = Some(place.to_owned());
            } else if let Some(rest) = sentence.strip_prefix("You pick up the ") {
                let Some((object, place)) = rest.split_once(" from the ") else { continue };
                self.remove(object, place);
                self.holding = Some(object.to_owned());
                self.idle = 0;
            } else if let Some(rest) = sentence.strip_prefix("You move the ") {
                let Some((object, place)) = rest.split_once(" to the ") else { continue };
                self.contents.entry(place.to_owned()).or_default().push(object.to_owned());
                self.holding = None;
                self.idle = 0;
            } else if let Some(place) = sentence.strip_prefix("You close the ") {
                self.closed.insert(place.to_owned());
            } else if let Some(place) = sentence.strip_prefix("The ").and_then(|rest| rest.strip_suffix(" is open")) {
                open = Some(place);
            } else if let Some((place, list)) = contents(sentence, open) {
                self.closed.remove(place);
                if self.contents.insert(place.to_owned(), things(list)).is_none() {
                    self.idle = 0;
                }
            } else if let Some(place) = sentence.strip_prefix("The ").and_then(|rest| rest.strip_suffix(" is closed")) {
                self.closed.insert(place.to_owned());
            } else {
                self.learn_change(sentence);
            }
        }
    }

    fn learn_change(&mut self, sentence: &str) {
        for change in [Change::Clean, Change::Heat, Change::Cool] {
            let said = sentence.strip_prefix("You ").and_then(|rest| rest.strip_prefix(change.verb()));
            let object = said.and_then(|rest| rest.strip_prefix(" the ")?.split_once(" using the "));
            if let Some((object, _)) = object {
                // Heat undoes cold and the other way round.
                self.changed.retain(|(o, verb)| o != object || *verb == Change::Clean.verb());
                self.changed.insert((object.to_owned(), change.verb()));
                self.idle = 0;
            }
        }
    }

    fn remove(&mut self, object: &str, place: &str) {
        if let Some(things) = self.contents.get_mut(place) {
            things.retain(|thing| thing != object);
        }
    }

    /// Whether a place was looked into.
    pub fn searched(&self, place: &str) -> bool {
        self.contents.contains_key(place)
    }
}

/// The place and the list of `On the X, you see ...`, or of `In it, you see ...` after `The X is open`.
fn contents<'s>(sentence: &'s str, open: Option<&'s str>) -> Option<(&'s str, &'s str)> {
    let inside = sentence.strip_prefix("In it, you see ").and_then(|list| Some((open?, list)));
    inside.or_else(|| sentence.strip_prefix("On the ")?.split_once(", you see "))
}

fn things(list: &str) -> Vec<String> {
    let things = list.split(", ").map(|thing| thing.trim_start_matches("and ").trim_start_matches("a ").to_owned());
    things.filter(|thing| thing != "nothing").collect()
}
