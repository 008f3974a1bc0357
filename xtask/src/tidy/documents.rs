//! Documents that quote code must quote it as it is, links must lead somewhere, and no file may name a place on somebody's
//! machine.
//!
//! A quote is a code block after a line `<!-- quote: PATH -->`; it must equal the whole file.

use super::{Breach, File};

/// Most characters of a line of prose.
const WIDTH: usize = 120;

/// What is written by a program, or an example of what a program reads.
const NOT_PROSE: [&str; 3] = ["docs/results/", "fuzz/", "tests/"];

/// How an absolute path on a person's machine begins, split so that this file does not contain one.
const MACHINE: [&str; 4] =
    [concat!("/ho", "me/"), concat!("/ro", "ot/"), concat!("/Us", "ers/"), concat!("/wo", "rk/")];

/// The document that says where things are.
const MAP: &str = "ARCHITECTURE.md";

/// Every document, and every file for machine paths.
pub fn check(files: &[File]) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for file in files {
        for (number, line) in file.text.lines().enumerate() {
            if let Some(path) = MACHINE.iter().find(|path| names(line, path)) {
                let what = format!("names {path}…, a place on one machine");
                breaches.push(Breach::new(format!("{}:{}", file.path, number + 1), what));
            }
        }
        if file.path == MAP {
            breaches.extend(places(file, files).into_iter().map(|what| Breach::new(&file.path, what)));
        }
        if file.path.ends_with(".md") {
            breaches.extend(quotes(file, files).into_iter().map(|what| Breach::new(&file.path, what)));
            breaches.extend(links(file, files).into_iter().map(|what| Breach::new(&file.path, what)));
            breaches.extend(long_lines(file));
        }
    }
    breaches
}

/// Whether `line` has `path` at the beginning of a path, not in the middle of one.
fn names(line: &str, path: &str) -> bool {
    line.match_indices(path)
        .any(|(at, _)| !line[..at].ends_with(|before: char| before.is_alphanumeric() || "._-~}".contains(before)))
}

/// Lines of prose that do not wrap: not those of tables, code, headings, or one long word.
fn long_lines(file: &File) -> Vec<Breach> {
    if NOT_PROSE.iter().any(|path| file.path.starts_with(path)) {
        return Vec::new();
    }
    let (mut long, mut code) = (Vec::new(), false);
    for (number, line) in file.text.lines().enumerate() {
        code ^= line.trim_start().starts_with("```");
        let prose = !code && !line.starts_with(['|', '#', '<', ' ']);
        if prose && line.chars().count() > WIDTH && line.split_once(' ').is_some() {
            let what = format!("a line of {} characters; wrap it at {WIDTH}", line.chars().count());
            long.push(Breach::new(format!("{}:{}", file.path, number + 1), what));
        }
    }
    long
}

fn quotes(file: &File, files: &[File]) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut lines = file.text.lines();
    while let Some(line) = lines.next() {
        let Some(path) = line.strip_prefix("<!-- quote: ").and_then(|rest| rest.strip_suffix(" -->")) else { continue };
        let opened = lines.next().is_some_and(|line| line.starts_with("```"));
        let quoted: Vec<&str> = lines.by_ref().take_while(|line| !line.starts_with("```")).collect();
        match files.iter().find(|file| file.path == path) {
            Some(source) if opened && source.text.lines().eq(quoted) => {}
            Some(_) => wrong.push(format!("the quote of {path} is not what the file says; copy it again")),
            None => wrong.push(format!("quotes {path}, which is not there")),
        }
    }
    wrong
}

/// Files and folders that the map names between backticks; a name alone, or the end of a path, will do.
fn places(file: &File, files: &[File]) -> Vec<String> {
    let quoted =
        file.text.lines().filter(|line| !line.starts_with("```")).flat_map(|line| line.split('`').skip(1).step_by(2));
    let named = quoted.filter(|text| {
        let path = text.chars().all(|letter| letter.is_ascii_alphanumeric() || "/._-".contains(letter));
        path && (text.ends_with(".rs") || text.ends_with('/'))
    });
    let is_there = |path: &str| {
        let inside = format!("/{path}");
        files.iter().any(|file| {
            let known = format!("/{}", file.path);
            if path.ends_with('/') { known.contains(&inside) } else { known.ends_with(&inside) }
        })
    };
    named.filter(|path| !is_there(path)).map(|path| format!("names {path}, which is not there")).collect()
}

/// Links to files of the project, relative to the document.
fn links(file: &File, files: &[File]) -> Vec<String> {
    let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let targets = file.text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target);
    let mut wrong = Vec::new();
    for target in targets.filter(|target| !target.contains("://") && !target.starts_with('#') && !target.contains(' '))
    {
        let path = resolved(folder, target.split('#').next().unwrap_or(target).trim_end_matches('/'));
        let inside = format!("{path}/");
        if !files.iter().any(|file| file.path == path || file.path.starts_with(&inside)) {
            wrong.push(format!("links to {target}, which is not there"));
        }
    }
    wrong
}

fn resolved(folder: &str, target: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> File {
        File { path: path.into(), text: text.into() }
    }

    #[test]
    fn prose_wraps() {
        let long = "word ".repeat(40);
        for (path, text, expected) in [
            ("a.md", format!("{long}\n"), 1),
            ("a.md", format!("| {long} |\n```\n{long}\n```\n# {long}\n    {long}\n"), 0),
            ("docs/results/a.md", format!("{long}\n"), 0),
        ] {
            assert_eq!(long_lines(&file(path, &text)).len(), expected, "{path}: {text}");
        }
    }

    #[test]
    fn the_map_names_what_is_there() {
        let source = file("a/src/b.rs", "");
        for (text, expected) in [
            ("`a/src/b.rs`, `src/b.rs`, `b.rs`, `src/`, `a/src/` and `Type`, `cargo x`", 0),
            ("`a/b.rs`", 1),
            ("`c.rs` and `srcs/`", 2),
        ] {
            let map = file("ARCHITECTURE.md", text);
            assert_eq!(places(&map, std::slice::from_ref(&source)).len(), expected, "{text}");
        }
    }

    #[test]
    fn documents_do_not_rot() {
        let source = file("a/b.rs", "//! B.\nfn b() {}\n");
        for (text, expected) in [
            (
                "<!-- quote: a/b.rs -->\n```rust\n//! B.\nfn b() {}\n```\nand [b](../a/b.rs), [a](../a), [web](https://x.y)",
                0,
            ),
            ("<!-- quote: a/b.rs -->\n```rust\n//! B.\nfn c() {}\n```\n", 1),
            ("<!-- quote: a/c.rs -->\n```rust\n```\n", 1),
            ("[c](c.md)", 1),
        ] {
            let files = [file("docs/page.md", text), file(&source.path, &source.text)];
            assert_eq!(check(&files).len(), expected, "{text}");
        }
        let own = format!("see {}anna/notes", MACHINE[0]);
        assert_eq!(check(&[file("x.toml", &own)]).len(), 1);
        assert_eq!(check(&[file("x.toml", "see $DIR/home/anna")]).len(), 1 - 1);
    }
}
