//! What a manifest promises, and why what it does not promise is not checked.

use harness_spec::Module;

/// Why what is not promised is not checked.
pub(super) const NOT_PROMISED: &str = "its manifest does not say `deterministic = true`";

/// Whether equal calls must give equal answers.
pub(super) fn repeats(manifest: &Module) -> bool {
    manifest.deterministic
}
