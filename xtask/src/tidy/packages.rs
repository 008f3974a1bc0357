//! What tidy knows of a crate's `Cargo.toml`. Reads the plain style of this workspace, a key a line, and no other.

use super::File;

/// A dependency of a crate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// Its package.
    pub name: String,
    /// What is written after the name.
    pub text: String,
    /// Whether tests and benchmarks alone use it.
    pub dev: bool,
}

/// A crate's manifest.
#[derive(Debug)]
pub struct Package {
    /// Relative path of its folder; empty for the root package.
    pub folder: String,
    /// Its name.
    pub name: String,
    /// What it depends on, also for some targets only.
    pub dependencies: Vec<Dependency>,
}

impl Package {
    /// Where its manifest is.
    pub fn manifest(&self) -> String {
        if self.folder.is_empty() { "Cargo.toml".into() } else { format!("{}/Cargo.toml", self.folder) }
    }
}

/// All crates, the root package too. What lies in a folder `templates` is text for workspaces still to be made, and what is
/// a workspace of its own (`fuzz`) is no part of this one.
pub fn read(files: &[File]) -> Vec<Package> {
    let apart = |file: &File| file.path.contains("/templates/") || file.text.lines().any(|line| line == "[workspace]");
    let crates = |file: &File| file.path == "Cargo.toml" || file.path.ends_with("/Cargo.toml") && !apart(file);
    let manifests = files.iter().filter(|file| crates(file));
    manifests.map(|file| parse(file.path.trim_end_matches("Cargo.toml").trim_end_matches('/'), &file.text)).collect()
}

fn parse(folder: &str, text: &str) -> Package {
    let mut package = Package { folder: folder.to_owned(), name: String::new(), dependencies: Vec::new() };
    let mut section = String::new();
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            section = name.to_owned();
        } else if let Some((key, value)) = line.split_once('=') {
            let (key, value) = (key.trim(), value.trim());
            if section == "package" && key == "name" {
                package.name = value.trim_matches('"').to_owned();
            }
            if section.ends_with("dependencies") && !section.starts_with("workspace") {
                let name = key.split('.').next().unwrap_or(key).to_owned();
                let text = format!("{key} = {value}");
                package.dependencies.push(Dependency { name, text, dev: section.ends_with("dev-dependencies") });
            }
        }
    }
    package
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependencies_of_every_kind_are_seen() {
        let text = "[package]\nname = \"a\"\n[dependencies]\nserde.workspace = true # why\nb = { path = \"../b\" }\n\
            [target.'cfg(unix)'.dependencies]\nlibc = \"1\"\n[dev-dependencies]\nproptest.workspace = true\n[lints]\nworkspace = true\n";
        let package = parse("x/a", text);
        assert_eq!((package.name.as_str(), package.manifest().as_str()), ("a", "x/a/Cargo.toml"));
        let seen: Vec<_> = package.dependencies.iter().map(|one| (one.name.as_str(), one.dev)).collect();
        assert_eq!(seen, [("serde", false), ("b", false), ("libc", false), ("proptest", true)]);
        assert_eq!(package.dependencies[0].text, "serde.workspace = true");
    }
}
