//! Waiting for work that others do: until it is done, the episode is told to stop, or its wall clock runs out.

use std::{future::Future, time::Duration};

use crate::cancel::Cancel;

/// Why waiting ended without an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stopped {
    /// The episode was told to stop.
    Cancelled,
    /// Its wall clock ran out.
    OutOfTime,
}

/// Waits for `work`; `left` is what remains of the wall clock, in microseconds, `u64::MAX` for no limit.
pub(crate) async fn until<T>(work: impl Future<Output = T>, cancel: &Cancel, left: u64) -> Result<T, Stopped> {
    let out_of_time = async {
        if left == u64::MAX {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(Duration::from_micros(left)).await;
    };
    // In this order: what is there already is taken without touching timer or token.
    tokio::select! {
        biased;
        done = work => Ok(done),
        () = cancel.cancelled() => Err(Stopped::Cancelled),
        () = out_of_time => Err(Stopped::OutOfTime),
    }
}
