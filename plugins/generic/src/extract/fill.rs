//! Which span is which parameter's: by kind, by the words around it and by prepositions; each span serves one parameter.

use serde_json::{Map, Value};

use super::spans::{Kind, Span, Word, spans, words};

/// Least evidence on which an optional parameter is filled.
const EVIDENCE: f64 = 1.0;
/// Affinity that is evidence by itself.
const SURE: f64 = 3.0;

/// Arguments for the object schema `schema` found in `request`. Parameters that are not required are filled on evidence alone, and
/// only when `optional`.
pub fn fill(request: &str, schema: &Value, optional: bool) -> Map<String, Value> {
    let words = words(request);
    let mut source = Source { spans: spans(&words), taken: vec![false; words.len()], words };
    source.object(schema, optional)
}

struct Source<'a> {
    words: Vec<Word<'a>>,
    spans: Vec<Span>,
    taken: Vec<bool>,
}

struct Parameter<'a> {
    name: &'a str,
    schema: &'a Value,
    required: bool,
    /// Words of its name and description with their weights.
    cues: Vec<(String, f64)>,
    /// The same as one text.
    about: String,
}

fn lower_words(text: &str) -> Vec<String> {
    let split = text.split(|c: char| !c.is_alphanumeric());
    split.filter(|word| word.len() > 2).map(|word| word.to_lowercase().trim_end_matches('s').to_owned()).collect()
}

fn kind(schema: &Value) -> &str {
    match &schema["type"] {
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null").unwrap_or("string"),
        Value::String(kind) => kind,
        _ => "string",
    }
}

impl<'a> Parameter<'a> {
    fn all(schema: &'a Value) -> Vec<Self> {
        let required = schema["required"].as_array();
        let properties = schema["properties"].as_object().into_iter().flatten();
        properties
            .map(|(name, schema)| {
                let description = schema["description"].as_str().unwrap_or_default();
                let named = lower_words(name).into_iter().map(|word| (word, 2.0));
                let described = lower_words(description).into_iter().map(|word| (word, 0.4));
                Self {
                    name,
                    schema,
                    required: required.is_some_and(|names| names.iter().any(|one| one == name)),
                    cues: named.chain(described).collect(),
                    about: format!("{name} {description}").to_lowercase(),
                }
            })
            .collect()
    }

    fn speaks_of(&self, any: &[&str]) -> bool {
        any.iter().any(|word| self.about.contains(word))
    }

    fn named_for(&self, any: &[&str]) -> bool {
        let name = self.name.to_lowercase();
        any.iter().any(|word| name.contains(word))
    }
}

