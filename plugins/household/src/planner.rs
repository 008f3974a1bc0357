//! The planner: splits a household task into subgoals — find, take, prepare, bring — and leaves the actions that serve
//! the present one. Which place to search next, or which of several things to take, stays the model's choice.

use harness_abi::{Constraint, Cx, Decision, Event, ModuleError, Outcome, Processor, Role, pass};
use serde::Deserialize;

use crate::belief::Belief;
use crate::goal::{Goal, kind};

/// Configuration.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    mode: Mode,
    /// Whether a search opens what is closed.
    look_inside: bool,
    search: Search,
    /// Masks only after so many steps in which nothing was found or done.
    patience: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Mode {
    Mask,
    Hint,
    Both,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Search {
    New,
    All,
}

/// The processor.
#[derive(Debug)]
pub struct Planner {
    config: Config,
    belief: Belief,
    announced: String,
}

/// What to do now and the actions that serve it.
struct Subgoal {
    text: String,
    actions: Vec<String>,
}

impl Planner {
    /// Starts without a picture of the house.
    pub fn new(config: Config) -> Self {
        Self { config, belief: Belief::default(), announced: String::new() }
    }
}

impl Processor for Planner {
    fn on(&mut self, cx: &Cx<'_>, event: Event<'_>) -> Outcome {
        let Event::BeforeModel = event else { return pass() };
        self.belief.observe(cx)?;
        let Some(choices) = choices(cx)? else { return pass() };
        let Some(goal) = &self.belief.goal else { return pass() };
        let view = View { belief: &self.belief, goal, choices: &choices, config: &self.config };
        let Some(subgoal) = view.subgoal() else { return pass() };
        let mut decisions = Vec::new();
        if subgoal.text != self.announced {
            decisions.push(Decision::annotate("subgoal", &subgoal.text));
            self.announced.clone_from(&subgoal.text);
        }
        let masks = self.config.mode != Mode::Hint && self.belief.idle >= self.config.patience;
        if masks && subgoal.actions.len() < choices.len() {
            decisions.push(Decision::constrain(&Constraint::Choice { choices: subgoal.actions }));
        }
        if self.config.mode != Mode::Mask {
            let text = format!("Now: {}.", subgoal.text);
            decisions.push(match cx.history().last() {
                Some(last) if last.role() == Role::User => {
                    Decision::SetLastUser { text: format!("{}\n\n{text}", last.text()).into() }
                }
                _ => Decision::AppendUser { text: text.into() },
            });
        }
        Ok(decisions)
    }
}

/// The actions to choose from: those a constraint leaves, else all that are possible. `None` when they are not known or
/// the reply is to be something else than an action.
pub fn choices(cx: &Cx<'_>) -> Result<Option<Vec<String>>, ModuleError> {
    let choices = match cx.constraint()? {
        Constraint::Choice { choices } => choices,
        Constraint::Free => cx.observation()?.unwrap_or_default().admissible,
        _ => Vec::new(),
    };
    Ok((!choices.is_empty()).then_some(choices))
}

/// The place an action goes to.
pub fn destination(action: &str) -> Option<&str> {
    action.strip_prefix("go to ")
}

struct View<'v> {
    belief: &'v Belief,
    goal: &'v Goal,
    choices: &'v [String],
    config: &'v Config,
}

