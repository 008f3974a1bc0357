//! A server's list of tools, page by page. Ends where the protocol says, and where a page brings nothing new: some servers give the
//! same page and the same cursor for ever.

use std::collections::HashSet;

use harness_abi::ModuleError;
use serde_json::Value;

use crate::config::Config;

/// Tools of one server that a model may be offered.
pub const MOST_TOOLS: usize = 512;
/// Tools of one server that are looked through for those that are wanted.
const MOST_LISTED: usize = 1 << 16;
/// Pages of one list.
const MOST_PAGES: usize = 1 << 10;

/// What was listed so far.
#[derive(Debug, Default)]
pub struct Pages {
    /// The tools that are wanted.
    pub tools: Vec<Value>,
    /// The names of all tools.
    pub names: Vec<String>,
    /// All tools, as they stand there.
    seen: HashSet<String>,
    cursors: HashSet<String>,
    read: usize,
}

impl Pages {
    /// Takes a page; gives the cursor of the next, if there is one. `words` are what the server said besides, for an error.
    pub fn take(&mut self, config: &Config, page: &Value, words: &str) -> Result<Option<String>, ModuleError> {
        let Some(listed) = page["tools"].as_array() else {
            return Err(config.wrong(format_args!("answered with no list of tools{words}")));
        };
        let texts: Vec<String> = listed.iter().map(Value::to_string).collect();
        let repeats = self.read > 0 && texts.iter().all(|text| self.seen.contains(text));
        for (tool, text) in listed.iter().zip(&texts) {
            // Twice on one page is the server's mistake, and told; again on another page it is the same tool.
            if self.seen.contains(text) {
                continue;
            }
            let name = tool["name"].as_str().unwrap_or_default();
            self.names.push(name.to_owned());
            if config.tools.is_empty() || config.tools.iter().any(|wanted| wanted == name) {
                self.tools.push(tool.clone());
            }
        }
        self.seen.extend(texts);
        self.read += 1;
        if self.tools.len() > MOST_TOOLS || self.names.len() > MOST_LISTED {
            let most = if self.tools.len() > MOST_TOOLS { MOST_TOOLS } else { MOST_LISTED };
            return Err(config.wrong(format_args!("offers more than {most} tools; name those you want in `tools`")));
        }
        let cursor = match &page["nextCursor"] {
            Value::Null => return Ok(None),
            Value::String(cursor) if cursor.is_empty() => return Ok(None),
            Value::String(cursor) => cursor.clone(),
            other => return Err(config.wrong(format_args!("gives a nextCursor that is no text: {other}"))),
        };
        let known = !self.cursors.insert(cursor.clone());
        if repeats && (known || !listed.is_empty()) {
            return Ok(None);
        }
        if self.read == MOST_PAGES {
            return Err(
                config.wrong(format_args!("lists its tools on more than {MOST_PAGES} pages; its cursors have no end"))
            );
        }
        Ok(Some(cursor))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fuzzing::config;

    /// Reads pages as a client does; the server answers a cursor with the page it names.
    fn listed(wanted: &[&str], page: impl Fn(usize, Option<&str>) -> Value) -> Result<(Vec<String>, usize), String> {
        let config = Config { tools: wanted.iter().map(|name| (*name).to_owned()).collect(), ..config() };
        let (mut pages, mut cursor) = (Pages::default(), None);
        for asked in 0.. {
            let next =
                pages.take(&config, &page(asked, cursor.as_deref()), "").map_err(|error| error.message.to_string())?;
            if next.is_none() {
                let names = pages.tools.iter().map(|tool| tool["name"].as_str().unwrap_or_default().to_owned());
                return Ok((names.collect(), asked + 1));
            }
            cursor = next;
        }
        Err("it never ends".to_owned())
    }

    fn tools(names: &[&str]) -> Vec<Value> {
        names.iter().map(|name| json!({"name": name, "inputSchema": {"type": "object"}})).collect()
    }

    #[test]
    fn a_list_ends_and_nothing_of_it_is_lost() {
        let two = |asked: usize, _: Option<&str>| match asked {
            0 => json!({"tools": tools(&["a"]), "nextCursor": "1"}),
            // A page may be empty, or overlap the last.
            1 => json!({"tools": [], "nextCursor": "2"}),
            2 => json!({"tools": tools(&["a", "b"]), "nextCursor": "3"}),
            _ => json!({"tools": tools(&["c"]), "nextCursor": ""}),
        };
        let text = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert_eq!(listed(&[], two), Ok((text(&["a", "b", "c"]), 4)));
        assert_eq!(listed(&["c"], two), Ok((text(&["c"]), 4)));
        // The same page for ever, with one cursor or with ever new ones.
        for fresh in [false, true] {
            let same = |asked: usize, _: Option<&str>| {
                let cursor = if fresh { asked.to_string() } else { "MA==".to_owned() };
                json!({"tools": tools(&["a", "b"]), "nextCursor": cursor})
            };
            assert_eq!(listed(&[], same), Ok((text(&["a", "b"]), 2)));
        }
        // One cursor, and something new behind it each time.
        let stateful = |asked: usize, _: Option<&str>| match asked {
            0 => json!({"tools": tools(&["a"]), "nextCursor": "next"}),
            1 => json!({"tools": tools(&["b"]), "nextCursor": "next"}),
            _ => json!({"tools": tools(&["c"])}),
        };
        assert_eq!(listed(&[], stateful), Ok((text(&["a", "b", "c"]), 3)));
        // Empty pages with one cursor.
        let empty = |asked: usize, _: Option<&str>| match asked {
            0 => json!({"tools": tools(&["a"]), "nextCursor": "x"}),
            _ => json!({"tools": [], "nextCursor": "x"}),
        };
        assert_eq!(listed(&[], empty), Ok((text(&["a"]), 2)));
    }

    #[test]
    fn what_is_wanted_is_found_among_many() {
        let many = |asked: usize, _: Option<&str>| {
            let names: Vec<String> = (asked * 100..asked * 100 + 100).map(|n| format!("t{n}")).collect();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let next = if asked < 5 { json!(asked.to_string()) } else { Value::Null };
            json!({"tools": tools(&names), "nextCursor": next})
        };
        assert_eq!(listed(&["t599"], many).map(|(names, _)| names), Ok(vec!["t599".to_owned()]));
        assert!(listed(&[], many).unwrap_err().contains("more than 512 tools"));
        let endless = |asked: usize, _: Option<&str>| json!({"tools": [], "nextCursor": asked.to_string()});
        assert!(listed(&[], endless).unwrap_err().contains("more than 1024 pages"));
        let odd = |_: usize, _: Option<&str>| json!({"tools": [], "nextCursor": 2});
        assert!(listed(&[], odd).unwrap_err().contains("a nextCursor that is no text: 2"));
    }
}
