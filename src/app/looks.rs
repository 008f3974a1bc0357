//! Looks at tasks that are to be seen rarely: the one place of the application that counts them and says so.

use harness_bench::{Split, looks};
use harness_core::{Clock, SystemClock};
use harness_host::Host;
use harness_trace::{RecordedGroup, Store};

use super::{App, BenchmarkRequest};
use crate::{Control, Event, Failure};

/// Counts that episodes of these groups are read out of a record that was opened to be read, before they are shown, and says so. Where
/// the record cannot be written, that is said.
pub(super) fn reading(
    app: &App,
    store: &Store,
    groups: impl IntoIterator<Item = RecordedGroup>,
    control: &Control,
) -> Result<(), Failure> {
    let look = looks::reading(store, groups, app.command(), SystemClock.unix_millis())?;
    let written = look.fresh.is_empty() || app.record().is_ok_and(|record| look.count(&record).is_ok());
    if let Some(line) = look.line() {
        let cannot = || "the record can only be read: that you look at it is not counted".to_owned();
        control.tell(&Event::Looked { text: if written { line } else { cannot() } });
    }
    Ok(())
}

/// Says of which split the task is that a prompt is in the suite it was said to be like, if it is one to be seen rarely. Runs that judge
/// on it find the look by the prompt in the record, said or not.
pub(super) fn of_prompt(app: &App, host: &Host, suite: &str, prompt: &str, control: &Control) {
    if suite.is_empty() {
        return;
    }
    let Ok(benchmark) = app.benchmark(&BenchmarkRequest::new(suite), host) else { return };
    if let Some(split) = looks::of_prompt(&benchmark, prompt).filter(|split| *split != Split::Explore) {
        let text = format!("this is a {split} task of {suite}: counted as a look at it");
        control.tell(&Event::Looked { text });
    }
}
