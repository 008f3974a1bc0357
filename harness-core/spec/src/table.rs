//! Reading TOML with the place of every key at hand. Refuses unknown keys and wrong types, naming the line, the column and the
//! nearest valid name.

use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::harness::Config;
use crate::nearest::hint;
use crate::reference::{ModuleRef, valid_name};
use crate::vocabulary::Vocabulary;

/// What is wrong with a file, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {problem}")]
pub struct ParseError {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// What.
    pub problem: Problem,
}

/// What may be wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Not TOML.
    #[error("not valid TOML: {0}")]
    Syntax(String),
    /// A key nothing reads.
    #[error("unknown key `{key}` in {place}{hint}")]
    UnknownKey {
        /// The key.
        key: String,
        /// The table it is in.
        place: String,
        /// A nearest name, or the valid ones.
        hint: String,
    },
    /// A key that must be there.
    #[error("{place} has no `{key}`; add `{key} = {example}`")]
    Missing {
        /// The key.
        key: String,
        /// The table it should be in.
        place: String,
        /// What it could be.
        example: String,
    },
    /// A value of another type.
    #[error("`{key}` in {place} must be {expected}, not {found}")]
    Type {
        /// The key.
        key: String,
        /// The table it is in.
        place: String,
        /// What it must be.
        expected: String,
        /// What it is.
        found: String,
    },
    /// A name outside a closed list.
    #[error("`{found}` is not a valid {what}{hint}")]
    Name {
        /// What it should name.
        what: String,
        /// What it says.
        found: String,
        /// A nearest name, or the valid ones.
        hint: String,
    },
    /// Anything else; the text says what to do.
    #[error("{0}")]
    Other(String),
}

/// The root table, in error texts.
const ROOT: &str = "this file";

/// One table of a document, with its place in words and in the text.
pub(crate) struct Table<'a> {
    text: &'a str,
    at: usize,
    /// "this file", "[sampling]", "[[processor]] 2".
    pub(crate) place: String,
    entries: &'a DeTable<'a>,
}

/// Parses a document; `read` sees its root table.
pub(crate) fn document<T>(text: &str, read: impl FnOnce(Table<'_>) -> Result<T, ParseError>) -> Result<T, ParseError> {
    let root = DeTable::parse(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        locate(text, at, Problem::Syntax(error.message().to_owned()))
    })?;
    read(Table { text, at: 0, place: ROOT.to_owned(), entries: root.get_ref() })
}

/// Turns a byte offset into a line and a column.
pub(crate) fn locate(text: &str, at: usize, problem: Problem) -> ParseError {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |tail| tail.chars().count()) + 1;
    ParseError { line, column, problem }
}

impl<'a> Table<'a> {
    /// An error at the table's own place.
    pub(crate) fn error(&self, problem: Problem) -> ParseError {
        locate(self.text, self.at, problem)
    }

    /// An error at a key of it, or at the table where there is no such key.
    pub(crate) fn error_at(&self, key: &str, problem: Problem) -> ParseError {
        let at = self.entries.get_key_value(key).map_or(self.at, |(_, value)| value.span().start);
        locate(self.text, at, problem)
    }

    /// Refuses keys outside the list; of several, the first in the text.
    pub(crate) fn only(&self, known: &[&str]) -> Result<(), ParseError> {
        let unknown = self.entries.keys().filter(|key| !known.contains(&key.get_ref().as_ref()));
        match unknown.min_by_key(|key| key.span().start) {
            None => Ok(()),
            Some(key) => Err(locate(
                self.text,
                key.span().start,
                Problem::UnknownKey {
                    key: key.get_ref().to_string(),
                    place: self.place.clone(),
                    hint: hint(key.get_ref(), known.iter().copied()),
                },
            )),
        }
    }

