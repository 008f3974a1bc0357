//! What servers say, over bytes from anywhere, as far as it is read here and not by the protocol's own crate: what a fuzzer calls. Starts
//! nothing.

use serde_json::Value;

use crate::{
    answer,
    config::{Config, Revision},
    listing::Listing,
    pages::Pages,
    strange::{Tail, Watched},
};

/// Bytes of a result a model is shown here.
const MOST: usize = 1000;
/// What the words about a cut may add to it.
const WORDS: usize = 100;

/// Reads `bytes` as a listing of tools, as the result of a call, and as what a program prints; gives how many tools were taken.
///
/// # Errors
///
/// A listing whose tools cannot be called or told apart, or that differs from itself; a result that is longer than it may be.
pub fn fuzz(bytes: &[u8]) -> Result<usize, String> {
    let tail = Tail::default();
    let mut watched = Watched::new((), tail.clone());
    bytes.chunks(5).for_each(|piece| watched.see(piece));
    drop(tail.text());
    let Ok(said) = serde_json::from_slice::<Value>(bytes) else { return Ok(0) };
    let shown = [answer::output(&said, MOST), Some(answer::refused(&said, MOST))].into_iter().flatten();
    if let Some(shown) = shown.map(|output| output.text).find(|text| text.len() > MOST + WORDS || text.is_empty()) {
        return Err(format!("{} bytes are shown of a result: {shown}", shown.len()));
    }
    let tools = said["tools"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut pages = Pages::default();
    if pages.take(&config(), &said, "").is_err() {
        return Ok(0);
    }
    let Ok(listing) = Listing::check(&config(), &pages.tools, &pages.names) else { return Ok(0) };
    let differs = listing.differs(&listing);
    if !differs.is_empty() {
        return Err(format!("it differs from itself: {differs}"));
    }
    let lost = listing.specs().iter().find(|spec| {
        let named = tools.iter().filter(|tool| tool["name"].as_str() == listing.theirs(&spec.name)).count();
        named != 1 || spec.read_only || spec.name.len() > 64 || !spec.input_schema["properties"].is_object()
    });
    lost.map_or(Ok(listing.specs().len()), |spec| Err(format!("took {spec:?}")))
}

pub(crate) fn config() -> Config {
    Config {
        name: "received".to_owned(),
        command: vec!["true".to_owned()],
        url: String::new(),
        env: Vec::new(),
        folder: String::new(),
        token_env: String::new(),
        tools: Vec::new(),
        revision: Revision::Auto,
        believe_hints: false,
        start_ms: 1,
        call_ms: 1,
        most_bytes: MOST,
    }
}
