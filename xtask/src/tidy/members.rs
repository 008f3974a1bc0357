//! The table of contents: the root manifest lists every crate, each with a word on it, and every dependency with its reason.

use super::{Breach, File, packages::Package};

const ROOT: &str = "Cargo.toml";

/// Members and folders are the same, comments name the package a path has, and no third-party dependency lacks a reason.
pub fn check(files: &[File], packages: &[Package]) -> Vec<Breach> {
    let Some(root) = files.iter().find(|file| file.path == ROOT) else {
        return vec![Breach::new(ROOT, "is not there")];
    };
    let mut breaches = Vec::new();
    let mut listed = Vec::new();
    for line in block(&root.text, "members = [", "]") {
        let Some((path, comment)) = line.trim().split_once(',') else { continue };
        let folder = path.trim_matches('"').trim_start_matches('.').to_owned();
        let said = comment.trim().trim_start_matches('#').split_whitespace().next().unwrap_or_default();
        match packages.iter().find(|package| package.folder == folder) {
            None => breaches.push(Breach::new(ROOT, format!("member {path} has no Cargo.toml"))),
            Some(package) if package.name != said => {
                let what = format!("member {path} is the package `{}`, the comment says `{said}`", package.name);
                breaches.push(Breach::new(ROOT, what));
            }
            Some(_) => {}
        }
        listed.push(folder);
    }
    for package in packages {
        if !listed.contains(&package.folder) {
            breaches.push(Breach::new(package.manifest(), "is not a member of the workspace"));
        }
        let expected = name_of(&package.folder);
        if expected.as_ref().is_some_and(|name| *name != package.name) {
            breaches
                .push(Breach::new(package.manifest(), format!("this folder holds `{}`", expected.unwrap_or_default())));
        }
    }
    for line in block(&root.text, "[workspace.dependencies]", "[") {
        let third_party = line.contains('=') && !line.trim_start().starts_with('#') && !line.contains("path =");
        if third_party && !line.contains('#') {
            breaches.push(Breach::new(ROOT, format!("`{}`: say in a comment what it is for", line.trim())));
        }
    }
    breaches
}

/// The package a folder must hold, where the path decides it: crates of ours after their own name, plugins after `plugin-`.
fn name_of(folder: &str) -> Option<String> {
    let parts: Vec<&str> = folder.split('/').collect();
    match parts[..] {
        [""] => Some("harness".into()),
        [name] => Some(name.into()),
        ["plugins", pack] => Some(format!("plugin-{pack}")),
        ["plugins", pack, part] => Some(format!("{pack}-{part}")),
        ["harness-core" | "harness-modules", part] => Some(format!("harness-{part}")),
        ["harness-bench", part] => Some(format!("bench-{part}")),
        ["harness-evolve", part] => Some(format!("evolve-{part}")),
        _ => None,
    }
}

/// The lines after the one that is `from`, up to one that begins with `to`.
fn block<'a>(text: &'a str, from: &'a str, to: &'a str) -> impl Iterator<Item = &'a str> {
    text.lines()
        .skip_while(move |line| line.trim() != from)
        .skip(1)
        .take_while(move |line| !line.trim().starts_with(to))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(folder: &str, name: &str) -> Package {
        Package { folder: folder.into(), name: name.into(), dependencies: Vec::new() }
    }

    #[test]
    fn the_table_of_contents_is_true() {
        let text = "[workspace]\nmembers = [\n  \"plugins/a\", # plugin-a  one\n  \".\", # harness  two\n  \"gone\", # gone\n]\n\
            [workspace.dependencies]\nserde = \"1\" # data\nrand = \"1\"\n[profile.dev]\n";
        let files = [File { path: ROOT.into(), text: text.into() }];
        let packages = [package("plugins/a", "plugin-a"), package("", "harness"), package("plugins/b", "b")];
        let whats: Vec<String> = check(&files, &packages).into_iter().map(|breach| breach.what).collect();
        assert_eq!(whats.len(), 4, "{whats:#?}");
        assert!(whats[0].contains("gone") && whats[3].contains("rand"));
    }
}
