//! The tools on offer: those of the harness and those of the environment, with the JSON a model is sent. Built when the offer
//! changes, borrowed otherwise.

use std::sync::Arc;

use harness_abi::{ToolExtra, ToolSpec, Workspace, kit, stable::RString};
use harness_spec::ActionMode;

/// Whose tool it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    /// The harness's tool module of this index.
    Harness(usize),
    /// The environment's.
    Environment,
    /// The caller's, who performs it.
    Caller,
}

/// A tool with its JSON.
#[derive(Debug, Clone)]
pub(crate) struct OfferedTool {
    pub name: RString,
    pub owner: Owner,
    json: String,
}

impl OfferedTool {
    pub fn new(spec: &ToolSpec, owner: Owner) -> Self {
        Self { name: spec.name.as_str().into(), owner, json: kit::json(spec).into() }
    }
}

/// All tools on offer.
#[derive(Debug, Default)]
pub(crate) struct Toolbox {
    offers: Vec<OfferedTool>,
    /// JSON array of all.
    all: String,
    /// What a model sees when no processor says otherwise, and its JSON array.
    shown: Vec<RString>,
    shown_json: Arc<str>,
    /// The last other choice and its JSON array, because choices tend to stay.
    last: Option<(Vec<RString>, Arc<str>)>,
}

fn array<'a>(offers: impl Iterator<Item = &'a OfferedTool>) -> String {
    let mut json = String::from("[");
    for offer in offers {
        if json.len() > 1 {
            json.push(',');
        }
        json.push_str(&offer.json);
    }
    json.push(']');
    json
}

impl Toolbox {
    /// The tools of a harness, of an environment and of a caller. Where the reply is the action, the environment's tools are known but not shown.
    ///
    /// Fails with the name two tools share.
    pub fn new(
        harness: &[OfferedTool],
        environment: &[ToolSpec],
        caller: &[ToolSpec],
        action: ActionMode,
    ) -> Result<Self, String> {
        let mut offers = harness.to_vec();
        offers.extend(environment.iter().map(|spec| OfferedTool::new(spec, Owner::Environment)));
        offers.extend(caller.iter().map(|spec| OfferedTool::new(spec, Owner::Caller)));
        for (index, offer) in offers.iter().enumerate() {
            if offers.iter().take(index).any(|other| other.name == offer.name) {
                return Err(offer.name.to_string());
            }
        }
        let visible = |offer: &&OfferedTool| action == ActionMode::Tool || offer.owner != Owner::Environment;
        let shown: Vec<RString> = offers.iter().filter(visible).map(|offer| offer.name.clone()).collect();
        let shown_json = match shown.len() {
            0 => Arc::from(""),
            _ => array(offers.iter().filter(visible)).into(),
        };
        Ok(Self { all: array(offers.iter()), offers, shown, shown_json, last: None })
    }

    /// JSON array of all tools on offer.
    pub fn all_json(&self) -> &str {
        &self.all
    }

    /// Names a model sees by default.
    pub fn shown(&self) -> &[RString] {
        &self.shown
    }

    /// Whose tool `name` is.
    pub fn owner(&self, name: &str) -> Option<Owner> {
        self.offers.iter().find(|offer| offer.name == name).map(|offer| offer.owner)
    }

    /// All names, for an error text.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.offers.iter().map(|offer| offer.name.as_str())
    }

    /// What a request carries when the model is to see `names` (`None`: the default).
    pub fn request_json(&mut self, names: Option<&[RString]>) -> Arc<str> {
        let Some(names) = names else { return self.shown_json.clone() };
        if let Some((last, json)) = &self.last
            && last == names
        {
            return json.clone();
        }
        let chosen = names.iter().filter_map(|name| self.offers.iter().find(|offer| offer.name == *name));
        let json: Arc<str> = if names.is_empty() { Arc::from("") } else { array(chosen).into() };
        self.last = Some((names.to_vec(), json.clone()));
        json
    }
}

/// What every call of a tool carries besides.
pub(crate) fn call_extra(workspace: Option<&Workspace>) -> Arc<str> {
    match workspace {
        None => Arc::from(""),
        Some(workspace) => kit::json(&ToolExtra { workspace: Some(workspace.clone()) }).as_str().into(),
    }
}
