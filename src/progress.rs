//! Progress on standard error: a bar on a terminal, a line now and then elsewhere, nothing with `--quiet`.

use std::{
    io::IsTerminal,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Seconds between lines where there is no terminal.
const EVERY: Duration = Duration::from_secs(10);

/// Shows how far a piece of work is.
pub struct Progress {
    bar: ProgressBar,
    plain: bool,
    began: Instant,
    last: AtomicU64,
}

impl Progress {
    /// Progress over `total` things; hidden when `quiet`.
    pub fn new(quiet: bool, what: &str, total: u64) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let target = if terminal && !quiet { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(total), target).with_message(what.to_owned());
        let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {eta}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self { bar, plain: !terminal && !quiet, began: Instant::now(), last: AtomicU64::new(0) }
    }

    /// Says what is being done now.
    pub fn say(&self, what: impl Into<String>) {
        self.bar.set_message(what.into());
        self.line();
    }

    /// So many more things are done.
    pub fn add(&self, done: u64) {
        self.bar.inc(done);
        let elapsed = self.began.elapsed().as_secs();
        if self.plain && elapsed >= self.last.load(Ordering::Relaxed) + EVERY.as_secs() {
            self.last.store(elapsed, Ordering::Relaxed);
            self.line();
        }
    }

    /// More things turned up.
    pub fn expect(&self, total: u64) {
        self.bar.set_length(total);
    }

    #[expect(clippy::print_stderr, reason = "the front door talks to people")]
    fn line(&self) {
        if self.plain {
            let total = self.bar.length().unwrap_or_default();
            eprintln!("{} {}/{total} ({} s)", self.bar.message(), self.bar.position(), self.began.elapsed().as_secs());
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
