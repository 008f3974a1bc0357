//! Time as an argument: the engine reads no clock but the one it is given, so that a run can be repeated exactly.

use std::{
    fmt::Debug,
    sync::LazyLock,
    time::{Instant, SystemTime},
};

/// A clock.
pub trait Clock: Debug + Send + Sync {
    /// Microseconds since a moment of the clock's own; never goes back.
    fn micros(&self) -> u64;

    /// Milliseconds since 1970.
    fn unix_millis(&self) -> u64;
}

/// The system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

impl Clock for SystemClock {
    fn micros(&self) -> u64 {
        u64::try_from(START.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    fn unix_millis(&self) -> u64 {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }
}
