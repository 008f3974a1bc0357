//! Walls between crates, as lines that must not be in a manifest.

use super::{
    Breach,
    packages::{Dependency, Package},
};

/// All the plugin ABI may stand on.
const OF_ABI: [&str; 3] = ["abi_stable", "serde", "serde_json"];
/// What does IO, keeps a clock or runs tasks: nothing for the judge.
const IO: [&str; 8] = ["tokio", "reqwest", "rusqlite", "tempfile", "libloading", "indicatif", "clap", "harness-http"];

/// What each wall lets through.
pub fn check(packages: &[Package]) -> Vec<Breach> {
    let mut breaches = Vec::new();
    let ours: Vec<&str> = packages.iter().map(|package| package.name.as_str()).collect();
    for package in packages {
        for dependency in &package.dependencies {
            if let Some(what) = broken(package, dependency, &ours) {
                breaches.push(Breach::new(package.manifest(), format!("`{}`: {what}", dependency.text)));
            }
        }
    }
    breaches
}

fn broken(package: &Package, dependency: &Dependency, ours: &[&str]) -> Option<&'static str> {
    let name = dependency.name.as_str();
    let own = ours.contains(&name);
    if dependency.text != format!("{name}.workspace = true") {
        return Some("versions and features are given once, in [workspace.dependencies]; write NAME.workspace = true");
    }
    if name == "abi_stable" && package.name != "harness-abi" {
        return Some("only harness-abi names abi_stable; use what it re-exports");
    }
    if package.name == "harness-abi" && !dependency.dev && !OF_ABI.contains(&name) {
        return Some("the plugin ABI stands on abi_stable, serde and serde_json alone");
    }
    if package.folder.starts_with("plugins/") && own && !allowed_to_guest(package, dependency) {
        return Some(
            "a pack knows harness-abi, engine crates in its own folder and, in tests, harness-host and harness-spec",
        );
    }
    if package.name == "evolve-gate" && !dependency.dev && (own || IO.contains(&name)) {
        return Some("the judge does no IO and knows no other crate");
    }
    if package.name == "harness-spec" && !dependency.dev && (IO.contains(&name) || (own && name != "harness-abi")) {
        return Some("the harness as data does no IO and knows harness-abi alone");
    }
    if ["reqwest", "rustls"].contains(&name) && package.name != "harness-http" {
        return Some("clients of HTTP and their TLS are made by harness-http alone");
    }
    if name == "harness-http"
        && !["harness-models", "harness-tools", "harness-mcp", "bench-download"].contains(&package.name.as_str())
    {
        return Some("HTTP is used by models, by the tool that fetches pages, by MCP and by downloads");
    }
    if ["axum", "hyper", "hyper-util", "http-body-util"].contains(&name) && package.name != "harness-serve" {
        return Some("HTTP is served by harness-serve alone");
    }
    if name == "rmcp" && package.name != "harness-mcp" {
        return Some("MCP lives in harness-mcp alone");
    }
    if name == "libloading" && package.name != "harness-host" {
        return Some("packs are loaded by harness-host alone");
    }
    if name == "rusqlite" && !["harness-trace", "harness-memory"].contains(&package.name.as_str()) {
        return Some("SQL lives in harness-trace, and in harness-memory for its own file");
    }
    if package.name == "xtask" {
        return Some("developer tasks has no dependencies: the first command must not build them");
    }
    None
}

/// Our crates a guest may use: the plugin ABI, engines beside it in its folder, and in tests what loads packs.
fn allowed_to_guest(package: &Package, dependency: &Dependency) -> bool {
    let name = dependency.name.as_str();
    let pack = package.folder.split('/').nth(1).unwrap_or_default();
    let engine = name.strip_prefix(pack).is_some_and(|rest| rest.starts_with('-'));
    name == "harness-abi" || engine || (dependency.dev && ["harness-host", "harness-spec"].contains(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaches(folder: &str, name: &str, dependency: &str, dev: bool) -> usize {
        let text = format!("{dependency}.workspace = true");
        let dependencies = vec![Dependency { name: dependency.into(), text, dev }];
        let package =
            |folder: &str, name: &str, dependencies| Package { folder: folder.into(), name: name.into(), dependencies };
        let others = ["harness-abi", "harness-host", "harness-core", "household-engine"];
        let mut packages = vec![package(folder, name, dependencies)];
        packages.extend(others.map(|name| package("elsewhere", name, Vec::new())));
        check(&packages).len()
    }

    #[test]
    fn walls_hold() {
        for (folder, name, dependency, dev, broken) in [
            ("plugins/household", "plugin-household", "harness-abi", false, 0),
            ("plugins/household", "plugin-household", "household-engine", false, 0),
            ("plugins/routers", "plugin-routers", "household-engine", false, 1),
            ("plugins/routers", "plugin-routers", "harness-host", true, 0),
            ("plugins/routers", "plugin-routers", "harness-host", false, 1),
            ("plugins/routers", "plugin-routers", "harness-core", true, 1),
            ("plugins/routers", "plugin-routers", "abi_stable", false, 1),
            ("harness-core/abi", "harness-abi", "abi_stable", false, 0),
            ("harness-core/abi", "harness-abi", "tokio", false, 1),
            ("harness-evolve/gate", "evolve-gate", "rusqlite", false, 1),
            ("harness-evolve/gate", "evolve-gate", "statrs", false, 0),
            ("harness-core", "harness-core", "reqwest", false, 1),
        ] {
            assert_eq!(breaches(folder, name, dependency, dev) > 0, broken > 0, "{name} with {dependency}");
        }
    }
}
