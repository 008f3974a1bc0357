//! What the suite finds, check by check, and how a check is run: on a thread of its own, so that a module that never returns is
//! a finding and not the end of the suite.

use std::{
    sync::mpsc::{RecvTimeoutError, channel},
    time::Duration,
};

use harness_spec::ModuleRef;
use serde::Serialize;

/// How far the suite goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// Episodes after which memory must not have grown; 0 leaves this out.
    pub episodes: u32,
    /// Most time these episodes get: what was played until then counts.
    pub patience: Duration,
    /// Most time any other check gets.
    pub deadline: Duration,
}

impl Default for Extent {
    /// Everything but the memory check, half a minute each: other tests of this process would be counted as a leak.
    fn default() -> Self {
        Self { episodes: 0, patience: Duration::ZERO, deadline: Duration::from_secs(30) }
    }
}

/// What became of one check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "result", content = "detail", rename_all = "snake_case")]
pub enum CheckResult {
    /// It holds; what was measured on the way.
    Passed(String),
    /// It does not: what is wrong.
    Failed(String),
    /// It was not looked at: why.
    LeftOut(String),
}

/// One thing a module of its kind must do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What it must do.
    pub name: &'static str,
    /// Whether it does.
    #[serde(flatten)]
    pub result: CheckResult,
}

/// What the suite found out about one module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConformanceReport {
    /// The module.
    pub module: ModuleRef,
    /// Everything that was looked at, in order.
    pub checks: Vec<Check>,
}

impl ConformanceReport {
    /// What is wrong.
    pub fn problems(&self) -> impl Iterator<Item = &str> {
        self.checks.iter().filter_map(|check| match &check.result {
            CheckResult::Failed(problem) => Some(problem.as_str()),
            CheckResult::Passed(_) | CheckResult::LeftOut(_) => None,
        })
    }

    /// Whether nothing is.
    pub fn passed(&self) -> bool {
        self.problems().next().is_none()
    }
}

/// The checks of a module as they are made.
pub(super) struct Sheet {
    pub checks: Vec<Check>,
    pub extent: Extent,
    /// A check never came back: what it holds is not known, so nothing more is asked of the module.
    hung: bool,
}

impl Sheet {
    pub fn new(extent: Extent) -> Self {
        Self { checks: Vec::new(), extent, hung: false }
    }

    /// Makes a check; it says what it measured, or what is wrong. Whether it holds.
    pub fn check(
        &mut self,
        name: &'static str,
        check: impl FnOnce() -> Result<String, String> + Send + 'static,
    ) -> bool {
        self.within(self.extent.deadline, name, check)
    }

    /// As [`Sheet::check`], with its own limit.
    pub fn within(
        &mut self,
        limit: Duration,
        name: &'static str,
        check: impl FnOnce() -> Result<String, String> + Send + 'static,
    ) -> bool {
        if self.hung {
            self.leave_out(name, "a check before it never came back");
            return false;
        }
        let (send, receive) = channel();
        std::thread::spawn(move || {
            // Nobody listens any more once the time is up.
            let _ = send.send(check());
        });
        let result = match receive.recv_timeout(limit) {
            Ok(Ok(measured)) => CheckResult::Passed(measured),
            Ok(Err(problem)) => CheckResult::Failed(problem),
            Err(RecvTimeoutError::Disconnected) => CheckResult::Failed("the host itself panicked over it".to_owned()),
            Err(RecvTimeoutError::Timeout) => {
                self.hung = true;
                CheckResult::Failed(format!("it did not come back within {} s", limit.as_secs()))
            }
        };
        let holds = matches!(result, CheckResult::Passed(_));
        self.checks.push(Check { name, result });
        holds
    }

    pub fn leave_out(&mut self, name: &'static str, why: &str) {
        self.checks.push(Check { name, result: CheckResult::LeftOut(why.to_owned()) });
    }
}