impl Source<'_> {
    fn object(&mut self, schema: &Value, optional: bool) -> Map<String, Value> {
        let parameters = Parameter::all(schema);
        let mut found: Vec<Option<Value>> = parameters.iter().map(|parameter| self.mentioned(parameter)).collect();
        // Spans go to the pair of span and parameter that fits best, then to the next best.
        let mut pairs: Vec<(f64, usize, usize)> = Vec::new();
        for (at, parameter) in parameters.iter().enumerate().filter(|(at, _)| found[*at].is_none()) {
            for (index, span) in self.spans.iter().enumerate() {
                let Some(affinity) = affinity(parameter, span) else { continue };
                let cues = self.cues(parameter, span);
                // A date for a date, an address for a link: such a kind is evidence of its own. A phrase is none.
                let told = (cues >= EVIDENCE && span.kind != Kind::Phrase) || affinity >= SURE;
                if parameter.required || (optional && told) {
                    let bonus = if parameter.required { 0.5 } else { 0.0 };
                    pairs.push((affinity + cues + bonus, at, index));
                }
            }
        }
        pairs.sort_by(|a, b| b.0.total_cmp(&a.0).then((a.2, a.1).cmp(&(b.2, b.1))));
        for (_, at, index) in pairs {
            let span = &self.spans[index];
            if found[at].is_none() && !self.taken[span.start..span.end].contains(&true) {
                found[at] = self.value(&parameters[at], index);
            }
        }
        let mut arguments = Map::new();
        for (parameter, value) in parameters.iter().zip(found) {
            let value = value.or_else(|| match kind(parameter.schema) {
                "array" if parameter.required || optional => self.array(parameter),
                "object" | "dict" if parameter.required => Some(Value::Object(self.object(parameter.schema, optional))),
                _ => None,
            });
            let value = value.or_else(|| parameter.required.then(|| last_resort(parameter.schema)).flatten());
            if let Some(value) = value {
                arguments.insert(parameter.name.to_owned(), value);
            }
        }
        arguments
    }

    /// What needs no span: a value of an enum that is named, a boolean that is mentioned.
    fn mentioned(&self, parameter: &Parameter<'_>) -> Option<Value> {
        let text: Vec<String> = self.words.iter().map(|word| word.text.to_lowercase()).collect();
        let text = format!(" {} ", text.join(" "));
        if let Some(choices) = parameter.schema["enum"].as_array() {
            let plain =
                |choice: &Value| choice.as_str().map_or_else(|| choice.to_string(), str::to_owned).to_lowercase();
            let named = |choice: &&Value| text.contains(&format!(" {} ", plain(choice).replace(['_', '-'], " ")));
            let named = choices.iter().filter(named).max_by_key(|choice| plain(choice).len());
            return named
                .or_else(|| {
                    parameter.required.then(|| parameter.schema.get("default").or_else(|| choices.first())).flatten()
                })
                .cloned();
        }
        if kind(parameter.schema) == "boolean" {
            let own = lower_words(parameter.name);
            let at = self.words.iter().position(|word| lower_words(word.text).iter().any(|word| own.contains(word)));
            let denied = |at: usize| {
                (at.saturating_sub(3)..at).any(|index| {
                    matches!(text_of(&self.words[index]).as_str(), "no" | "not" | "without" | "don't" | "exclude")
                })
            };
            return at.map(|at| Value::Bool(!denied(at)));
        }
        None
    }

    /// How much the words around `span` speak of `parameter`.
    fn cues(&self, parameter: &Parameter<'_>, span: &Span) -> f64 {
        const REACH: usize = 5;
        let mut sum = 0.0;
        for (index, word) in self.words.iter().enumerate() {
            let distance = if index < span.start { span.start - index } else { (index + 1).saturating_sub(span.end) };
            if (index >= span.start && index < span.end) || distance > REACH {
                continue;
            }
            let text = text_of(word).trim_end_matches('s').to_owned();
            let weight =
                parameter.cues.iter().filter(|(cue, _)| *cue == text).map(|(_, weight)| *weight).fold(0.0, f64::max);
            #[expect(clippy::cast_precision_loss, reason = "at most REACH")]
            let near = 1.0 + distance as f64 / 2.0;
            // What punctuation keeps apart belongs together less.
            let between =
                if index < span.start { &self.words[index..span.start] } else { &self.words[span.end - 1..index] };
            let apart = if between.iter().any(Word::ends_phrase) { 0.5 } else { 1.0 };
            sum += apart * weight / near;
        }
        let before = span.start.checked_sub(1).map(|index| text_of(&self.words[index])).unwrap_or_default();
        let leaves = parameter.named_for(&["from", "origin", "source", "start", "depart", "pickup"]);
        let arrives =
            parameter.named_for(&["to_", "destination", "target", "end", "arriv", "dropoff"]) || parameter.name == "to";
        sum + match before.as_str() {
            "from" | "between" if leaves => 2.0,
            "to" | "and" | "until" if arrives => 2.0,
            "from" if arrives => -2.0,
            "to" if leaves => -2.0,
            "in" | "at" | "near" | "for" | "of"
                if parameter.speaks_of(&["city", "location", "place", "country", "state"]) =>
            {
                0.8
            }
            "named" | "called" | "titled" if parameter.named_for(&["name", "title"]) => 1.5,
            _ => 0.0,
        }
    }

    /// The value of span `index` as `parameter` wants it; the span is spent.
    fn value(&mut self, parameter: &Parameter<'_>, index: usize) -> Option<Value> {
        let span = self.spans[index].clone();
        let value = match (&span.kind, kind(parameter.schema)) {
            (Kind::List(items), "array") => Value::Array(items.clone()),
            (Kind::Number(number), "integer") => number.as_i64().map(Value::from)?,
            (Kind::Number(number), "number" | "float") => number.clone(),
            (Kind::Date(Some(day)), _) => day.formatted(&parameter.about).unwrap_or(span.text).into(),
            _ => span.text.into(),
        };
        self.taken[span.start..span.end].fill(true);
        Some(value)
    }

    /// All that is left of what the items are.
    fn array(&mut self, parameter: &Parameter<'_>) -> Option<Value> {
        let items = &parameter.schema["items"];
        let wanted = |kind: &Kind| match self::kind(items) {
            "integer" | "number" | "float" => matches!(kind, Kind::Number(_)),
            "string" => matches!(kind, Kind::Quoted | Kind::Name | Kind::Address),
            _ => false,
        };
        let mut values = Vec::new();
        for index in 0..self.spans.len() {
            let span = &self.spans[index];
            if wanted(&span.kind) && !self.taken[span.start..span.end].contains(&true) {
                let item = Parameter {
                    name: parameter.name,
                    schema: items,
                    required: true,
                    cues: Vec::new(),
                    about: String::new(),
                };
                values.extend(self.value(&item, index));
            }
        }
        (!values.is_empty()).then_some(Value::Array(values))
    }
}

