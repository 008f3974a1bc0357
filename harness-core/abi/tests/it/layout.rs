//! Layouts of the plugin ABI: each release's are kept in `tests/layout/VERSION.txt`; today's must be the same, or more in
//! the places that may grow.

use std::collections::BTreeMap;

use crate::{snapshot, walk};

#[test]
fn a_released_layout_is_only_appended_to() {
    snapshot::check("layout", &walk::text(), breaches);
}

/// What of `old` is not in `new` as it was.
fn breaches(old: &str, new: &str) -> Vec<String> {
    let (old, new) = (paragraphs(old), paragraphs(new));
    let mut breaches = Vec::new();
    for (name, was) in old {
        match new.get(name) {
            None => breaches.push(format!("{name} is gone, renamed, or no longer reached")),
            Some(is) if !grown(&was, is) => {
                breaches.push(format!("{name} changed in another way than by an addition at its end"));
            }
            Some(_) => {}
        }
    }
    breaches
}

/// Paragraphs by kind and name; the head comes first in each.
fn paragraphs(text: &str) -> BTreeMap<&str, Vec<&str>> {
    let paragraphs = text.split("\n\n").map(|one| one.lines().collect::<Vec<_>>());
    let filled = paragraphs.filter(|lines| !lines.is_empty());
    filled.map(|lines| (lines[0].split(" align").next().unwrap().split(" size").next().unwrap(), lines)).collect()
}

/// Prefix types and growing enums may have more at their end; all else is frozen.
fn grown(was: &[&str], is: &[&str]) -> bool {
    let prefix = |was: &[&str], is: &[&str]| is.len() >= was.len() && is[..was.len()] == *was;
    match was[0].split(' ').next() {
        Some("prefix") => prefix(was, is),
        Some("growing") => {
            let split = |lines: &[&str]| {
                let at = lines.iter().position(|line| line.starts_with("  discriminants")).unwrap_or(lines.len());
                let last = lines.get(at).map_or("", |line| line.trim_end_matches(']')).to_owned();
                (lines[..at].join("\n"), last, lines.get(at + 1..).unwrap_or_default().join("\n"))
            };
            let (was, is) = (split(was), split(is));
            let variants = is.0 == was.0
                || is.0.strip_prefix(&was.0).is_some_and(|more| more.starts_with("\n  ") && !more.starts_with("\n   "));
            let numbers = is.1 == was.1 || is.1.strip_prefix(&was.1).is_some_and(|more| more.starts_with(", "));
            variants && numbers && was.2 == is.2
        }
        _ => was == is,
    }
}

#[test]
fn additions_pass_and_all_else_is_named() {
    let old = "prefix a::V align 8 required 1\n  on fn()\n\n\
               growing b::Part align 8\n  Text\n    text RString\n  discriminants [0]\n\n\
               struct c::Error size 8 align 8\n  class u64\n";
    let cases = [
        ("the same", old.to_owned(), 0),
        ("a method more", old.replace("  on fn()\n", "  on fn()\n  off fn()\n"), 0),
        ("a variant more", old.replace("discriminants [0]", "Blob\n    hash RString\n  discriminants [0, 1]"), 0),
        ("a type more", format!("{old}\nstruct d::New size 8 align 8\n  n u64\n"), 0),
        ("a method first", old.replace("  on fn()\n", "  off fn()\n  on fn()\n"), 1),
        ("another signature", old.replace("on fn()", "on fn(u32)"), 1),
        ("a required method more", old.replace("required 1", "required 2"), 1),
        ("a field more in a variant", old.replace("text RString\n", "text RString\n    lang RString\n"), 1),
        ("other numbers", old.replace("discriminants [0]", "discriminants [1]"), 1),
        ("a field more in a struct", old.replace("class u64\n", "class u64\n  more u64\n"), 1),
        ("a larger struct", old.replace("size 8", "size 16"), 1),
        ("a type less", old.replace("c::Error", "c::Failure"), 1),
    ];
    for (what, new, expected) in cases {
        assert_eq!(breaches(old, &new).len(), expected, "{what}: {:?}", breaches(old, &new));
    }
}
