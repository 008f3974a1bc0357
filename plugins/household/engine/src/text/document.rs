//! The outer layer of a text grammar: `grammar :: """json""";` blocks and
//! `action name { template, feedback, grammar }` entries.

use std::collections::HashMap;

use super::symbols::{Query, Symbol, parse_query, parse_symbols};
use crate::GameError;

/// One way to expand a rule name, when its condition has a match.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    pub condition: Option<Query>,
    pub symbols: Vec<Symbol>,
}

/// The command template and feedback of one action.
#[derive(Debug)]
pub(crate) struct ActionText {
    pub template: Vec<Symbol>,
    pub feedback: Vec<Symbol>,
}

/// All rules and action texts.
#[derive(Debug, Default)]
pub(crate) struct Grammar {
    pub rules: HashMap<String, Vec<Rule>>,
    /// By lower-cased action name.
    pub actions: HashMap<String, ActionText>,
}

impl Grammar {
    /// Reads a whole grammar.
    pub fn parse(text: &str) -> Result<Self, GameError> {
        let mut reader = Reader { text, at: 0 };
        let mut grammar = Self::default();
        loop {
            reader.skip();
            if reader.at >= text.len() {
                return Ok(grammar);
            }
            match reader.word()? {
                "grammar" => {
                    reader.expect("::")?;
                    let block = reader.block()?;
                    reader.expect(";")?;
                    grammar.add_rules("grammar", block)?;
                }
                "action" => grammar.read_action(&mut reader)?,
                other => {
                    return Err(reader.error(format!("expected `grammar` or `action`, found `{other}`")));
                }
            }
        }
    }

    /// Every condition and filter the grammar can evaluate.
    pub fn queries(&self) -> Vec<&Query> {
        let mut found = Vec::new();
        for rule in self.rules.values().flatten() {
            found.extend(&rule.condition);
            rule.symbols.iter().for_each(|s| s.queries(&mut found));
        }
        for action in self.actions.values() {
            action.feedback.iter().chain(&action.template).for_each(|s| s.queries(&mut found));
        }
        found
    }

    fn read_action(&mut self, reader: &mut Reader<'_>) -> Result<(), GameError> {
        let name = reader.word()?.to_lowercase();
        reader.expect("{")?;
        let (mut template, mut feedback) = (None, None);
        while !reader.try_take("}") {
            let field = reader.word()?;
            reader.expect("::")?;
            match field {
                "template" => template = Some(parse_symbols(reader.string()?, &name)?),
                "feedback" => feedback = Some(parse_symbols(reader.string()?, &name)?),
                "grammar" => {
                    let block = reader.block()?;
                    let lines = block.lines().filter(|l| !l.trim_start().starts_with('#'));
                    self.add_rules(&name, &lines.collect::<Vec<_>>().join("\n"))?;
                }
                "pddl" => {
                    reader.block()?;
                }
                other => return Err(reader.error(format!("unknown field `{other}` of action `{name}`"))),
            }
            reader.expect(";")?;
        }
        let (Some(template), Some(feedback)) = (template, feedback) else {
            return Err(reader.error(format!("action `{name}` needs a template and a feedback")));
        };
        self.actions.insert(name, ActionText { template, feedback });
        Ok(())
    }

    /// Adds the rules of one JSON block; a later block replaces rules of the same name.
    fn add_rules(&mut self, place: &str, json: &str) -> Result<(), GameError> {
        #[derive(serde::Deserialize)]
        struct Written {
            rhs: String,
            #[serde(default)]
            condition: String,
        }
        let blocks: HashMap<String, Vec<Written>> =
            serde_json::from_str(json).map_err(|e| GameError::grammar(place, e.to_string()))?;
        for (name, written) in blocks {
            let mut rules = Vec::with_capacity(written.len());
            for rule in written {
                let condition = match rule.condition.trim() {
                    "" => None,
                    text => Some(parse_query(text, &name)?),
                };
                rules.push(Rule { condition, symbols: parse_symbols(&rule.rhs, &name)? });
            }
            if rules.is_empty() {
                return Err(GameError::grammar(name, "a rule without any expansion"));
            }
            self.rules.insert(name, rules);
        }
        Ok(())
    }
}

/// A cursor over the grammar text.
struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }
    fn error(&self, message: impl Into<String>) -> GameError {
        let before = self.text.get(..self.at).unwrap_or(self.text);
        GameError::grammar(format!("line {}", before.matches('\n').count() + 1), message)
    }
    /// Skips blanks and `#` comments.
    fn skip(&mut self) {
        loop {
            self.at = self.text.len() - self.rest().trim_start().len();
            if !self.rest().starts_with('#') {
                return;
            }
            self.at += self.rest().find('\n').unwrap_or(self.rest().len());
        }
    }
    fn try_take(&mut self, token: &str) -> bool {
        self.skip();
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }
    fn expect(&mut self, token: &str) -> Result<(), GameError> {
        if self.try_take(token) { Ok(()) } else { Err(self.error(format!("expected `{token}`"))) }
    }
    fn word(&mut self) -> Result<&'a str, GameError> {
        self.skip();
        let rest = self.rest();
        let end = rest.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '/' | '-'))).unwrap_or(rest.len());
        if end == 0 {
            return Err(self.error("expected a word"));
        }
        self.at += end;
        Ok(&rest[..end])
    }
    fn quoted(&mut self, quote: &str) -> Result<&'a str, GameError> {
        self.expect(quote)?;
        let rest = self.rest();
        let Some(end) = rest.find(quote) else {
            return Err(self.error(format!("{quote} is never closed")));
        };
        self.at += end + quote.len();
        Ok(&rest[..end])
    }
    fn string(&mut self) -> Result<&'a str, GameError> {
        self.quoted("\"")
    }
    fn block(&mut self) -> Result<&'a str, GameError> {
        self.quoted("\"\"\"")
    }
}
