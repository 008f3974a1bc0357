//! What authors write against: public names and signatures. Each release's are kept in `tests/api/VERSION.txt`.
//!
//! Read out of the sources, which rustfmt keeps in one shape: coarser than a compiler's view (it follows no re-export and
//! infers no auto trait), and enough to see that something public went or changed.

use std::path::{Path, PathBuf};

use crate::snapshot;

#[test]
fn what_is_public_stays() {
    snapshot::check("api", &text(), breaches);
}

/// Lines that went; and methods that every author would have to write from now on.
fn breaches(old: &str, new: &str) -> Vec<String> {
    let old: Vec<&str> = old.lines().collect();
    let gone = old.iter().filter(|line| !new.lines().any(|other| other == **line)).map(|line| format!("went: {line}"));
    let demanded = new.lines().filter(|line| !old.contains(line) && line.contains(" trait ") && line.ends_with(';'));
    // A trait that is new altogether may demand what it likes.
    let demanded = demanded.filter(|line| {
        let owner = line.split(" fn ").next().unwrap_or_default();
        old.iter().any(|line| line.starts_with(owner))
    });
    gone.chain(demanded.map(|line| format!("demanded of every author: {line}"))).collect()
}

fn text() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut text = String::new();
    for file in sources(&folder) {
        let module = file.strip_prefix(&folder).unwrap().with_extension("");
        for item in items(&std::fs::read_to_string(&file).unwrap()) {
            text += &format!("{} {item}\n", module.display());
        }
    }
    text
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    entries.into_iter().flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect()
}

/// Public items of a file, each on a line of its own, with the block it stands in before it.
fn items(source: &str) -> Vec<String> {
    let mut items = Vec::new();
    let (mut owner, mut variant, mut hidden) = (String::new(), String::new(), false);
    let mut lines = source.lines().filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with("//"));
    while let Some(line) = lines.next() {
        let (text, indent) = (line.trim(), line.len() - line.trim_start().len());
        if text.starts_with("#[") {
            hidden |= text == "#[doc(hidden)]";
            continue;
        }
        let (of_enum, of_trait) = (owner.starts_with("pub enum"), owner.starts_with("pub trait"));
        let public = match indent {
            0 => ["pub ", "impl", "macro_rules!"].iter().any(|start| text.starts_with(start)),
            4 if of_enum => text.starts_with(|c: char| c.is_ascii_uppercase()),
            4 if of_trait => text.starts_with("fn "),
            4 => text.starts_with("pub "),
            8 => of_enum && text.ends_with(','),
            _ => false,
        };
        let skipped = std::mem::take(&mut hidden) || !public;
        let item = if public { whole(text, &mut lines) } else { String::new() };
        match indent {
            0 => {
                owner = if skipped { String::new() } else { item.clone() };
                if !skipped && !item.starts_with("impl") {
                    items.extend(exports(item));
                }
            }
            _ if skipped || owner.is_empty() => {}
            8 => items.push(format!("{owner} {variant} {item}")),
            _ => {
                variant.clone_from(&item);
                items.push(format!("{owner} {item}"));
            }
        }
    }
    items
}

/// A list of re-exports as one item each, so that a name more in it is an addition.
fn exports(item: String) -> Vec<String> {
    match item.strip_suffix("};").and_then(|item| item.split_once('{')) {
        Some((path, names)) => names.split(',').map(|name| format!("{path}{};", name.trim())).collect(),
        None => vec![item],
    }
}

/// An item from its first line on, without its body and, where it is long, without its value.
fn whole<'a>(first: &str, lines: &mut impl Iterator<Item = &'a str>) -> String {
    let mut whole = first.to_owned();
    while !whole.ends_with(['{', ';', ',', '}']) || whole.matches('(').count() > whole.matches(')').count() {
        let Some(next) = lines.next() else { break };
        whole = format!("{whole} {}", next.trim());
    }
    let whole = whole.replace("( ", "(").replace(", )", ")");
    let value = !whole.starts_with("pub const fn") && whole.starts_with("pub const") && !whole.ends_with(';');
    let whole = if value { whole.split(" = ").next().unwrap_or_default() } else { &whole };
    whole.trim_end_matches(['{', ' ']).to_owned()
}

#[test]
fn what_goes_or_is_demanded_is_named() {
    let old = "tool pub trait Tool\ntool pub trait Tool fn call(&self);\ntool pub fn sink()\n";
    assert_eq!(breaches(old, old), Vec::<String>::new());
    assert_eq!(breaches(old, &format!("{old}tool pub fn more()\n")), Vec::<String>::new());
    assert_eq!(breaches(old, &format!("{old}tool pub trait Tool fn stop(&self)\n")), Vec::<String>::new());
    assert_eq!(breaches(old, &format!("{old}tool pub trait Tool fn stop(&self);\n")).len(), 1);
    assert_eq!(breaches(old, &old.replace("call(&self)", "call(&mut self)")).len(), 2);
}
