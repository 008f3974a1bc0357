//! What is due, as the parts of the state say it to one another.

use harness_abi::Hook;

use crate::effect::Effect;

/// What is due: an effect that borrows nothing, or a hook's call, which borrows the state.
#[expect(clippy::large_enum_variant, reason = "it lives for one call, and a box would allocate at every effect")]
pub(super) enum Due {
    Effect(Effect<'static>),
    Hook { hook: Hook, slot: usize },
}
