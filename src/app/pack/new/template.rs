//! The files of a new pack. Each kind, and each of the known roles, has one worked example, short enough to be replaced by what its author means to write.

use super::Kind;

macro_rules! example {
    ($kind:literal) => {
        (
            include_str!(concat!("templates/", $kind, "/pack.toml")),
            include_str!(concat!("templates/", $kind, "/lib.rs")),
        )
    };
}

/// Paths below the pack's folder, and texts.
pub(super) fn files(kind: Kind, name: &str, slot: Option<&str>) -> Vec<(&'static str, String)> {
    let (pack, library) = match kind {
        Kind::Processor => match slot {
            Some("planner") => example!("planner"),
            Some("tool_router") => example!("tool_router"),
            Some("memory") => example!("memory"),
            _ => example!("processor"),
        },
        Kind::Tool => example!("tool"),
        Kind::Model => example!("model"),
        Kind::Environment => example!("environment"),
        Kind::Grader => example!("grader"),
    };
    let slot = slot.map(|slot| format!("\nslot = \"{slot}\"")).unwrap_or_default();
    let fill = |text: &str| {
        text.replace("{{name}}", name).replace("{{abi}}", harness_abi::ABI_VERSION).replace("{{slot}}", &slot)
    };
    vec![
        ("Cargo.toml", fill(include_str!("templates/Cargo.toml"))),
        ("pack.toml", fill(pack)),
        ("src/lib.rs", fill(library)),
        (".gitignore", "/target\n".to_owned()),
    ]
}
