//! A host's own types as modules: for hosts whose modules live elsewhere, such as in another process. Packs have no use for it.

use abi_stable::sabi_trait::TD_Opaque;

use crate::{
    EnvironmentBox, GraderBox, ModelBox, ProcessorBox, RawEnvironment, RawEnvironment_TO, RawGrader, RawGrader_TO,
    RawModel, RawModel_TO, RawProcessor, RawProcessor_TO, RawTool, RawTool_TO, ToolBox,
};

/// A processor out of a host's own type.
pub fn processor(module: impl RawProcessor + 'static) -> ProcessorBox {
    RawProcessor_TO::from_value(module, TD_Opaque)
}

/// A tool out of a host's own type.
pub fn tool(module: impl RawTool + 'static) -> ToolBox {
    RawTool_TO::from_value(module, TD_Opaque)
}

/// A model out of a host's own type.
pub fn model(module: impl RawModel + 'static) -> ModelBox {
    RawModel_TO::from_value(module, TD_Opaque)
}

/// An environment out of a host's own type.
pub fn environment(module: impl RawEnvironment + 'static) -> EnvironmentBox {
    RawEnvironment_TO::from_value(module, TD_Opaque)
}

/// A grader out of a host's own type.
pub fn grader(module: impl RawGrader + 'static) -> GraderBox {
    RawGrader_TO::from_value(module, TD_Opaque)
}
