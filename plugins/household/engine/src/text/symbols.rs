//! The inner language of the grammar: literal text, `#rule#`, `{expression | filter}` and
//! `[{expression | filter}]`. What follows the first unreadable character is dropped, as the
//! reference does.

use crate::GameError;

/// One piece of a rule's right-hand side.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Symbol {
    Text(String),
    /// `#name#`
    Rule(String),
    /// `{body | filter}`: the body once per match; with `list`, joined as an enumeration.
    Each {
        body: Box<Symbol>,
        filter: Option<Query>,
        list: bool,
    },
    /// An expression over the variables.
    Value(Vec<Part>),
}

/// One summand of an expression.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Part {
    Text(String),
    /// The first non-empty of these.
    FirstOf(Vec<(String, Attribute)>),
}

/// What to print of an entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Attribute {
    Name,
    Identifier,
    Indefinite,
    Definite,
}

/// A conjunction of facts with typed placeholders.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Query {
    pub facts: Vec<QueryFact>,
}

/// `predicate(name:type, ...)`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct QueryFact {
    pub predicate: String,
    /// Name and type of each placeholder.
    pub placeholders: Vec<(String, String)>,
}

impl Symbol {
    /// Collects the filters within.
    pub fn queries<'s>(&'s self, out: &mut Vec<&'s Query>) {
        if let Self::Each { body, filter, .. } = self {
            out.extend(filter);
            body.queries(out);
        }
    }
}

/// Reads `a(x:t) & b(y:t)`.
pub(crate) fn parse_query(text: &str, place: &str) -> Result<Query, GameError> {
    let bad = |part: &str| {
        GameError::grammar(place, format!("expected `predicate(name:type, ...)`, found `{}`", part.trim()))
    };
    let mut facts = Vec::new();
    for part in text.split('&') {
        let (predicate, rest) = part.trim().split_once('(').ok_or_else(|| bad(part))?;
        let inner = rest.trim_end().strip_suffix(')').ok_or_else(|| bad(part))?;
        let mut placeholders = Vec::new();
        for placeholder in inner.split(',').map(str::trim).filter(|p| !p.is_empty()) {
            let (name, kind) = placeholder.split_once(':').unwrap_or((placeholder, placeholder));
            let word = |w: &str| !w.is_empty() && w.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-');
            let (name, kind) = (name.trim(), kind.trim());
            if !word(name) || !word(kind) {
                return Err(bad(part));
            }
            placeholders.push((name.to_owned(), kind.to_owned()));
        }
        if placeholders.len() > crate::pddl::MAX_ARITY {
            return Err(bad(part));
        }
        facts.push(QueryFact { predicate: predicate.trim().to_owned(), placeholders });
    }
    Ok(Query { facts })
}

/// Reads a right-hand side.
pub(crate) fn parse_symbols(text: &str, place: &str) -> Result<Vec<Symbol>, GameError> {
    // Blanks are skipped at the very start of a text and tabs before each symbol.
    let mut rest = text.trim_start();
    let mut symbols = Vec::new();
    loop {
        rest = rest.trim_start_matches('\t');
        let Some(first) = rest.chars().next() else { break };
        match first {
            '[' => {
                let Some((symbol, after)) = conditional(&rest[1..], true, place)? else { break };
                let Some(after) = after.trim_start_matches('\t').strip_prefix(']') else { break };
                symbols.push(symbol);
                rest = after;
            }
            '{' => {
                let Some((symbol, after)) = conditional(rest, false, place)? else { break };
                symbols.push(symbol);
                rest = after;
            }
            '#' => {
                let Some((symbol, after)) = rule_name(rest) else { break };
                symbols.push(symbol);
                rest = after;
            }
            '"' => {
                let Some((literal, after)) = rest[1..].split_once('"') else { break };
                if literal.contains(is_reserved) {
                    break;
                }
                symbols.push(Symbol::Text(literal.replace("\\n", "\n")));
                rest = after;
            }
            c if is_reserved(c) => break,
            _ => {
                let end = rest.find(is_reserved).unwrap_or(rest.len());
                symbols.push(Symbol::Text(rest[..end].replace("\\n", "\n")));
                rest = &rest[end..];
            }
        }
    }
    Ok(symbols)
}

/// Characters literal text cannot hold.
fn is_reserved(c: char) -> bool {
    matches!(c, ';' | '|' | '"' | '<' | '>' | '[' | ']' | '#' | '{' | '}')
}

/// `#name#` at the start of `text`.
fn rule_name(text: &str) -> Option<(Symbol, &str)> {
    let (name, after) = text.strip_prefix('#')?.split_once('#')?;
    Some((Symbol::Rule(name.to_owned()), after))
}

type Parsed<'a> = Result<Option<(Symbol, &'a str)>, GameError>;

/// `{body | filter}` at the start of `text`.
fn conditional<'a>(text: &'a str, list: bool, place: &str) -> Parsed<'a> {
    let Some(inner) = text.trim_start_matches('\t').strip_prefix('{') else { return Ok(None) };
    let Some((content, after)) = inner.split_once('}') else { return Ok(None) };
    let (body, filter) = match content.split_once('|') {
        Some((body, filter)) => (body, Some(parse_query(filter, place)?)),
        None => (content, None),
    };
    let body = match rule_name(body.trim()) {
        Some((rule, "")) => rule,
        _ => Symbol::Value(expression(body, place)?),
    };
    Ok(Some((Symbol::Each { body: Box::new(body), filter, list }, after)))
}

/// `a.name + ' ' + b.name or b.id`.
fn expression(text: &str, place: &str) -> Result<Vec<Part>, GameError> {
    let bad = |what: &str| GameError::grammar(place, format!("cannot read expression `{}` at `{what}`", text.trim()));
    let mut parts = Vec::new();
    for summand in text.split('+').map(str::trim) {
        let quoted = ['\'', '"'].iter().find_map(|q| summand.strip_prefix(*q).and_then(|s| s.strip_suffix(*q)));
        if let Some(text) = quoted {
            parts.push(Part::Text(text.to_owned()));
            continue;
        }
        let mut choices = Vec::new();
        for choice in summand.split(" or ").map(str::trim) {
            let (variable, attribute) = choice.split_once('.').unwrap_or((choice, "name"));
            let attribute = match attribute {
                "name" => Attribute::Name,
                "id" => Attribute::Identifier,
                "indefinite" => Attribute::Indefinite,
                "definite" => Attribute::Definite,
                _ => return Err(bad(choice)),
            };
            if variable.is_empty() || !variable.chars().all(|c| c.is_alphanumeric() || c == '_') {
                return Err(bad(choice));
            }
            choices.push((variable.to_owned(), attribute));
        }
        parts.push(Part::FirstOf(choices));
    }
    Ok(parts)
}