    /// Its keys, sorted.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(|key| key.get_ref().as_ref())
    }

    pub(crate) fn string(&self, key: &str) -> Result<Option<&str>, ParseError> {
        self.get(key, "a string", |value| value.as_str())
    }

    pub(crate) fn boolean(&self, key: &str) -> Result<Option<bool>, ParseError> {
        self.get(key, "true or false", DeValue::as_bool)
    }

    /// A finite number; an integer counts as one.
    pub(crate) fn number(&self, key: &str) -> Result<Option<f64>, ParseError> {
        match self.json(key)? {
            None => Ok(None),
            Some(value) => match value.as_f64() {
                Some(number) => Ok(Some(number)),
                None => Err(self.wrong_type(key, "a number")),
            },
        }
    }

    /// An integer from 1 to the greatest `u32`.
    pub(crate) fn positive(&self, key: &str) -> Result<Option<u32>, ParseError> {
        match self.json(key)? {
            None => Ok(None),
            Some(value) => match value.as_u64().and_then(|n| u32::try_from(n).ok()).filter(|n| *n >= 1) {
                Some(number) => Ok(Some(number)),
                None => Err(self.wrong_type(key, "an integer, 1 or more")),
            },
        }
    }

    /// A string that must be there.
    pub(crate) fn require(&self, key: &str, example: &str) -> Result<&str, ParseError> {
        self.string(key)?.ok_or_else(|| self.missing(key, example))
    }

    pub(crate) fn missing(&self, key: &str, example: &str) -> ParseError {
        self.error(Problem::Missing { key: key.to_owned(), place: self.place.clone(), example: example.to_owned() })
    }

    /// A string that parses to something, whose error says what it should be.
    pub(crate) fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(
        &self,
        key: &str,
        example: &str,
    ) -> Result<T, ParseError> {
        let text = self.require(key, example)?;
        text.parse().map_err(|error: T::Err| self.error_at(key, Problem::Other(error.to_string())))
    }

    /// `use = "pack/module"`.
    pub(crate) fn module(&self) -> Result<ModuleRef, ParseError> {
        self.parsed("use", "\"pack/module\"")
    }

    /// A string that may name an id, a pack, a module or a role.
    pub(crate) fn name(&self, key: &str) -> Result<Option<&str>, ParseError> {
        match self.string(key)? {
            Some(name) if !valid_name(name) => {
                Err(self.error_at(key, Problem::Other(crate::reference::NameError::Name(name.to_owned()).to_string())))
            }
            other => Ok(other),
        }
    }

    /// A member of a closed list.
    pub(crate) fn word<V: Vocabulary>(&self, key: &str) -> Result<Option<V>, ParseError> {
        match self.string(key)? {
            None => Ok(None),
            Some(name) => self.member(name, self.offset(key)).map(Some),
        }
    }

    /// A list of members of a closed list; empty where the key is not given.
    pub(crate) fn words<V: Vocabulary>(&self, key: &str) -> Result<Vec<V>, ParseError> {
        self.strings(key)?.into_iter().map(|(name, at)| self.member(name, at)).collect()
    }

    /// A list of strings with their places; empty where the key is not given.
    pub(crate) fn strings(&self, key: &str) -> Result<Vec<(&str, usize)>, ParseError> {
        let Some(items) = self.get(key, "an array of strings", |value| value.as_array())? else {
            return Ok(Vec::new());
        };
        items
            .iter()
            .map(|item| match item.get_ref().as_str() {
                Some(name) => Ok((name, item.span().start)),
                None => Err(self.wrong_type(key, "an array of strings")),
            })
            .collect()
    }

    fn member<V: Vocabulary>(&self, name: &str, at: usize) -> Result<V, ParseError> {
        V::from_name(name).ok_or_else(|| {
            let names: Vec<&str> = V::all().iter().map(|v| v.name()).collect();
            locate(
                self.text,
                at,
                Problem::Name {
                    what: V::WHAT.to_owned(),
                    found: name.to_owned(),
                    hint: hint(name, names.iter().copied()),
                },
            )
        })
    }

    /// The table under a key.
    pub(crate) fn table(&self, key: &str) -> Result<Option<Table<'_>>, ParseError> {
        let Some(entries) = self.get(key, "a table", |value| value.as_table())? else {
            return Ok(None);
        };
        let place = match self.place.as_str() {
            ROOT => format!("[{key}]"),
            outer => format!("{outer} `{key}`"),
        };
        Ok(Some(Table { text: self.text, at: self.offset(key), place, entries }))
    }

    /// The tables of an array under a key; none where the key is not given.
    pub(crate) fn tables(&self, key: &str) -> Result<Vec<Table<'_>>, ParseError> {
        let expected = "an array of tables";
        let Some(items) = self.get(key, expected, |value| value.as_array())? else {
            return Ok(Vec::new());
        };
        items
            .iter()
            .enumerate()
            .map(|(index, item)| {
                let entries = item.get_ref().as_table().ok_or_else(|| self.wrong_type(key, expected))?;
                let place = match self.place.as_str() {
                    ROOT => format!("[[{key}]] {}", index + 1),
                    outer => format!("{outer} `{key}` {}", index + 1),
                };
                Ok(Table { text: self.text, at: item.span().start, place, entries })
            })
            .collect()
    }

    /// Any value, as JSON.
    pub(crate) fn json(&self, key: &str) -> Result<Option<Value>, ParseError> {
        match self.entries.get(key) {
            None => Ok(None),
            Some(value) => to_json(self.text, value).map(Some),
        }
    }

    /// An array of any values, as JSON.
    pub(crate) fn json_list(&self, key: &str) -> Result<Vec<Value>, ParseError> {
        match self.json(key)? {
            None => Ok(Vec::new()),
            Some(Value::Array(items)) => Ok(items),
            Some(_) => Err(self.wrong_type(key, "an array")),
        }
    }

    /// The table under `config`; empty where it is not given.
    pub(crate) fn config(&self) -> Result<Config, ParseError> {
        match self.table("config")? {
            None => Ok(Config::new()),
            Some(table) => {
                let fields: Vec<String> = table.keys().map(str::to_owned).collect();
                fields
                    .into_iter()
                    .filter_map(|key| match table.json(&key) {
                        Ok(value) => Some(Ok((key, value?))),
                        Err(error) => Some(Err(error)),
                    })
                    .collect()
            }
        }
    }

    pub(crate) fn wrong_type(&self, key: &str, expected: &str) -> ParseError {
        // A scalar shows itself; of a list or a table the type says enough.
        let found = match self.json(key) {
            Ok(Some(value)) if !value.is_array() && !value.is_object() => format!("`{value}`"),
            _ => self
                .entries
                .get(key)
                .map_or("nothing".to_owned(), |value| format!("a value of type {}", value.get_ref().type_str())),
        };
        self.error_at(
            key,
            Problem::Type { key: key.to_owned(), place: self.place.clone(), expected: expected.to_owned(), found },
        )
    }

    fn offset(&self, key: &str) -> usize {
        self.entries.get(key).map_or(self.at, |value| value.span().start)
    }

    fn get<'s, T>(
        &'s self,
        key: &str,
        expected: &str,
        read: impl FnOnce(&'s DeValue<'a>) -> Option<T>,
    ) -> Result<Option<T>, ParseError> {
        match self.entries.get(key) {
            None => Ok(None),
            Some(value) => match read(value.get_ref()) {
                Some(read) => Ok(Some(read)),
                None => Err(self.wrong_type(key, expected)),
            },
        }
    }
}

