//! Keeps a pack's child: starts it when it is needed, ends it when it misbehaves, lets it rest, and gives it up for good
//! after too many ends.

use std::{
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use harness_abi::{ErrorClass, Kind, ModuleError};

use super::{
    call::{Broken, Nobody, Patience, Serve},
    lost,
    process::{Child, STOPPED, StartError, from_now},
    protocol::{Reply, Request, Setup},
    quarantine::Quarantine,
    settings::ChildSettings,
};
use crate::{Inspected, Refusal, load};

/// Keeps the child of one pack.
#[derive(Debug)]
pub struct Supervisor {
    settings: Arc<ChildSettings>,
    quarantine: Arc<Quarantine>,
    file: Inspected,
    setup: Setup,
    state: Mutex<State>,
    numbers: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    child: Option<Arc<Child>>,
    ends: u32,
    /// Ends by somebody outside, which say nothing of the pack.
    outside: u32,
    rests_until: Option<Instant>,
}

/// An instance in a child; dropping it tells the child, sooner or later.
#[derive(Debug)]
pub struct Instance {
    pub child: Arc<Child>,
    pub id: u64,
}

impl Drop for Instance {
    fn drop(&mut self) {
        if !self.child.has_ended() {
            self.child.dropped.lock().unwrap_or_else(PoisonError::into_inner).push(self.id);
        }
    }
}

impl Supervisor {
    /// A supervisor for a pack of which a private copy lies in the store.
    pub fn new(
        settings: Arc<ChildSettings>,
        quarantine: Arc<Quarantine>,
        file: &Inspected,
        bytes: &[u8],
        store: &Path,
    ) -> Result<Self, Refusal> {
        let copy = load::stage(bytes, store, &file.sha256).map_err(|(path, source)| Refusal::Stage { path, source })?;
        let copy = std::path::absolute(&copy).unwrap_or(copy);
        let setup = Setup {
            copy: copy.to_string_lossy().into_owned(),
            manifest: crate::elf::manifest(bytes)?,
            permissions: file.manifest.permissions(),
            memory: settings.memory,
            unconfined: settings.unconfined,
            guarded: settings.guarded.iter().map(|path| path.to_string_lossy().into_owned()).collect(),
            drop_millis: settings.hook_deadline.as_millis() as u64,
        };
        let (state, numbers) = (Mutex::default(), AtomicU64::new(1));
        Ok(Self { settings, quarantine, file: file.clone(), setup, state, numbers })
    }

    fn pack(&self) -> String {
        format!("{} {}", self.file.manifest.pack.name, self.file.manifest.pack.version)
    }

    /// The child, started if it does not run. Rests first if it has to.
    ///
    /// # Errors
    ///
    /// A fault of the pack; or one that is marked as lost, where somebody outside ends its children.
    pub fn child(&self) -> Result<Arc<Child>, ModuleError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.child.as_ref().is_none_or(|child| child.has_ended()) {
            self.quarantine.renew();
        }
        if let Some(reason) =
            self.quarantine.reason(&self.file.sha256).map_err(|error| ModuleError::fault(error.to_string()))?
        {
            return Err(ModuleError::fault(format!(
                "pack {} is in quarantine: {reason}; `harness plugin release {}` lets it out",
                self.pack(),
                self.file.manifest.pack.name
            )));
        }
        if let Some(child) = state.child.as_ref().filter(|child| !child.has_ended()) {
            return Ok(child.clone());
        }
        if state.outside >= self.settings.most_ends {
            let often = state.outside;
            return Err(outside(&format!("its process was ended from outside {often} times and is not started again")));
        }
        if let Some(until) = state.rests_until.take() {
            std::thread::sleep(until.saturating_duration_since(Instant::now()));
        }
        match Child::start(&self.settings, &self.setup) {
            Ok(child) => {
                state.child = Some(child.clone());
                Ok(child)
            }
            Err(StartError::Refused(reason)) => Err(ModuleError::fault(reason)),
            Err(StartError::Ended(reason)) => {
                self.count(&mut state, &reason);
                Err(ModuleError::fault(reason))
            }
            Err(StartError::Outside(reason)) => {
                state.outside += 1;
                Err(outside(&reason))
            }
        }
    }

    /// One end more.
    fn count(&self, state: &mut State, reason: &str) {
        state.child = None;
        state.ends += 1;
        if state.ends >= self.settings.most_ends {
            let why = format!("ended {} times, the last time because {reason}", state.ends);
            self.quarantine.add(&self.file, &why);
        } else {
            state.rests_until = from_now(self.settings.rest * 2u32.saturating_pow(state.ends - 1));
        }
    }

    /// Builds an instance.
    pub fn make(&self, kind: Kind, name: &str, config: &str) -> Result<Instance, ModuleError> {
        let child = self.child()?;
        let id = self.numbers.fetch_add(1, Ordering::Relaxed);
        let request = Request::Make { id, kind, name, config };
        // A processor is built on the thread that drives its episode.
        let patience = if kind == Kind::Processor { self.hook_patience() } else { self.patience() };
        match self.resolve(&child, child.call(request, patience, &Nobody))? {
            Reply::Made => Ok(Instance { child, id }),
            other => Err(self.unexpected(&child, &other)),
        }
    }

    /// How long a hook may take.
    pub fn hook_patience(&self) -> Patience {
        Patience { deadline: self.settings.hook_deadline, cancel_grace: self.settings.cancel_grace }
    }

    /// How long a call other than a hook may take.
    pub fn patience(&self) -> Patience {
        Patience { deadline: self.settings.call_deadline, cancel_grace: self.settings.cancel_grace }
    }

    /// Calls an instance.
    pub fn call(
        &self,
        instance: &Instance,
        request: Request<'_>,
        patience: Patience,
        serve: &dyn Serve,
    ) -> Result<Reply, ModuleError> {
        self.resolve(&instance.child, instance.child.call(request, patience, serve))
    }

    /// The answer, or what the lack of one means for the child and for the caller.
    fn resolve(&self, child: &Arc<Child>, answer: Result<Reply, Broken>) -> Result<Reply, ModuleError> {
        let (class, why, counts) = match answer {
            Ok(Reply::Failed(error)) => {
                let mut error = ModuleError::from(error);
                if lost::is_marked(&error) {
                    error.extra.clear();
                }
                return Err(error);
            }
            Ok(Reply::GaveUp) => return Err(ModuleError::fault("it gave up without an answer")),
            Ok(reply) => return Ok(reply),
            Err(Broken::Unsent(why)) => return Err(ModuleError::unsupported(why)),
            Err(Broken::Lost) => {
                return Err(outside(&format!("its process ended in another call: {}", child.end(None))));
            }
            Err(Broken::Late(_)) if child.is_stopped() => return Err(self.ended_outside(child, Some(STOPPED))),
            Err(Broken::Child(None)) if self.is_ended_outside(child) => return Err(self.ended_outside(child, None)),
            Err(Broken::Child(why)) => (ErrorClass::FAULT, why, true),
            Err(Broken::Late(why)) => (ErrorClass::TIMEOUT, Some(why), true),
            Err(Broken::Deaf(why)) => (ErrorClass::CANCELLED, Some(why), false),
        };
        let reason = self.end(child, why.as_deref(), counts);
        Err(ModuleError::new(class, reason))
    }

    fn is_ended_outside(&self, child: &Arc<Child>) -> bool {
        child.end(None);
        child.ended_outside()
    }

    /// Somebody outside ended a child or stopped it: no fault of the pack, and nothing that a quarantine would mend. After too many of
    /// these none is started again in this run: what repeats would choose among outcomes.
    fn ended_outside(&self, child: &Arc<Child>, why: Option<&str>) -> ModuleError {
        let reason = child.end(why);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.child.as_ref().is_some_and(|present| Arc::ptr_eq(present, child)) {
            state.child = None;
            state.outside += 1;
        }
        outside(reason)
    }

    /// Ends a child and says why it is no more.
    fn end(&self, child: &Arc<Child>, why: Option<&str>, counts: bool) -> String {
        let reason = child.end(why);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // The first to notice counts it; calls that were under way meet the same end.
        if state.child.as_ref().is_some_and(|present| Arc::ptr_eq(present, child)) {
            if counts {
                self.count(&mut state, reason);
            } else {
                state.child = None;
            }
        }
        match self.quarantine.reason(&self.file.sha256) {
            Ok(Some(_)) => format!("{reason}; pack {} is now in quarantine", self.pack()),
            Ok(None) => reason.to_owned(),
            Err(error) => format!("{reason}; {error}"),
        }
    }

    /// The error for an answer of the wrong kind, which ends the child.
    pub fn unexpected(&self, child: &Arc<Child>, reply: &Reply) -> ModuleError {
        let kind: &'static str = reply.into();
        ModuleError::fault(self.end(child, Some(&format!("it answered with {kind}, which was not asked for")), true))
    }
}

/// An error that says nothing of the harness: the engine counts it as infrastructure.
fn outside(why: &str) -> ModuleError {
    let mut error = ModuleError::new(ErrorClass::UNAVAILABLE, why);
    lost::mark(&mut error);
    error
}
