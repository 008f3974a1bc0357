//! What loading a pack leads to: the root of one in Rust or the table of one in C. Refuses to let anybody behind it know which.

use harness_abi::{
    CPack, EnvironmentBox, GraderBox, ModelBox, ModuleError, PackRef, ProcessorBox, ToolBox,
    stable::{RResult, RStr},
};

/// A pack that is in this process.
#[derive(Debug, Clone, Copy)]
pub(crate) enum PackRoot {
    /// Written in Rust.
    Rust(PackRef),
    /// Written in C: processors and nothing else.
    C(CPack),
}

type Make<T> = extern "C" fn(RStr<'_>, RStr<'_>) -> RResult<T, ModuleError>;

impl PackRoot {
    /// A fresh processor.
    pub(crate) fn processor(self, name: &str, config: &str) -> Result<ProcessorBox, ModuleError> {
        match self {
            Self::Rust(pack) => make(pack.processor(), name, config),
            Self::C(pack) => pack.processor(name, config),
        }
    }

    /// A fresh tool.
    pub(crate) fn tool(self, name: &str, config: &str) -> Result<ToolBox, ModuleError> {
        make(self.rust("tool", name)?.tool(), name, config)
    }

    /// A fresh model.
    pub(crate) fn model(self, name: &str, config: &str) -> Result<ModelBox, ModuleError> {
        make(self.rust("model", name)?.model(), name, config)
    }

    /// A fresh environment.
    pub(crate) fn environment(self, name: &str, config: &str) -> Result<EnvironmentBox, ModuleError> {
        make(self.rust("environment", name)?.environment(), name, config)
    }

    /// A fresh grader.
    pub(crate) fn grader(self, name: &str, config: &str) -> Result<GraderBox, ModuleError> {
        make(self.rust("grader", name)?.grader(), name, config)
    }

    fn rust(self, kind: &str, name: &str) -> Result<PackRef, ModuleError> {
        match self {
            Self::Rust(pack) => Ok(pack),
            Self::C(_) => Err(ModuleError::unsupported(format_args!(
                "`{name}` is a {kind} in a pack written in C, which can offer processors; write it in Rust"
            ))),
        }
    }
}

fn make<T>(make: Make<T>, name: &str, config: &str) -> Result<T, ModuleError> {
    make(name.into(), config.into()).into_result()
}
