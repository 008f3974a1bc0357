//! The chat template of the model, rendered with minijinja.
//!
//! Text of special tokens inside a message (say `<|im_end|>` in a web page) must not end a turn: before
//! rendering, a private-use character is put into every such text, and taken out again after the
//! rendered prompt has been cut at the real special tokens.

use super::error::{EngineError, Result};
use super::gguf::Gguf;
use super::tokenizer::Tokenizer;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, ErrorKind, Value, context};

/// A private-use character; removed from messages that contain it.
const GUARD: char = '\u{F8FF}';
const NAME: &str = "chat";
/// Used when a file carries no template: ChatML.
const CHATML: &str = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}\
{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

/// One message of a conversation.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Message {
    /// `system`, `user`, `assistant` or `tool`.
    pub role: String,
    /// Text.
    pub content: String,
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
        let source = file.text("tokenizer.chat_template").unwrap_or(CHATML).to_owned();
        let tools = source.contains("tools");
        let mut environment = Environment::new();
        // As the templates' authors run them (Hugging Face): block lines leave no white space.
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
        environment.set_syntax(syntax.map_err(failed)?);
        let raise = |message: String| -> std::result::Result<String, minijinja::Error> {
            Err(minijinja::Error::new(ErrorKind::InvalidOperation, message))
        };
        environment.add_function("raise_exception", raise);
        environment.add_template_owned(NAME, source).map_err(failed)?;
        Ok(Self { environment, tools })
    }

    /// Token ids of a conversation, ready for the assistant's turn. `prefix` is text the assistant's reply
    /// begins with. `tools` is given to the template as it is.
    ///
    /// # Errors
    ///
    /// The template fails on these messages.
    pub fn encode(&self, tokenizer: &Tokenizer, messages: &[Message], tools: &serde_json::Value) -> Result<Vec<u32>> {
        let guarded: Vec<Message> =
            messages.iter().map(|m| Message { role: m.role.clone(), content: guard(tokenizer, &m.content) }).collect();
        let special = |id: Option<u32>| {
            id.map(|id| String::from_utf8_lossy(tokenizer.bytes(id)).into_owned()).unwrap_or_default()
        };
        let template = self.environment.get_template(NAME).map_err(failed)?;
        let text = template
            .render(context! {
                messages => Value::from(Serde(&guarded)),
                tools => Value::from(Serde(tools)),
                add_generation_prompt => true,
                bos_token => special(tokenizer.bos),
                eos_token => special(Some(tokenizer.eos)),
            })
            .map_err(failed)?;
        Ok(tokenizer.encode_with_specials(&text, GUARD))
    }
}

fn guard(tokenizer: &Tokenizer, text: &str) -> String {
    let mut text = text.replace(GUARD, "");
    for special in tokenizer.special_texts() {
        if text.contains(special) {
            let first = special.chars().next().map_or(0, char::len_utf8);
            let (a, b) = special.split_at(first);
            text = text.replace(special, &format!("{a}{GUARD}{b}"));
        }
    }
    text
}
