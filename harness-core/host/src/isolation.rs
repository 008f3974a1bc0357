//! Where a pack's code runs, and who decides. Refuses to decide itself: a policy does, per inspected file.

use std::{fmt, sync::Arc};

use crate::{Inspected, Refusal};

/// Where a pack's code runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Isolation {
    /// In this process, with full trust: a crash of the pack is a crash of the host.
    #[default]
    InProcess,
    /// In a process of its own, with what its manifest's permissions allow.
    Process,
}

impl Isolation {
    /// The name in policies and lists.
    pub const fn name(self) -> &'static str {
        match self {
            Self::InProcess => "in-process",
            Self::Process => "process",
        }
    }
}

type Decide = dyn Fn(&Inspected) -> Result<Isolation, Refusal> + Send + Sync;

/// What decides.
#[derive(Clone)]
pub(crate) struct Policy(Arc<Decide>);

impl Policy {
    pub fn new(decide: impl Fn(&Inspected) -> Result<Isolation, Refusal> + Send + Sync + 'static) -> Self {
        Self(Arc::new(decide))
    }

    pub fn decide(&self, file: &Inspected) -> Result<Isolation, Refusal> {
        (self.0)(file)
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self::new(|_| Ok(Isolation::default()))
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Policy")
    }
}
