//! Edits of files a person wrote: the value comes out right in any layout, and what is not touched keeps its text.

use harness_spec::*;
use proptest::prelude::*;

use crate::generate::{edit, harness, resolve};

/// The harness as TOML in a layout drawn by `style`: sections out of order, config as dotted keys, a sub-table or inline, comments
/// over each table.
fn messy(harness: &Harness, style: u64) -> String {
    let toml = |value: &serde_json::Value| inline(value);
    let mut sections: Vec<String> = Vec::new();
    let mut bit = style;
    let mut draw = |n: u64| {
        let drawn = bit % n;
        bit = bit.rotate_right(3).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ bit;
        drawn
    };
    let config = |path: &str, config: &Config, way: u64| -> String {
        let pairs: Vec<(String, String)> = config.iter().map(|(k, v)| (k.clone(), toml(v))).collect();
        match way {
            _ if pairs.is_empty() => String::new(),
            0 => pairs.iter().map(|(k, v)| format!("config.{k} = {v} # as it was\n")).collect(),
            1 => format!(
                "config = {{ {} }}\n",
                pairs.iter().map(|(k, v)| format!("{k} = {v}")).collect::<Vec<_>>().join(", ")
            ),
            _ => format!(
                "  [{path}.config]\n{}",
                pairs.iter().map(|(k, v)| format!("    {k} = {v}\n")).collect::<String>()
            ),
        }
    };
    for (role, model) in &harness.models {
        let mut text = format!("# plays {role}\n[model.{role}]\nuse = \"{}\"\n", model.module);
        text += &config(&format!("model.{role}"), &model.config, draw(3));
        for fallback in &model.fallbacks {
            text += &format!("[[model.{role}.fallback]]\nuse = \"{}\"\n", fallback.module);
            text += &config(&format!("model.{role}.fallback"), &fallback.config, draw(3));
        }
        sections.push(text);
    }
    for (key, list) in [("processor", &harness.processors), ("tool", &harness.tools)] {
        let mut text = String::new();
        for spec in list {
            text += &format!("\n# about {key} {}\n[[{key}]]\nid = \"{}\"\nuse = '{}'\n", spec.id, spec.id, spec.module);
            text += &config(key, &spec.config, draw(3));
        }
        sections.push(text);
    }
    let mut sampling = String::from("[sampling]   # how it samples\n");
    let mut budget = String::from("[budget]\n");
    for setting in Setting::all() {
        if let (Some((section, key)), Some(value)) = (setting.name().split_once('.'), setting.read(harness)) {
            let line = format!("{key}   =   {} # {key}\n", toml(&value));
            if section == "sampling" { sampling += &line } else { budget += &line }
        }
    }
    sections.extend([sampling, budget]);
    let rules = Harness { adapt: harness.adapt.clone(), ..Harness::default() }.to_toml().unwrap();
    if let Some(at) = rules.find("[[adapt]]") {
        sections.push(rules[at..].to_owned());
    }
    let turn = usize::try_from(draw(7)).unwrap() % sections.len();
    sections.rotate_left(turn);
    format!("# first line\naction = \"{}\" # action\n{}\n# last line\n", harness.action, sections.join("\n"))
}

