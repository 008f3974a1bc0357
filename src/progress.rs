//! Progress on standard error: a bar on a terminal, a line now and then elsewhere, nothing with `--quiet`.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use harness_terminal::{line, stream, text};
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
        let terminal = stream::err_is_terminal();
        let target = if terminal && !quiet { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(total), target).with_message(line(what).to_string());
        let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {eta}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self { bar, plain: !terminal && !quiet, began: Instant::now(), last: AtomicU64::new(0) }
    }

    /// Says what is being done now.
    pub fn say(&self, what: impl Into<String>) {
        self.bar.set_message(line(what.into()).to_string());
        self.line();
    }

    /// So many more things are done.
    pub fn add(&self, done: u64) {
        self.bar.inc(done);
        self.now_and_then();
    }

    /// Says how far the present thing is, which it may do often.
    pub fn going_on(&self, what: impl Into<String>) {
        self.bar.set_message(what.into());
        self.now_and_then();
    }

    fn now_and_then(&self) {
        let elapsed = self.began.elapsed().as_secs();
        if self.plain && elapsed >= self.last.load(Ordering::Relaxed) + EVERY.as_secs() {
            self.last.store(elapsed, Ordering::Relaxed);
            self.line();
        }
    }

    fn line(&self) {
        if self.plain {
            let total = self.bar.length().unwrap_or_default();
            let (what, done, seconds) = (self.bar.message(), self.bar.position(), self.began.elapsed().as_secs());
            stream::note(format_args!("{what} {done}/{total} ({seconds} s)"));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// Hears lines.
type Tell = Box<dyn Fn(&str) + Send + Sync>;

/// Shows how far an evolution is: a line that changes on a terminal, one line per decision elsewhere.
pub struct Watcher {
    bar: ProgressBar,
    plain: bool,
    /// Who hears each line in place of standard error.
    tell: Option<Tell>,
    suite: String,
    state: std::sync::Mutex<State>,
}

#[derive(Default)]
struct State {
    phase: String,
    round: String,
    doing: String,
    total: u64,
}

impl Watcher {
    /// Watches the evolution of a suite; hidden when `quiet`.
    pub fn new(quiet: bool, suite: &str) -> Self {
        let terminal = stream::err_is_terminal();
        let target = if terminal && !quiet { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        let style = ProgressStyle::with_template("{spinner} {elapsed} {msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        bar.enable_steady_tick(Duration::from_millis(200));
        let plain = !terminal && !quiet;
        Self { bar, plain, tell: None, suite: suite.to_owned(), state: std::sync::Mutex::default() }
    }

    /// Watches it for somebody who is no person at a terminal.
    pub fn telling(suite: &str, tell: impl Fn(&str) + Send + Sync + 'static) -> Self {
        let mut watcher = Self::new(true, suite);
        watcher.tell = Some(Box::new(tell));
        watcher
    }

    /// Another part of the work begins.
    pub fn phase(&self, phase: &str) {
        self.change(|state| *state = State { phase: phase.to_owned(), ..State::default() });
        self.say(&format!("{}: {phase}", self.suite));
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        change(&mut state);
        let State { phase, round, doing, total } = &*state;
        let shown = format!("{} · {phase}{round} · {doing} · {total} rollouts", self.suite);
        self.bar.set_message(line(shown).to_string());
    }

    fn say(&self, line: &str) {
        if let Some(tell) = &self.tell {
            tell(line);
        } else if self.plain {
            stream::note(line);
        } else {
            self.bar.println(text(line).to_string());
        }
    }
}

impl harness_evolve::Observer for Watcher {
    fn on(&self, event: &harness_evolve::Event) {
        use harness_evolve::{Event, Phase};
        match event {
            Event::Round { round, of } => self.change(|state| state.round = format!(" · round {round} of {of}")),
            Event::Played { phase, total, .. } => self.change(|state| {
                state.total = *total;
                state.doing = match phase {
                    Phase::Explore => "the harness of the day on explore tasks",
                    Phase::Screen => "screening candidates",
                    Phase::Duel => "before the judge",
                    Phase::Panel => "protected panel",
                    Phase::Settle => "what each edit is worth",
                    Phase::Drift => "testing for drift",
                    Phase::Report => "measuring arms",
                }
                .to_owned();
            }),
            Event::Said(line) => self.say(line),
        }
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
