//! What the manifest promises, the code builds.

use harness_abi::{ModelInfo, stable::RResult};
use harness_modules::{MANIFEST, pack};
use harness_spec::PackManifest;
use serde_json::{Map, Value, json};

use crate::{
    skills::skill_folder,
    support::{self, tool},
};

#[test]
fn the_manifest_and_the_code_agree() {
    let manifest = PackManifest::parse(MANIFEST).expect("manifest");
    let folder = skill_folder();
    let words = folder.path().join("pdf/SKILL.md");
    for module in &manifest.modules {
        let given = match module.name.as_str() {
            "scripted" => json!({"replies": []}),
            "skills" | "skill" => json!({"folder": folder.path()}),
            "instructions" => json!({"file": words}),
            _ => json!({}),
        };
        let config = support::config(&module.name, given.clone()).expect("config");
        match module.kind {
            harness_abi::Kind::Model => {
                let model = pack().model()(module.name.as_str().into(), config.as_str().into())
                    .into_result()
                    .expect(&module.name);
                let info: ModelInfo = serde_json::from_str(&model.info().into_result().expect("info")).expect("info");
                assert!(info.simulated && info.deterministic, "{info:?}");
                let provides: Vec<String> = module.provides.iter().map(ToString::to_string).collect();
                assert_eq!(info.capabilities, provides);
            }
            harness_abi::Kind::Tool => drop(tool(&module.name, given).expect(&module.name)),
            _ => drop(
                pack().processor()(module.name.as_str().into(), config.as_str().into())
                    .into_result()
                    .expect(&module.name),
            ),
        }
        // Every variant and every word of an enum builds.
        for (field, values) in &module.config {
            for value in values.variants.iter().chain(&values.choices) {
                let given = json!({field.as_str(): value, "schema": {}, "replies": []});
                let given: Map<String, Value> = given
                    .as_object()
                    .expect("object")
                    .iter()
                    .filter(|(name, _)| module.config.contains_key(*name))
                    .map(|(n, v)| (n.clone(), v.clone()))
                    .collect();
                let config = support::config(&module.name, given.into()).expect("config");
                if module.kind == harness_abi::Kind::Processor {
                    assert!(
                        pack().processor()(module.name.as_str().into(), config.as_str().into()).is_ok(),
                        "{} {field} {value}",
                        module.name
                    );
                }
            }
        }
    }
    let refused = pack().processor()("loop_guard".into(), r#"{"windw": 3}"#.into());
    assert!(matches!(&refused, RResult::RErr(error) if error.message.contains("windw")), "unknown keys are named");
}
