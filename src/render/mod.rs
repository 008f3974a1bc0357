//! Results as text, for terminals and for the models of MCP clients alike.

pub mod episode;
pub mod evolution;

use harness::abi::Usage;

/// Tokens and money in a line.
pub fn tokens(usage: &Usage) -> String {
    let cached = if usage.cached_tokens > 0 { format!(" ({} cached)", usage.cached_tokens) } else { String::new() };
    let cost = if usage.cost_micros > 0 { format!(", ${:.6}", usage.cost_micros as f64 / 1e6) } else { String::new() };
    format!("{}{cached} + {} tokens{cost}", usage.input_tokens, usage.output_tokens)
}

/// The beginning of a text, on one line.
pub fn one_line(text: &str, width: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= width {
        return line;
    }
    line.chars().take(width - 1).chain(['…']).collect()
}
