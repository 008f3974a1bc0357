//! What a pack exports: its manifest and one constructor per kind, and the macros that export them.

use abi_stable::{
    StableAbi,
    library::RootModule,
    package_version_strings,
    sabi_types::VersionStrings,
    std_types::{RBox, RResult, RStr},
};

use crate::{
    EnvironmentBox, ModuleError, ProcessorBox, environment::RawGrader_TO, model::RawModel_TO, tool::RawTool_TO,
};

/// A tool as the host holds it.
pub type ToolBox = RawTool_TO<'static, RBox<()>>;
/// A model as the host holds it.
pub type ModelBox = RawModel_TO<'static, RBox<()>>;
/// A grader as the host holds it.
pub type GraderBox = RawGrader_TO<'static, RBox<()>>;

/// The root of a pack: its manifest and, per kind, what builds module `name` from its configuration, a JSON object.
///
/// Fields may be appended.
#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = PackRef, prefix_fields = PackPrefix)))]
pub struct Pack {
    /// The manifest, the same text as in the file's own section.
    pub manifest: extern "C" fn() -> RStr<'static>,
    /// Builds processors.
    pub processor: extern "C" fn(name: RStr<'_>, config: RStr<'_>) -> RResult<ProcessorBox, ModuleError>,
    /// Builds tools.
    pub tool: extern "C" fn(name: RStr<'_>, config: RStr<'_>) -> RResult<ToolBox, ModuleError>,
    /// Builds models.
    pub model: extern "C" fn(name: RStr<'_>, config: RStr<'_>) -> RResult<ModelBox, ModuleError>,
    /// Builds environments.
    pub environment: extern "C" fn(name: RStr<'_>, config: RStr<'_>) -> RResult<EnvironmentBox, ModuleError>,
    /// Builds graders.
    #[sabi(last_prefix_field)]
    pub grader: extern "C" fn(name: RStr<'_>, config: RStr<'_>) -> RResult<GraderBox, ModuleError>,
}

impl std::fmt::Debug for PackRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PackRef")
    }
}

// Needed by abi_stable's header; its `load*` functions are never called, because they keep one library per type.
impl RootModule for PackRef {
    abi_stable::declare_root_module_statics! {PackRef}
    const BASE_NAME: &'static str = "harness_pack";
    const NAME: &'static str = "harness_pack";
    const VERSION_STRINGS: VersionStrings = package_version_strings!();
}

/// The error for a name a pack does not know.
#[doc(hidden)]
pub fn unknown<T>(kind: &str, name: RStr<'_>) -> RResult<T, ModuleError> {
    RResult::RErr(ModuleError::config(format_args!(
        "this pack has no {kind} named `{name}`; its manifest and its code disagree"
    )))
}

/// Defines `pub fn pack() -> PackRef`: for packs linked into a binary. They enter in the same way as loaded ones.
///
/// Takes what [`export_pack!`](crate::export_pack) takes.
#[macro_export]
macro_rules! linked_pack {
    (
        manifest: $manifest:expr
        $(, processors: { $($processor:literal => $new_processor:expr),* $(,)? })?
        $(, tools: { $($tool:literal => $new_tool:expr),* $(,)? })?
        $(, models: { $($model:literal => $new_model:expr),* $(,)? })?
        $(, environments: { $($environment:literal => $new_environment:expr),* $(,)? })?
        $(, graders: { $($grader:literal => $new_grader:expr),* $(,)? })?
        $(,)?
    ) => {
        /// The pack's root.
        pub fn pack() -> $crate::PackRef {
            use $crate::abi_stable::{prefix_type::PrefixTypeTrait, std_types::{RResult, RStr}};
            extern "C" fn manifest() -> RStr<'static> {
                RStr::from_str($manifest)
            }
            extern "C" fn processor(name: RStr<'_>, config: RStr<'_>) -> RResult<$crate::ProcessorBox, $crate::ModuleError> {
                match name.as_str() {
                    $($($processor => $crate::kit::processor(config, $new_processor),)*)?
                    _ => $crate::unknown("processor", name),
                }
            }
            extern "C" fn tool(name: RStr<'_>, config: RStr<'_>) -> RResult<$crate::ToolBox, $crate::ModuleError> {
                match name.as_str() {
                    $($($tool => $crate::kit::tool(config, $new_tool),)*)?
                    _ => $crate::unknown("tool", name),
                }
            }
            extern "C" fn model(name: RStr<'_>, config: RStr<'_>) -> RResult<$crate::ModelBox, $crate::ModuleError> {
                match name.as_str() {
                    $($($model => $crate::kit::model(config, $new_model),)*)?
                    _ => $crate::unknown("model", name),
                }
            }
            extern "C" fn environment(name: RStr<'_>, config: RStr<'_>) -> RResult<$crate::EnvironmentBox, $crate::ModuleError> {
                match name.as_str() {
                    $($($environment => $crate::kit::environment(config, $new_environment),)*)?
                    _ => $crate::unknown("environment", name),
                }
            }
            extern "C" fn grader(name: RStr<'_>, config: RStr<'_>) -> RResult<$crate::GraderBox, $crate::ModuleError> {
                match name.as_str() {
                    $($($grader => $crate::kit::grader(config, $new_grader),)*)?
                    _ => $crate::unknown("grader", name),
                }
            }
            $crate::Pack { manifest, processor, tool, model, environment, grader }.leak_into_prefix()
        }
    };
}

/// Makes a `cdylib` a module pack: embeds the manifest in a section of its own, readable without running the file, and
/// exports the one symbol a host looks up. Also defines `pack()`, for tests that link the crate.
///
/// ```ignore
/// harness_abi::export_pack! {
///     manifest: include_str!("../pack.toml"),
///     processors: { "greeter" => |config: GreeterConfig| Ok(Greeter { config }) },
///     tools: { "dice" => |_: NoConfig| Ok(Dice) },
/// }
/// ```
#[macro_export]
macro_rules! export_pack {
    (manifest: $manifest:expr $(, $($rest:tt)*)?) => {
        #[cfg(panic = "abort")]
        compile_error!("module packs must be built with panic = \"unwind\": under abort a panic of the pack ends its host");

        $crate::linked_pack! { manifest: $manifest $(, $($rest)*)? }

        const _: () = {
            use $crate::abi_stable::library::{CheckTypeLayout, LibHeader, RootModuleResult};
            const TEXT: &str = $manifest;
            #[used]
            #[unsafe(link_section = ".harness.manifest")]
            static MANIFEST: [u8; TEXT.len()] = {
                let (bytes, mut copy, mut index) = (TEXT.as_bytes(), [0; TEXT.len()], 0);
                while index < bytes.len() {
                    copy[index] = bytes[index];
                    index += 1;
                }
                copy
            };
            extern "C" fn root() -> RootModuleResult {
                $crate::abi_stable::library::__call_root_module_loader(pack)
            }
            // The name is abi_stable::library::ROOT_MODULE_LOADER_NAME.
            #[unsafe(no_mangle)]
            pub static _1as_0lib_1header_0root_bmodule_bloader: LibHeader =
                // SAFETY: `root` builds the root module this header declares.
                unsafe { LibHeader::from_constructor::<$crate::PackRef>(root, CheckTypeLayout::Yes) };
        };
    };
}

/// The configuration of a module that takes none.
#[derive(Debug, Clone, Copy, Default, serde::Deserialize)]
pub struct NoConfig {}