fn inline(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Object(entries) => {
            let pairs: Vec<String> = entries.iter().map(|(k, v)| format!("\"{k}\" = {}", inline(v))).collect();
            format!("{{ {} }}", pairs.join(", "))
        }
        serde_json::Value::Array(items) => {
            format!("[{}]", items.iter().map(inline).collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn layout_does_not_matter(h in harness(), one: u64, two: u64) {
        let (one, two) = (messy(&h, one), messy(&h, two));
        prop_assert_eq!(&Harness::parse(&one).unwrap(), &h, "{}", one);
        let none = Catalogue::new();
        prop_assert_eq!(Harness::parse(&one).unwrap().variant_id(&none), Harness::parse(&two).unwrap().variant_id(&none));
    }

    #[test]
    fn file_edit_is_value_edit(h in harness(), style: u64, wishes in edit()) {
        let text = messy(&h, style);
        let edit = resolve(&h, &wishes);
        let edited = edit.apply_to_file(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let after = edit.apply(&h).unwrap();
        prop_assert_eq!(&Harness::parse(&edited).unwrap(), &after);
        prop_assert!(edited.starts_with("# first line\n"), "{}", edited);
        prop_assert!(edited.ends_with("# last line\n"), "{}", edited);
        // Comments of what was there before and after, and was not taken out in between, stay over their module.
        let removed: Vec<&str> = edit.0.iter().filter_map(|op| match op {
            Op::Remove { module, .. } => Some(module.id.as_str()),
            _ => None,
        }).collect();
        for spec in after.processors.iter().filter(|spec| h.processor(&spec.id).is_some() && !removed.contains(&spec.id.as_str())) {
            let comment = format!("# about processor {}\n[[processor]]\nid = \"{}\"", spec.id, spec.id);
            prop_assert!(edited.contains(&comment), "{}\n---\n{}", comment, edited);
        }
    }

    #[test]
    fn no_edit_no_change(h in harness(), style: u64) {
        let text = messy(&h, style);
        prop_assert_eq!(Edit::IDENTITY.apply_to_file(&text).unwrap(), text);
    }
}

#[test]
fn an_edited_file_reads_as_a_person_would_have_edited_it() {
    let text = r#"# My household player.
action = "reply"

[model.main]
use = "gguf/chat"
config.file = "smollm2.gguf"   # requantised

# Says who it is.
[[processor]]
use = "std/system_prompt"
config.template = """
You play a household game.
Answer with one action."""

# Keep an eye on loops.
[[processor]]
use = "std/loop_guard"

  [processor.config]
  window = 4   # steps

[sampling]
temperature = 0.0   # greedy

# The end.
"#;
    let harness = Harness::parse(text).unwrap();
    let edit = Edit::from_changes(
        &[
            serde_json::from_str(r#"{"op": "insert", "use": "routers/direct", "id": "router", "config": {"k": 3}, "at": "after system_prompt"}"#).unwrap(),
            serde_json::from_str(r#"{"op": "configure", "id": "loop_guard", "key": "window", "value": 6}"#).unwrap(),
            serde_json::from_str(r#"{"op": "set", "key": "sampling.temperature", "value": 0.7}"#).unwrap(),
            serde_json::from_str(r#"{"op": "set", "key": "budget.steps", "value": 30}"#).unwrap(),
        ],
        &harness,
    )
    .unwrap();
    insta::assert_snapshot!(edit, @"insert routers/direct as router after system_prompt with k = 3; set loop_guard.window 4 → 6; set sampling.temperature 0.0 → 0.7; set budget.steps 50 → 30");
    insta::assert_snapshot!(edit.apply_to_file(text).unwrap(), @r#"
    # My household player.
    action = "reply"

    [model.main]
    use = "gguf/chat"
    config.file = "smollm2.gguf"   # requantised

    # Says who it is.
    [[processor]]
    use = "std/system_prompt"
    config.template = """
    You play a household game.
    Answer with one action."""

    [[processor]]
    id = "router"
    use = "routers/direct"
    config.k = 3

    # Keep an eye on loops.
    [[processor]]
    use = "std/loop_guard"

      [processor.config]
      window = 6   # steps

    [sampling]
    temperature = 0.7   # greedy

    [budget]
    steps = 30

    # The end.
    "#);
    insta::assert_snapshot!(edit.apply(&harness).unwrap().to_toml().unwrap(), @r#"
    action = "reply"

    [model.main]
    use = "gguf/chat"
    config.file = "smollm2.gguf"

    [[processor]]
    use = "std/system_prompt"
    config.template = """
    You play a household game.
    Answer with one action."""

    [[processor]]
    id = "router"
    use = "routers/direct"
    config.k = 3

    [[processor]]
    use = "std/loop_guard"
    config.window = 6

    [sampling]
    temperature = 0.7
    top_p = 1.0
    max_tokens = 512

    [budget]
    steps = 30
    "#);
}
