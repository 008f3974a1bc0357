//! The chat template of the model, rendered with minijinja.
//!
//! Text of control tokens inside a message (say `<|im_end|>` in a web page) must not end a turn: before
//! rendering, a private-use character is put into every such text, and taken out again after the
//! rendered prompt has been cut at the real special tokens. Templates are written for Jinja in Python: the
//! methods of its strings, lists and dictionaries are there, and `tojson` writes what `json.dumps` does.

use super::error::{EngineError, Result};
use super::gguf::Gguf;
use super::tokenizer::Tokenizer;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, Serde};
use minijinja::{Environment, ErrorKind, Value, context};

/// A private-use character; removed from messages that contain it.
const GUARD: char = '\u{F8FF}';
const NAME: &str = "chat";
/// Used when a file carries no template: ChatML.
const CHATML: &str = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}\
{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

/// One message of a conversation.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct Message {
    /// `system`, `user`, `assistant` or `tool`.
    pub role: String,
    /// Text.
    pub content: String,
    /// Calls, for templates that know of tools: `{"type": "function", "function": {"name", "arguments"}}`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<serde_json::Value>,
}

/// The template of a file.
pub(super) fn source(file: &Gguf) -> &str {
    file.text("tokenizer.chat_template").unwrap_or(CHATML)
}

/// A compiled template.
pub struct Template {
    environment: Environment<'static>,
    /// Whether the template speaks of tools.
    pub tools: bool,
}

fn failed(e: minijinja::Error) -> EngineError {
    EngineError::Template(format!("{e:#}"))
}

impl Template {
    /// Compiles the template of the file.
    ///
    /// # Errors
    ///
    /// The file has none, or one of a kind that is not known.
    pub fn read(file: &Gguf) -> Result<Self> {
        let source = source(file).to_owned();
        let tools = source.contains("tools");
        let mut environment = Environment::new();
        // As the templates' authors run them (Hugging Face): block lines leave no white space.
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
        environment.set_syntax(syntax.map_err(failed)?);
        let raise = |message: String| -> std::result::Result<String, minijinja::Error> {
            Err(minijinja::Error::new(ErrorKind::InvalidOperation, message))
        };
        environment.add_function("raise_exception", raise);
        environment.add_filter("tojson", |value: Serde<serde_json::Value>, _: Kwargs| to_json(&value));
        environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        environment.add_template_owned(NAME, source).map_err(failed)?;
        Ok(Self { environment, tools })
    }

    /// Token ids of a conversation, ready for the assistant's turn. `tools` are given to the template as they are.
    ///
    /// # Errors
    ///
    /// The template fails on these messages.
    pub fn encode(&self, tokenizer: &Tokenizer, messages: &[Message], tools: &serde_json::Value) -> Result<Vec<u32>> {
        let mut ids = tokenizer.encode_with_specials(&self.render(tokenizer, messages, tools)?, GUARD);
        if let Some(bos) = tokenizer.bos.filter(|bos| tokenizer.add_bos && ids.first() != Some(bos)) {
            ids.insert(0, bos);
        }
        Ok(ids)
    }

    /// Text of a conversation, with a guard in every text of a message that would be taken for a token.
    ///
    /// # Errors
    ///
    /// The template fails on these messages.
    pub fn render(&self, tokenizer: &Tokenizer, messages: &[Message], tools: &serde_json::Value) -> Result<String> {
        let guard = |text: &str| tokenizer.guard(text, GUARD);
        let guarded = messages.iter().map(|m| Message {
            role: m.role.clone(),
            content: guard(&m.content),
            tool_calls: m.tool_calls.iter().map(|call| each_text(call, &guard)).collect(),
        });
        let guarded: Vec<Message> = guarded.collect();
        let special = |id: Option<u32>| {
            id.map(|id| String::from_utf8_lossy(tokenizer.bytes(id)).into_owned()).unwrap_or_default()
        };
        let template = self.environment.get_template(NAME).map_err(failed)?;
        let text = template.render(context! {
            messages => Value::from(Serde(&guarded)),
            tools => Value::from(Serde(&each_text(tools, &guard))),
            add_generation_prompt => true,
            bos_token => special(tokenizer.bos),
            eos_token => special(Some(tokenizer.end)),
        });
        text.map_err(failed)
    }
}

/// The value with every text in it, keys included, put through `change`.
fn each_text(value: &serde_json::Value, change: &dyn Fn(&str) -> String) -> serde_json::Value {
    use serde_json::Value as Json;
    match value {
        Json::String(text) => Json::String(change(text)),
        Json::Array(items) => items.iter().map(|item| each_text(item, change)).collect(),
        Json::Object(fields) => fields.iter().map(|(key, value)| (change(key), each_text(value, change))).collect(),
        other => other.clone(),
    }
}

/// JSON as Python's `json.dumps` writes it: a space after every comma and colon, nothing escaped for HTML.
fn to_json(value: &serde_json::Value) -> String {
    use serde_json::Value as Json;
    match value {
        Json::Array(items) => format!("[{}]", items.iter().map(to_json).collect::<Vec<_>>().join(", ")),
        Json::Object(fields) => {
            let field = |(key, value): (&String, &Json)| format!("{}: {}", Json::from(key.as_str()), to_json(value));
            format!("{{{}}}", fields.iter().map(field).collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}
