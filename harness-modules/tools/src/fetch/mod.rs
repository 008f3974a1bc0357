//! `fetch`: a document of the web as text. Refuses every host nobody listed, addresses of this machine and its networks, what is no
//! text, and to take longer or more than it may.

mod exchange;
mod hosts;
mod nesting;
mod page;
#[cfg(test)]
mod tests;

use std::time::Duration;

use harness_abi::{ErrorClass, ModuleError, Tool, ToolOutput, ToolRequest, ToolSink, ToolSpec};
use harness_http::reqwest::Url;
use serde::Deserialize;
use serde_json::json;
use tokio::runtime::Builder;

use crate::answer::{self, Refusal, clipped};
use exchange::Document;
use hosts::Hosts;

/// How often it is looked whether the answer is still wanted.
const LOOK: Duration = Duration::from_millis(250);
/// Bytes shown of what a server says to an error.
const EXCUSE: usize = 1000;

/// Configuration; see `pack.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FetchConfig {
    hosts: Vec<String>,
    seconds: u64,
    bytes: usize,
    output_chars: usize,
}

/// The tool.
#[derive(Debug)]
pub(crate) struct Fetch {
    hosts: Hosts,
    seconds: u64,
    bytes: usize,
    output_chars: usize,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    url: String,
    #[serde(default)]
    start_index: usize,
    #[serde(default)]
    max_length: usize,
    #[serde(default)]
    raw: bool,
}

impl Fetch {
    pub fn new(config: FetchConfig) -> Result<Self, ModuleError> {
        let FetchConfig { hosts, seconds, bytes, output_chars } = config;
        Ok(Self { hosts: Hosts::new(hosts).map_err(ModuleError::config)?, seconds, bytes, output_chars })
    }

    /// Gets the document; `None` when nobody waits for it any more.
    fn get(&self, url: Url, sink: &ToolSink) -> Result<Option<Document>, Refusal> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let lost = async {
            while !sink.cancelled() {
                tokio::time::sleep(LOOK).await;
            }
        };
        let (patience, late) = (Duration::from_secs(self.seconds), url.to_string());
        let got = runtime.block_on(async {
            tokio::select! {
                got = tokio::time::timeout(patience, exchange::get(url, &self.hosts, self.bytes)) => Some(got),
                () = lost => None,
            }
        });
        // The lookup of a name cannot be called off; nobody waits for it.
        runtime.shutdown_background();
        match got {
            None => Ok(None),
            Some(Ok(got)) => got.map(Some),
            Some(Err(_)) => Err(Refusal(format!("{late} did not answer whole within {} s", self.seconds))),
        }
    }

    fn show(&self, document: &Document, arguments: &Arguments) -> Result<String, Refusal> {
        let page = page::page(document, arguments.raw)?;
        let kind = if document.kind.is_empty() { "of no stated type" } else { &document.kind };
        if !document.status.is_success() {
            let wait =
                document.retry_after.as_ref().map_or_else(String::new, |wait| format!(", try again after: {wait}"));
            let said = clipped(page.text.trim(), EXCUSE);
            return Err(Refusal(format!("{}: {}{wait}\n{said}", document.url, document.status)));
        }
        let most = match arguments.max_length {
            0 => self.output_chars,
            asked => asked.min(self.output_chars),
        };
        let shown = page::window(&page.text, arguments.start_index, most)?;
        let mut notes = String::new();
        if !document.whole {
            notes += &format!("\n[only its first {} bytes were read]", self.bytes);
        }
        if page.garbled {
            notes += "\n[some bytes are no characters of its encoding; they are shown as \u{fffd}]";
        }
        Ok(format!("{} ({kind})\n\n{shown}{notes}", document.url))
    }
}

impl Tool for Fetch {
    fn specs(&self) -> Vec<ToolSpec> {
        let hosts = match (self.hosts.is_empty(), self.hosts.are_all()) {
            (true, _) => "No host is allowed at present.".to_owned(),
            (_, true) => "Any public host is allowed.".to_owned(),
            _ => format!("Allowed hosts: {}.", self.hosts.names()),
        };
        vec![ToolSpec {
            name: "fetch".to_owned(),
            description: format!(
                "Gets a document of the web by http or https as text; HTML is made readable. At most {} characters at once; \
                 start_index reads on. {hosts}",
                self.output_chars
            ),
            input_schema: json!({
                "type": "object",
                "properties": {
                    "url": {"type": "string", "description": "The address, with http:// or https://"},
                    "start_index": {"type": "integer", "minimum": 0, "description": "The first character shown; 0 without it"},
                    "max_length": {"type": "integer", "minimum": 1, "description": "How many characters"},
                    "raw": {"type": "boolean", "description": "HTML as it is instead of readable text"}
                },
                "required": ["url"],
                "additionalProperties": false
            }),
            // An address says something to whom it is sent. Those a person listed may get it; anybody may not, unasked.
            read_only: !self.hosts.are_all(),
            idempotent: true,
        }]
    }

    fn call(&self, request: &ToolRequest<'_>, sink: &ToolSink) -> Result<ToolOutput, ModuleError> {
        let prepared = || -> Result<_, Refusal> {
            let arguments: Arguments = answer::arguments(request)?;
            let url = Url::parse(arguments.url.trim())
                .map_err(|error| Refusal(format!("`{}` is no address: {error}", clipped(&arguments.url, 200))))?;
            self.hosts.admit(&url)?;
            Ok((arguments, url))
        };
        let (arguments, url) = match prepared() {
            Ok(prepared) => prepared,
            Err(refusal) => return answer::output(Err(refusal)),
        };
        match self.get(url, sink) {
            Ok(None) => Err(ModuleError::new(ErrorClass::CANCELLED, "nobody waits for the document any more")),
            Ok(Some(document)) => answer::output(self.show(&document, &arguments)),
            Err(refusal) => answer::output(Err(refusal)),
        }
    }
}
