//! When to try again, and how long to wait before: exponential backoff with full jitter, or what the server asks for.

use std::time::Duration;

use harness_abi::ModuleError;

use super::Service;

/// The wait before attempt `attempt` + 1 after `error`; `None` to give up. The jitter follows from `seed`, so a run can be repeated.
pub fn wait(service: &Service, error: &ModuleError, attempt: u32, seed: u64) -> Option<Duration> {
    if !error.class.is_transient() || attempt >= service.retries {
        return None;
    }
    if error.retry_after_ms > 0 {
        // A longer wait is for the host to decide on.
        return (error.retry_after_ms <= service.max_backoff_ms).then(|| Duration::from_millis(error.retry_after_ms));
    }
    let ceiling =
        service.backoff_ms.saturating_mul(1_u64.checked_shl(attempt).unwrap_or(u64::MAX)).min(service.max_backoff_ms);
    let drawn =
        u128::from(mixed(seed ^ u64::from(attempt).wrapping_mul(0x9E37_79B9_7F4A_7C15))) * (u128::from(ceiling) + 1);
    Some(Duration::from_millis(u64::try_from(drawn >> 64).unwrap_or(ceiling)))
}

/// One round of SplitMix64.
const fn mixed(seed: u64) -> u64 {
    let z = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// `Retry-After` in milliseconds: seconds, also with a fraction; 0 when it says anything else.
pub fn retry_after(value: &str) -> u64 {
    let seconds = value.trim().parse::<f64>().unwrap_or(0.0);
    if !seconds.is_finite() || seconds <= 0.0 {
        return 0;
    }
    u64::try_from(Duration::try_from_secs_f64(seconds).map_or(u128::from(u64::MAX), |wait| wait.as_millis().max(1)))
        .unwrap_or(u64::MAX)
}
