//! Whether a page of HTML may be read as a tree: a parser takes time that grows with the square of how deep elements lie in one another,
//! and of how many attributes one has. Refuses what nobody writes and somebody may send.

use std::collections::HashMap;

/// As deep as browsers follow.
const DEEPEST: usize = 512;
/// Attributes of one element.
const MOST_ATTRIBUTES: usize = 2000;

/// Elements that never hold another one, and those that end where the next of their kind begins.
const FLAT: &str = " area base br col embed hr img input link meta param source track wbr p li dt dd tr td th thead tbody tfoot option \
                    optgroup colgroup rt rp a nobr button html head body ";
/// Elements whose content is no markup.
const OPAQUE: [&str; 4] = ["script", "style", "textarea", "title"];

/// Why the page cannot be read as a tree, if it cannot.
pub(super) fn bounded(html: &str) -> Result<(), String> {
    let lower = html.to_ascii_lowercase();
    let mut open: HashMap<&str, usize> = HashMap::new();
    let (mut depth, mut rest) = (0, lower.as_str());
    while let Some(tag) = next(&mut rest) {
        if let Some(name) = tag.strip_prefix('/') {
            // One that closes nothing changes nothing.
            if let Some(count) = open.get_mut(name_of(name)).filter(|count| **count > 0) {
                *count -= 1;
                depth -= 1;
            }
            continue;
        }
        if attributes(tag) > MOST_ATTRIBUTES {
            return Err(format!("an element of it has more than {MOST_ATTRIBUTES} attributes"));
        }
        let name = name_of(tag);
        if OPAQUE.contains(&name) {
            rest = rest.find(&format!("</{name}")).and_then(|at| rest.get(at..)).unwrap_or_default();
        } else if !FLAT.contains(&format!(" {name} ")) {
            *open.entry(name).or_default() += 1;
            depth += 1;
            if depth > DEEPEST {
                return Err(format!("its elements lie more than {DEEPEST} deep in one another, or are never closed"));
            }
        }
    }
    Ok(())
}

/// The next tag, without its brackets; comments and loose brackets are passed over.
fn next<'a>(rest: &mut &'a str) -> Option<&'a str> {
    loop {
        let (_, after) = rest.split_once('<')?;
        *rest = after;
        if let Some(comment) = after.strip_prefix("!--") {
            *rest = comment.split_once("-->").map_or("", |(_, after)| after);
        } else if after.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/') {
            let end = end_of(after);
            *rest = after.get(end..).unwrap_or_default();
            return after.get(..end);
        }
    }
}

/// Where a tag ends: a bracket in quotes is none.
fn end_of(tag: &str) -> usize {
    let mut quote = None;
    for (at, byte) in tag.bytes().enumerate() {
        match (quote, byte) {
            (None, b'>') => return at,
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), byte) if open == byte => quote = None,
            _ => {}
        }
    }
    tag.len()
}

fn name_of(tag: &str) -> &str {
    tag.split(|c: char| c.is_ascii_whitespace() || c == '/').next().unwrap_or_default()
}

/// At least as many attributes as a tag has.
fn attributes(tag: &str) -> usize {
    tag.bytes().filter(|byte| byte.is_ascii_whitespace() || matches!(byte, b'/' | b'"' | b'\'')).count() / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_people_are_read_and_others_are_not() {
        for good in [
            String::new(),
            "a < b > c <3 <!-- <div> --> <".to_owned(),
            "<div><p>one<p>two</div>".repeat(10_000),
            "<ul>".to_owned() + &"<li>item <a name=x><br>".repeat(100_000) + "</ul>",
            format!("<script>{}</script>", "'<div>';".repeat(10_000)),
            format!("<img src=\"data:{}\">", "<div> ".repeat(1000)),
            format!("<table>{}</table>", "<tr><td>a<td>b".repeat(10_000)),
            "<div>".repeat(500),
        ] {
            assert_eq!(bounded(&good), Ok(()), "{}", good.get(..80.min(good.len())).unwrap_or_default());
        }
        for wrong in [
            "<div>".repeat(600),
            "<DIV >".repeat(600),
            "<ul><li>".repeat(600),
            "<p><b x=1></p>".repeat(600),
            "<div><q></div></i>".repeat(600),
            "<table><tr><td>".repeat(600),
            format!("<p {}>", "a ".repeat(10_000)),
            format!("<p {}>", "a='b'".repeat(10_000)),
        ] {
            assert!(bounded(&wrong).is_err(), "{}", wrong.get(..80).unwrap_or_default());
        }
    }
}
