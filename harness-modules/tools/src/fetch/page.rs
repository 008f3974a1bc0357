//! From the bytes of a document to the text a model reads: characters, HTML, and the part that was asked for.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8};
use harness_http::reqwest::Url;

use super::{exchange::Document, nesting};
use crate::answer::Refusal;

/// Where a page of HTML names its encoding, if it does.
const HEAD: usize = 1024;
/// Columns of a page: wide enough for code, narrow enough for rules and tables.
const COLUMNS: usize = 120;

/// A document as text.
#[derive(Debug)]
pub(super) struct Page {
    pub text: String,
    /// Whether bytes were no characters of its encoding.
    pub garbled: bool,
}

/// The text of a document. `raw`: HTML as it is.
pub(super) fn page(document: &Document, raw: bool) -> Result<Page, Refusal> {
    let html = is_html(document);
    let encoding = encoding(document, html);
    let (text, _, garbled) = encoding.decode(&document.body);
    // The last character of what was cut may be half.
    let garbled = garbled && document.whole;
    let text = if html && !raw { readable(&text, &document.url)? } else { text.into_owned() };
    Ok(Page { text, garbled })
}

fn is_html(document: &Document) -> bool {
    match document.kind.as_str() {
        "text/html" | "application/xhtml+xml" => true,
        "" => {
            let begin = document.body.trim_ascii_start();
            let begins =
                |tag: &str| begin.get(..tag.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(tag.as_bytes()));
            begins("<!doctype html") || begins("<html")
        }
        _ => false,
    }
}

/// What the server says, else what the page says, else UTF-8; a byte order mark goes before all of them.
fn encoding(document: &Document, html: bool) -> &'static Encoding {
    let said = document.charset.as_deref().and_then(|name| Encoding::for_label(name.as_bytes()));
    said.or_else(|| html.then(|| in_head(&document.body)).flatten()).unwrap_or(UTF_8)
}

/// The encoding of `<meta charset=…>`, in both of its forms.
fn in_head(body: &[u8]) -> Option<&'static Encoding> {
    let head = body.get(..HEAD.min(body.len()))?.to_ascii_lowercase();
    let key = b"charset=";
    let at = head.windows(key.len()).position(|window| window == key)? + key.len();
    let name = head.get(at..)?.trim_ascii_start();
    let name = name.strip_prefix(b"\"").or_else(|| name.strip_prefix(b"'")).unwrap_or(name);
    let end =
        name.iter().position(|byte| !(byte.is_ascii_alphanumeric() || b"-_:.".contains(byte))).unwrap_or(name.len());
    // A page whose ASCII could be read so far is in none of two bytes a character.
    Encoding::for_label(name.get(..end)?).map(Encoding::output_encoding)
}

/// HTML as text: headings, lists and tables are kept, links numbered and listed whole at the end, scripts and styles left out.
fn readable(html: &str, base: &Url) -> Result<String, Refusal> {
    let unread =
        |why: &dyn std::fmt::Display| Refusal(format!("the page cannot be made readable: {why}; ask for it with raw"));
    nesting::bounded(html).map_err(|why| unread(&why))?;
    let config = html2text::config::plain().link_footnotes(true).no_link_wrapping().allow_width_overflow();
    let text = config.string_from_read(html.as_bytes(), COLUMNS);
    let text = text.map_err(|error| unread(&error))?;
    let mut lines: Vec<Cow<'_, str>> = text.lines().map(|line| line.trim_end().into()).collect();
    // The list of links is what the page ends with.
    for line in lines.iter_mut().rev() {
        let Some(whole) = whole_link(line, base) else { break };
        *line = whole.into();
    }
    Ok(lines.join("\n"))
}

/// `[2]: /there` with the address in full, so that it can be fetched; `None` for other lines.
fn whole_link(line: &str, base: &Url) -> Option<String> {
    let (number, to) = line.strip_prefix('[')?.split_once("]: ")?;
    let number: usize = number.parse().ok()?;
    Some(base.join(to).map_or_else(|_| line.to_owned(), |to| format!("[{number}]: {to}")))
}

/// Characters `start..start + most` of a text, with how many there are and how to see the rest.
pub(super) fn window(text: &str, start: usize, most: usize) -> Result<String, Refusal> {
    let total = text.chars().count();
    if start > 0 && start >= total {
        return Err(Refusal(format!("the document has only {total} characters, start_index {start} is beyond")));
    }
    let place = |number: usize| text.char_indices().nth(number).map_or(text.len(), |(at, _)| at);
    let shown = text.get(place(start)..place(start.saturating_add(most))).unwrap_or_default();
    let end = start + shown.chars().count();
    if end == total && start == 0 {
        return Ok(shown.to_owned());
    }
    let rest = if end < total { format!("; call again with start_index {end} for the rest") } else { String::new() };
    Ok(format!("{shown}\n[characters {start} to {end} of {total}{rest}]"))
}
