//! Tool calls that come in pieces. Which piece belongs to which call is told by its place and its id, and where those are missing,
//! repeated or equal for several calls, by what is complete already.

use harness_abi::ModuleError;
use serde_json::{Map, Value};

use super::{Call, MOST_CALLS, content};
use crate::http::{excerpt, garbage};

/// The calls of a reply so far.
#[derive(Debug, Default)]
pub struct Calls(Vec<Gathered>);

#[derive(Debug)]
struct Gathered {
    slot: Slot,
    /// Its place among the calls.
    order: u64,
    call: Call,
}

/// What its pieces have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Slot {
    /// The index that the server gave.
    Index(u64),
    /// The place in the list of an event without indexes.
    Place(usize),
}

/// A piece of a call.
struct Piece<'a> {
    slot: Slot,
    id: &'a str,
    name: &'a str,
    arguments: String,
}

impl Calls {
    /// Takes in what stands at `place` of an event's list of calls; gives the text that its arguments grew by.
    ///
    /// # Errors
    ///
    /// It is no function call; there are too many; the name of a call changes.
    pub fn add(&mut self, place: usize, piece: &Value) -> Result<String, ModuleError> {
        if piece.is_null() {
            return Ok(String::new());
        }
        // Some servers leave the inner object out.
        let function = piece.get("function").filter(|function| function.is_object()).unwrap_or(piece);
        let index = content::place(piece, "index")?;
        if let Some(index) = index.filter(|index| *index >= MOST_CALLS as u64) {
            return Err(garbage(format_args!("a reply with tool call number {index}")));
        }
        let slot = index.map_or(Slot::Place(place), Slot::Index);
        // Some servers count them.
        let number = piece["id"].is_number().then(|| piece["id"].to_string());
        let id = match &number {
            Some(id) => id,
            None => content::string(piece, "id")?,
        };
        let name = content::string(function, "name")?;
        let arguments = content::arguments(&function["arguments"]);
        let kind = content::string(piece, "type")?;
        if !matches!(kind, "" | "function") && name.is_empty() && arguments.is_empty() {
            return Err(garbage(format_args!("a tool call of the type `{}`", excerpt(kind))));
        }
        self.put(Piece { slot, id, name, arguments })
    }

