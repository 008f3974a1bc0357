//! What is configured of a server, whatever its protocol. Fields are checked where they are used.

use serde::Deserialize;
use serde_json::{Map, Value};

/// A server, and how much patience it gets.
#[derive(Debug, Clone, Deserialize)]
pub struct Service {
    /// Where it is.
    pub base_url: String,
    /// The server's name for the model.
    pub model: String,
    /// The environment variables that hold keys, separated by commas; empty: none is sent.
    pub api_key_env: String,
    /// Whether replies are streamed.
    pub stream: bool,
    /// Whether temperature and top_p are sent.
    pub send_sampling: bool,
    /// Put into every request as it is.
    pub extra_body: Map<String, Value>,
    /// Most tokens of prompt and reply; 0 when unknown.
    pub context_length: u64,
    /// Milliseconds to connect.
    pub connect_timeout_ms: u64,
    /// Milliseconds without a byte.
    pub idle_timeout_ms: u64,
    /// Milliseconds for a reply in all, retries included.
    pub total_timeout_ms: u64,
    /// Attempts after the first.
    pub retries: u32,
    /// The first wait between attempts is drawn below it; it doubles.
    pub backoff_ms: u64,
    /// No wait is longer.
    pub max_backoff_ms: u64,
    /// Dollars for a million tokens read; what is not given is looked up by the model's name.
    pub input_price: Option<f64>,
    /// Dollars for a million tokens read from the cache.
    pub cached_price: Option<f64>,
    /// Dollars for a million tokens written.
    pub output_price: Option<f64>,
}
