//! Waiting for the answer of a module: a reply, its failure, or the end of waiting.

use harness_abi::{ErrorClass, ModuleError};

use crate::{
    cancel::Cancel,
    effect::CallFailure,
    sinks::Filled,
    wait::{Stopped, until},
};

/// Waits for an answer.
pub(super) async fn answer<T>(filled: Filled<T>, cancel: &Cancel, time_left: u64) -> Result<T, CallFailure> {
    match until(filled, cancel, time_left).await {
        Ok(Ok(Ok(answer))) => Ok(answer),
        // Whoever stopped because it was told to has not failed, and may have been faster than the news of it.
        Ok(Ok(Err(error))) if error.class == ErrorClass::CANCELLED && cancel.is_cancelled() => {
            Err(CallFailure::Stopped(Stopped::Cancelled))
        }
        Ok(Ok(Err(error))) => Err(CallFailure::Failed(error)),
        Ok(Err(_)) => Err(CallFailure::Failed(ModuleError::fault("it gave up without an answer"))),
        Err(stopped) => Err(CallFailure::Stopped(stopped)),
    }
}

/// Does blocking work elsewhere and waits for what it gives.
pub(super) async fn elsewhere<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
    cancel: &Cancel,
    time_left: u64,
) -> Result<T, CallFailure> {
    match until(tokio::task::spawn_blocking(work), cancel, time_left).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(died)) => Err(CallFailure::Failed(ModuleError::fault(died))),
        Err(stopped) => Err(CallFailure::Stopped(stopped)),
    }
}