/// TOML knows three things JSON does not: dates, infinities, not-a-number. Each is refused, as is an integer beyond 64 bits.
fn to_json(text: &str, value: &Spanned<DeValue<'_>>) -> Result<Value, ParseError> {
    let refuse = |what: &str| locate(text, value.span().start, Problem::Other(what.to_owned()));
    Ok(match value.get_ref() {
        DeValue::String(string) => Value::String(string.to_string()),
        DeValue::Integer(integer) => i64::from_str_radix(integer.as_str(), integer.radix())
            .map(Value::from)
            .map_err(|_| refuse("this integer does not fit in 64 bits; write a smaller one"))?,
        DeValue::Float(float) => float
            .as_str()
            .parse::<f64>()
            .ok()
            .and_then(serde_json::Number::from_f64)
            .map(Value::Number)
            .ok_or_else(|| refuse("infinite and undefined numbers are not allowed; write a finite one"))?,
        DeValue::Boolean(boolean) => Value::Bool(*boolean),
        DeValue::Datetime(_) => {
            return Err(refuse("dates are not allowed; write the date as a string, in quotes"));
        }
        DeValue::Array(items) => {
            Value::Array(items.iter().map(|item| to_json(text, item)).collect::<Result<_, ParseError>>()?)
        }
        DeValue::Table(entries) => {
            let mut sorted: Vec<_> = entries.iter().collect();
            sorted.sort_by_key(|(key, _)| key.span().start);
            let object: Result<serde_json::Map<String, Value>, ParseError> =
                sorted.into_iter().map(|(key, item)| Ok((key.get_ref().to_string(), to_json(text, item)?))).collect();
            Value::Object(object?)
        }
    })
}
