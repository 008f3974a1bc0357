//! Whether memory grows with episodes. Refuses to look inside an allocator: what counts is what the operating system had to give.

use std::time::{Duration, Instant};

use super::report::{Extent, Sheet};

/// Growth that is no leak: an allocator keeps some. Over 9,000 episodes this is under 500 bytes each.
const SLACK: u64 = 4 << 20;
/// The share of episodes that may fill caches before memory is read for the first time.
const WARM: u32 = 10;

/// Plays episodes and compares memory after the first tenth with memory at the end.
pub(super) fn examine(
    sheet: &mut Sheet,
    child: Option<u32>,
    mut episode: impl FnMut(u32) -> Result<(), String> + Send + 'static,
) {
    const NAME: &str = "keeps its memory, however many episodes";
    let Extent { episodes, patience, deadline } = sheet.extent;
    if episodes == 0 {
        return sheet.leave_out(NAME, "not asked for");
    }
    sheet.within(patience + deadline, NAME, move || {
        let began = Instant::now();
        let warm = (episodes / WARM).max(1);
        let mut first = None;
        let mut played = 0;
        while played < episodes && began.elapsed() < patience {
            episode(played).map_err(|problem| format!("episode {played}: {problem}"))?;
            played += 1;
            // Where patience ends first, a tenth of the time stands for a tenth of the episodes.
            if first.is_none() && (played >= warm || began.elapsed() > patience / WARM) {
                first = resident(child);
            }
        }
        let seconds = began.elapsed().as_secs_f64();
        match (first, resident(child)) {
            (Some(first), Some(last)) if last <= first + SLACK => {
                Ok(format!("{played} episodes in {seconds:.1} s, memory {:+.1} MiB", mebibytes(first, last)))
            }
            (Some(first), Some(last)) => Err(format!(
                "memory grew by {:.1} MiB from episode {} to {played}",
                mebibytes(first, last),
                warm.min(played)
            )),
            _ => Ok(format!("{played} episodes in {seconds:.1} s; this system does not say how much memory they took")),
        }
    });
}

fn mebibytes(first: u64, last: u64) -> f64 {
    (last as f64 - first as f64) / f64::from(1 << 20)
}

/// Resident bytes of this process and of the module's own, as Linux tells them.
fn resident(child: Option<u32>) -> Option<u64> {
    const PAGE: u64 = 4096;
    let of = |process: &str| {
        let text = std::fs::read_to_string(format!("/proc/{process}/statm")).ok()?;
        text.split(' ').nth(1)?.parse::<u64>().ok().map(|pages| pages * PAGE)
    };
    child.map_or(Some(0), |id| of(&id.to_string())).zip(of("self")).map(|(child, own)| child + own)
}

/// What a person reads of a duration.
pub(super) fn short(time: Duration) -> String {
    match time.as_micros() {
        0..1_000 => format!("{} µs", time.as_micros()),
        1_000..1_000_000 => format!("{:.1} ms", time.as_secs_f64() * 1e3),
        _ => format!("{:.1} s", time.as_secs_f64()),
    }
}