impl View<'_> {
    /// The first subgoal for which there is something to do.
    fn subgoal(&self) -> Option<Subgoal> {
        let holding = self.belief.holding.as_deref();
        match holding.filter(|object| kind(object) == self.goal.object) {
            Some(object) => self.prepare(object).or_else(|| self.deliver(object)),
            None => self.fetch(holding),
        }
    }

    fn fetch(&self, holding: Option<&str>) -> Option<Subgoal> {
        let wanted = &self.goal.object;
        if let Some(other) = holding {
            let put_down = self.matching(|action| action.starts_with(&format!("move {other} to ")));
            return self.offer(format!("put {other} down"), put_down).or_else(|| self.anywhere(other));
        }
        let text = format!("find {} {wanted}", if self.goal.count == 1 { "a" } else { "another" });
        let keep = self.settled_place();
        let take = self.matching(|action| {
            let Some((object, place)) = action.strip_prefix("take ").and_then(|rest| rest.split_once(" from ")) else {
                return false;
            };
            kind(object) == wanted && keep.as_deref() != Some(place)
        });
        self.offer(format!("take the {wanted}"), take)
            .or_else(|| {
                let known: Vec<&str> = self
                    .belief
                    .contents
                    .iter()
                    .filter(|(place, _)| keep.as_deref() != Some(place.as_str()))
                    .filter(|(_, things)| things.iter().any(|thing| kind(thing) == wanted))
                    .map(|(place, _)| place.as_str())
                    .collect();
                self.offer(format!("get the {wanted}"), self.reach(&known))
            })
            .or_else(|| self.search(text, self.config.look_inside))
    }

    /// What changes the object in hand, if it still must be changed.
    fn prepare(&self, object: &str) -> Option<Subgoal> {
        let change = self.goal.change?;
        if self.belief.changed.contains(&(object.to_owned(), change.verb())) {
            return None;
        }
        let text = format!("{} the {object}", change.verb());
        let act = self.matching(|action| action.starts_with(&format!("{} {object} with ", change.verb())));
        let go = || self.matching(|action| destination(action).is_some_and(|place| kind(place) == change.place()));
        self.offer(text.clone(), act).or_else(|| self.offer(text, go()))
    }

    fn deliver(&self, object: &str) -> Option<Subgoal> {
        let target = &self.goal.target;
        if self.goal.lamp {
            let light = self.matching(|action| action.strip_prefix("use ").is_some_and(|lamp| kind(lamp) == target));
            let known: Vec<&str> = self
                .belief
                .contents
                .iter()
                .filter(|(_, things)| things.iter().any(|thing| kind(thing) == target))
                .map(|(place, _)| place.as_str())
                .collect();
            return self
                .offer(format!("turn on the {target}"), light)
                .or_else(|| self.offer(format!("go to the {target}"), self.reach(&known)))
                .or_else(|| self.search(format!("find a {target}"), false));
        }
        let only = self.settled_place();
        let fits = |place: &str| match &only {
            Some(only) => place == only,
            None => kind(place) == target,
        };
        let text = format!("bring the {object} to the {target}");
        let put = self.matching(|action| action.strip_prefix(&format!("move {object} to ")).is_some_and(&fits));
        let open = || self.matching(|action| action.strip_prefix("open ").is_some_and(&fits));
        let go = || self.matching(|action| destination(action).is_some_and(&fits));
        self.offer(text.clone(), put).or_else(|| self.offer(text.clone(), open())).or_else(|| self.offer(text, go()))
    }

    /// Opens what is closed here, or goes where nobody looked yet.
    fn search(&self, text: String, inside: bool) -> Option<Subgoal> {
        let fresh = |place: &str| self.config.search == Search::All || !self.belief.searched(place);
        let open = self.matching(|action| {
            inside && action.strip_prefix("open ").is_some_and(|place| !self.belief.searched(place))
        });
        let go = self.matching(|action| {
            destination(action).is_some_and(|place| fresh(place) && (inside || !self.belief.closed.contains(place)))
        });
        let anywhere = || self.matching(|action| destination(action).is_some());
        self.offer(text.clone(), open).or_else(|| self.offer(text.clone(), go)).or_else(|| self.offer(text, anywhere()))
    }

    fn anywhere(&self, object: &str) -> Option<Subgoal> {
        let go = self.matching(|action| destination(action).is_some());
        self.offer(format!("find a place for {object}"), go)
    }

    /// What leads to one of these places: opening it when it is near, else going there.
    fn reach(&self, places: &[&str]) -> Vec<String> {
        let near = self.matching(|action| action.strip_prefix("open ").is_some_and(|place| places.contains(&place)));
        if !near.is_empty() {
            return near;
        }
        self.matching(|action| destination(action).is_some_and(|place| places.contains(&place)))
    }

    /// Where two of a kind must end up together: the target place that already has most of them.
    fn settled_place(&self) -> Option<String> {
        if self.goal.count < 2 {
            return None;
        }
        let count = |things: &[String]| things.iter().filter(|thing| kind(thing) == self.goal.object).count();
        let best = self.belief.contents.iter().filter(|(place, _)| kind(place) == self.goal.target);
        let best = best.max_by_key(|(_, things)| count(things))?;
        (count(best.1) > 0).then(|| best.0.clone())
    }

    fn matching(&self, serves: impl Fn(&str) -> bool) -> Vec<String> {
        self.choices.iter().filter(|action| serves(action)).cloned().collect()
    }

    fn offer(&self, text: String, actions: Vec<String>) -> Option<Subgoal> {
        (!actions.is_empty()).then_some(Subgoal { text, actions })
    }
}
