//! Modules started as a host starts them: through the pack's root, with the manifest's defaults.

use harness_abi::{Answer, Ask, Decision, Hook, ModelBox, ModuleError, ProcessorBox, ToolBox, stable::RResult};
use harness_host::testing::FakeContext;
use harness_modules::{MANIFEST, pack};
use harness_spec::PackManifest;
use serde_json::{Map, Value};

pub fn config(name: &str, given: Value) -> Result<String, Box<dyn std::error::Error>> {
    let manifest = PackManifest::parse(MANIFEST)?;
    let module = manifest.module(name).ok_or("no such module")?;
    let mut config: Map<String, Value> = module.defaults().into_iter().collect();
    config.extend(given.as_object().cloned().unwrap_or_default());
    Ok(Value::Object(config).to_string())
}

pub fn processor(name: &str, given: Value) -> ProcessorBox {
    let config = config(name, given).expect("config");
    pack().processor()(name.into(), config.as_str().into()).into_result().expect("processor")
}

pub fn model(name: &str, given: Value) -> ModelBox {
    let config = config(name, given).expect("config");
    pack().model()(name.into(), config.as_str().into()).into_result().expect("model")
}

pub fn nobody(_: &Ask) -> Answer {
    Answer::Failed { error: ModuleError::fault("nobody was to be asked") }
}

pub fn call(module: &mut ProcessorBox, cx: &mut FakeContext, hook: Hook) -> Vec<Decision> {
    cx.call_hook(module, hook, nobody).expect("decisions")
}

pub fn tool(name: &str, given: Value) -> Result<ToolBox, ModuleError> {
    let config = config(name, given).expect("config");
    pack().tool()(name.into(), config.as_str().into()).into_result()
}

pub fn refused(name: &str, given: Value) -> String {
    let config = config(name, given).expect("config");
    match pack().processor()(name.into(), config.as_str().into()) {
        RResult::RErr(error) => error.message.to_string(),
        RResult::ROk(_) => "nothing was refused".to_owned(),
    }
}
