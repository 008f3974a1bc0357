//! Harnesses in a harness: read as files are, checked as files are, the same variant however they are written.

use harness_spec::*;

const PACK: &str = r#"
[pack]
name = "p"
version = "1.0.0"
abi = "1.0.0"

[[module]]
name = "model"
kind = "model"
dimension = "D1"

[[module]]
name = "look"
kind = "tool"
dimension = "D4"
config.far = { type = "boolean", default = false }

[[module]]
name = "agent"
kind = "tool"
dimension = "D6"
permissions = ["model"]
config.harness = { type = "harness", required = true }
"#;

const OUTER: &str = "[model.main]\nuse = \"p/model\"\n[[tool]]\nuse = \"p/agent\"\n";

fn catalogue() -> Catalogue {
    let mut catalogue = Catalogue::new();
    catalogue.insert(PackManifest::parse(PACK).unwrap());
    catalogue
}

/// An agent in a harness, with this in its own.
fn with(inner: &str) -> Harness {
    Harness::parse(&format!("{OUTER}{inner}")).unwrap()
}

fn problems(harness: &Harness) -> Vec<String> {
    let errors = check(harness, &catalogue()).err().unwrap_or_default();
    errors.iter().map(ToString::to_string).collect()
}

#[test]
fn an_inner_harness_is_checked_as_a_file_is() {
    let none: [&str; 0] = [];
    for (inner, expected) in [
        ("config.harness = {}", vec![]),
        ("[[tool.config.harness.tool]]\nuse = \"p/look\"", vec![]),
        ("[tool.config.harness.model.main]\nuse = \"p/model\"", vec![]),
        ("", vec!["tool `agent`: `p/agent` needs the config field `harness`, a harness, as a table; add it"]),
        (
            "config.harness = \"look.toml\"",
            vec!["tool `agent`: `harness` must be a harness, as a table, not `\"look.toml\"`"],
        ),
        (
            "config.harness = { tools = [] }",
            vec!["tool `agent`: its harness cannot be read: unknown key `tools` in this file; did you mean `tool`?"],
        ),
        (
            "config.harness.tool = [{ use = \"p/lock\" }]",
            vec!["tool `agent`, tool `lock`: pack `p` 1.0.0 has no module `lock`; did you mean `p/look`?"],
        ),
        (
            "config.harness.tool = [{ use = \"p/look\", config = { far = 1 } }]",
            vec!["tool `agent`, tool `look`: `far` must be true or false, not `1`"],
        ),
    ] {
        assert_eq!(problems(&with(inner)), if expected.is_empty() { none.to_vec() } else { expected }, "{inner}");
    }
    // The model of the outer harness is the inner one's, and its absence is one mistake.
    assert_eq!(problems(&Harness { models: [].into(), ..with("config.harness = {}") }).len(), 1);
}

#[test]
fn they_do_not_lie_in_one_another_without_end() {
    let nested = |depth: usize| {
        let tool = (0..depth).fold("{}".to_owned(), |inner, _| {
            format!("{{ tool = [{{ use = \"p/agent\", config.harness = {inner} }}] }}")
        });
        with(&format!("config.harness = {tool}"))
    };
    assert_eq!(problems(&nested(2)), Vec::<String>::new());
    let names: Vec<String> = nested(2).all_inner(&catalogue()).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["agent.agent.agent", "agent.agent", "agent"]);
    let deep = problems(&nested(3));
    assert_eq!(
        deep,
        [
            "tool `agent`, tool `agent`, tool `agent`, tool `agent`: more than 4 harnesses lie in one another; take one out"
        ]
    );
    assert_eq!(nested(9).all_inner(&catalogue()).len(), 3);
}

#[test]
fn what_means_the_same_is_the_same_variant() {
    let id = |inner: &str| with(inner).variant_id(&catalogue());
    let plain = id("[[tool.config.harness.tool]]\nuse = \"p/look\"");
    for same in [
        "config.harness.tool = [{ id = \"look\", use = \"p/look\" }]",
        "config.harness = { tool = [{ use = \"p/look\", config = { far = false } }], budget = { steps = 50 } }",
        "config.harness = { action = \"reply\", tool = [{ use = \"p/look\" }] }",
    ] {
        assert_eq!(id(same), plain, "{same}");
    }
    for other in ["config.harness = {}", "config.harness = { tool = [{ use = \"p/look\" }], budget = { steps = 5 } }"] {
        assert_ne!(id(other), plain, "{other}");
    }
    let written = with("[[tool.config.harness.tool]]\nuse = \"p/look\"");
    assert_eq!(Harness::parse(&written.to_toml().unwrap()).unwrap(), written);
    assert_eq!(written.normalised(&catalogue()).normalised(&catalogue()), written.normalised(&catalogue()));
}

#[test]
fn only_a_tool_that_may_ask_models_is_answered_by_one() {
    for (from, to, expected) in [
        ("permissions = [\"model\"]", "", "give it the permission `model`"),
        (
            "kind = \"tool\"\ndimension = \"D6\"",
            "kind = \"grader\"\ndimension = \"D6\"",
            "is a grader; remove the field",
        ),
        ("config.harness", "config.more = { type = \"harness\" }\nconfig.harness", "keep one of 2 fields"),
    ] {
        let error = PackManifest::parse(&PACK.replace(from, to)).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}