fn text_of(word: &Word<'_>) -> String {
    word.text.to_lowercase()
}

/// Whether a number is written as a word.
fn spelled(span: &Span) -> bool {
    !span.text.contains(|c: char| c.is_ascii_digit())
}

/// How well a span's kind suits a parameter; `None`: not at all.
fn affinity(parameter: &Parameter<'_>, span: &Span) -> Option<f64> {
    let timed = parameter.speaks_of(&["date", "time", "day", "when", "year"]);
    match (kind(parameter.schema), &span.kind) {
        // `three sides` counts more often than it is meant.
        ("integer", Kind::Number(number)) => number.is_i64().then_some(if spelled(span) { 1.0 } else { 2.0 }),
        ("number" | "float", Kind::Number(_)) => Some(if spelled(span) { 1.0 } else { 2.0 }),
        ("array", Kind::List(_)) => Some(4.0),
        ("string", Kind::Quoted) => Some(2.5),
        ("string", Kind::Address) => {
            Some(if parameter.speaks_of(&["mail", "url", "link", "address", "site"]) { 4.0 } else { 0.2 })
        }
        ("string", Kind::Date(_)) => Some(if timed { 3.5 } else { 0.1 }),
        ("string", Kind::Name) if timed => Some(0.2),
        ("string", Kind::Name) => {
            let proper = [
                "name", "city", "location", "country", "place", "state", "person", "artist", "company", "team", "title",
            ];
            Some(if parameter.speaks_of(&proper) { 2.2 } else { 1.4 })
        }
        ("string", Kind::Number(_)) => {
            Some(if parameter.speaks_of(&["id", "code", "zip", "number", "phone"]) { 2.0 } else { 0.1 })
        }
        ("string", Kind::Phrase) => Some(0.6),
        _ => None,
    }
}

/// What a required parameter gets that nothing in the request speaks of: its default, or the simplest value that is one.
fn last_resort(schema: &Value) -> Option<Value> {
    schema.get("default").cloned().or_else(|| match kind(schema) {
        "boolean" => Some(true.into()),
        "array" => Some(Value::Array(Vec::new())),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(request: &str, properties: Value, required: &[&str], expected: Value) {
        let schema = json!({"type": "object", "properties": properties, "required": required});
        assert_eq!(Value::Object(fill(request, &schema, true)), expected, "{request}");
    }

    #[test]
    fn fills_by_kind_and_cue() {
        let text = |description: &str| json!({"type": "string", "description": description});
        let whole = |description: &str| json!({"type": "integer", "description": description});
        check(
            "Calculate the area of a triangle with base 10 and height 5.",
            json!({"height": whole("The height"), "base": whole("The base"), "unit": text("Unit of measure")}),
            &["base", "height"],
            json!({"height": 5, "base": 10}),
        );
        check(
            "Find a flight from New York to Paris on 3 May 2024, 2 passengers",
            json!({"origin": text("City of departure"), "destination": text("City of arrival"), "date": text("Date, YYYY-MM-DD"), "passengers": whole("How many travel")}),
            &["origin", "destination", "date"],
            json!({"origin": "New York", "destination": "Paris", "date": "2024-05-03", "passengers": 2}),
        );
        check(
            "What's the weather in Boston, MA in fahrenheit?",
            json!({"location": text("The city and state"), "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]}}),
            &["location"],
            json!({"location": "Boston, MA", "unit": "fahrenheit"}),
        );
        check(
            "Sort [3, 1.5, 2] without duplicates",
            json!({"list": {"type": "array", "items": {"type": "number"}}, "duplicates": {"type": "boolean"}}),
            &["list"],
            json!({"list": [3, 1.5, 2], "duplicates": false}),
        );
        check(
            "What are the mean and variance of 4, 8 and 15?",
            json!({"numbers": {"type": "array", "items": {"type": "integer"}}}),
            &["numbers"],
            json!({"numbers": [4, 8, 15]}),
        );
        check("Play \"Hey Jude\"", json!({"song": text("The title")}), &["song"], json!({"song": "Hey Jude"}));
        check(
            "Anything new?",
            json!({"n": {"type": "integer", "default": 5}, "s": text("?")}),
            &["n"],
            json!({"n": 5}),
        );
    }
}