    /// The calls, in order.
    ///
    /// # Errors
    ///
    /// One has no name.
    pub fn take(&mut self) -> Vec<Call> {
        let mut calls = std::mem::take(&mut self.0);
        calls.sort_by_key(|gathered| gathered.order);
        calls.into_iter().map(|gathered| gathered.call).collect()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn put(&mut self, piece: Piece<'_>) -> Result<String, ModuleError> {
        let Piece { slot, id, name, arguments } = piece;
        if id.is_empty() && name.is_empty() && arguments.is_empty() {
            return Ok(String::new());
        }
        let at = match self.call_of(slot, id, name, &arguments) {
            Some(at) => at,
            None => {
                if self.0.len() >= MOST_CALLS {
                    return Err(garbage(format_args!("a reply of more than {MOST_CALLS} tool calls")));
                }
                let last = self.0.iter().map(|gathered| gathered.order).max().unwrap_or(0);
                let order = if let Slot::Index(index) = slot { index } else { last };
                self.0.push(Gathered { slot, order, call: Call::default() });
                self.0.len() - 1
            }
        };
        let Some(Gathered { call, .. }) = self.0.get_mut(at) else { return Ok(String::new()) };
        if call.id.is_empty() {
            id.clone_into(&mut call.id);
        }
        if !name.is_empty() && call.name != name {
            // A name comes whole, or in pieces before the arguments, each alone or with those before.
            if !call.arguments.is_empty() {
                let (before, after) = (excerpt(&call.name), excerpt(name));
                return Err(garbage(format_args!("a tool call whose name changes from `{before}` to `{after}`")));
            }
            if name.starts_with(call.name.as_str()) {
                call.name.clear();
            }
            call.name.push_str(name);
        }
        if !id.is_empty() && complete(&call.arguments) && call.arguments == arguments {
            // The whole call once more.
            return Ok(String::new());
        }
        call.arguments.push_str(&arguments);
        Ok(arguments)
    }

    /// The call that a piece continues; `None` where it begins one.
    fn call_of(&self, slot: Slot, id: &str, name: &str, arguments: &str) -> Option<usize> {
        let last = |fits: &dyn Fn(&Gathered) -> bool| self.0.iter().rposition(fits);
        let beside = |gathered: &Gathered| gathered.slot == slot;
        if !id.is_empty() {
            let same = last(&|gathered| beside(gathered) && gathered.call.id == id);
            // Without indexes a place says little: a later event may list the second call alone.
            let same = same.or_else(|| {
                last(&|gathered| matches!(gathered.slot, Slot::Place(_)) && name.is_empty() && gathered.call.id == id)
            });
            if let Some(at) = same {
                let call = &self.0.get(at)?.call;
                let another = complete(&call.arguments) && complete(arguments) && call.arguments != arguments;
                return (!another || name.is_empty()).then_some(at);
            }
        }
        let at = last(&beside)?;
        let call = &self.0.get(at)?.call;
        let whole = complete(&call.arguments);
        let begins = if !id.is_empty() && !call.id.is_empty() {
            // Another id: another call, but for servers that give each piece a new one.
            !name.is_empty() || whole
        } else if name.is_empty() || call.name.is_empty() {
            false
        } else if whole {
            call.name != name || !arguments.trim().is_empty()
        } else {
            // Who has no indexes sends calls whole.
            matches!(slot, Slot::Place(_)) && call.name != name
        };
        (!begins).then_some(at)
    }
}

/// Whether arguments are an object to which nothing can be added.
fn complete(arguments: &str) -> bool {
    arguments.trim_end().ends_with('}') && serde_json::from_str::<Map<String, Value>>(arguments).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// What it is about, the events, and the id, name and arguments of each call.
    type Case = (&'static str, Vec<Value>, &'static [(&'static str, &'static str, &'static str)]);

    fn called(events: &[Value]) -> Vec<(String, String, String)> {
        let mut calls = Calls::default();
        for event in events {
            for (place, piece) in event.as_array().expect("a list").iter().enumerate() {
                calls.add(place, piece).expect("a piece");
            }
        }
        calls.take().into_iter().map(|call| (call.id, call.name, call.arguments)).collect()
    }

    #[test]
    fn pieces_find_their_calls() {
        let whole = |id: Value, name: &str, arguments: Value| json!({"id": id, "function": {"name": name, "arguments": arguments}});
        let at = |index: Value, mut piece: Value| {
            piece["index"] = index;
            piece
        };
        let part = |arguments: &str| json!({"function": {"arguments": arguments}});
        let one = &[("a", "x", "{\"p\": 1}")][..];
        let two = &[("a", "x", "{\"p\": 1}"), ("b", "x", "{\"p\": 2}")][..];
        let nameless = &[("", "x", "{\"p\": 1}"), ("", "x", "{\"p\": 2}")][..];
        let (first, second) = ("{\"p\": 1}", "{\"p\": 2}");
        let cases: Vec<Case> = vec![
            (
                "equal index, other ids",
                vec![
                    json!([at(json!(0), whole(json!("a"), "x", json!(first)))]),
                    json!([at(json!(0), whole(json!("b"), "x", json!(second)))]),
                ],
                two,
            ),
            (
                "equal index, other ids, in pieces by turns",
                vec![
                    json!([at(json!(0), whole(json!("a"), "x", json!("")))]),
                    json!([at(json!(0), whole(json!("b"), "x", json!("")))]),
                    json!([at(json!(0), whole(json!("a"), "", json!(first)))]),
                    json!([at(json!(0), whole(json!("b"), "", json!(second)))]),
                ],
                two,
            ),
            (
                "equal index, no ids",
                vec![
                    json!([at(json!(0), whole(json!(null), "x", json!(first)))]),
                    json!([at(json!(0), whole(json!(null), "x", json!(second)))]),
                ],
                nameless,
            ),
            (
                "no index, one after another",
                vec![
                    json!([whole(json!("a"), "x", json!(""))]),
                    json!([part("{\"p\":")]),
                    json!([part(" 1}")]),
                    json!([whole(json!("b"), "x", json!("{\"p\":"))]),
                    json!([part(" 2}")]),
                ],
                two,
            ),
            (
                "no index, all at once",
                vec![json!([whole(json!("a"), "x", json!(first)), whole(json!("b"), "x", json!(second))])],
                two,
            ),
            (
                "no index and no ids, objects",
                vec![
                    json!([whole(json!(null), "x", json!({"p": 1}))]),
                    json!([whole(json!(null), "x", json!({"p": 2}))]),
                ],
                &[("", "x", "{\"p\":1}"), ("", "x", "{\"p\":2}")],
            ),
            ("no inner object", vec![json!([{"id": "a", "name": "x", "arguments": first}])], one),
            (
                "name and id in every piece",
                vec![
                    json!([at(json!(0), whole(json!("a"), "x", json!("{\"p\":")))]),
                    json!([at(json!(0), whole(json!("a"), "x", json!(" 1}")))]),
                ],
                one,
            ),
            (
                "name in every piece, no id",
                vec![
                    json!([whole(json!(null), "x", json!("{\"p\":"))]),
                    json!([whole(json!(null), "x", json!(" 1}"))]),
                ],
                &[("", "x", "{\"p\": 1}")],
            ),
            ("all of it twice", vec![json!([whole(json!("a"), "x", json!(first))]); 2], one),
            (
                "another id in every piece",
                vec![
                    json!([at(json!(0), whole(json!("a"), "x", json!("{\"p\":")))]),
                    json!([at(json!(0), json!({"id": "z", "function": {"arguments": " 1}"}}))]),
                ],
                one,
            ),
            (
                "a name in pieces",
                vec![
                    json!([at(json!(0), whole(json!("a"), "do_", json!("")))]),
                    json!([at(json!(0), whole(json!(""), "it", json!("")))]),
                    json!([at(json!(0), part("{}"))]),
                ],
                &[("a", "do_it", "{}")],
            ),
            (
                "an id that comes late",
                vec![
                    json!([at(json!(0), whole(json!(null), "x", json!("")))]),
                    json!([at(json!(0), whole(json!("a"), "", json!(first)))]),
                ],
                one,
            ),
            (
                "indexes as text, out of order, with a gap",
                vec![
                    json!([at(json!("3"), whole(json!("b"), "x", json!(second)))]),
                    json!([at(json!(1.0), whole(json!("a"), "x", json!(first))), null, {}]),
                ],
                two,
            ),
        ];
        for (what, events, expected) in cases {
            let found = called(&events);
            let found: Vec<_> =
                found.iter().map(|(id, name, text)| (id.as_str(), name.as_str(), text.as_str())).collect();
            assert_eq!(found, expected, "{what}");
        }
    }

    #[test]
    fn what_cannot_be_told_apart_is_refused() {
        for piece in [
            json!({"index": -1, "function": {"name": "x"}}),
            json!({"index": 1e30, "function": {"name": "x"}}),
            json!({"id": [7], "function": {"name": "x"}}),
            json!({"function": {"name": ["x"]}}),
            json!({"type": "custom", "custom": {"name": "x", "input": "y"}}),
        ] {
            assert!(Calls::default().add(0, &piece).is_err(), "{piece}");
        }
        let mut calls = Calls::default();
        let piece = |name: &str| json!({"index": 0, "function": {"name": name, "arguments": "{\"a\""}});
        calls.add(0, &piece("x")).expect("a piece");
        let error = calls.add(0, &piece("y")).expect_err("a refusal");
        assert!(error.message.contains("from `x` to `y`"), "{error}");
    }
}
