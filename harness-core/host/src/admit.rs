//! Whether an inspected file is let in, and on what terms: the lock first, then who signed it, then the machine's policy.
//! Refuses to read a byte of the pack again: what was inspected is what is judged.

use std::{collections::BTreeMap, fmt, sync::Arc};

use harness_spec::{Isolation, Lock, LockedPack, Policy, Vocabulary};

use crate::{
    Inspected, Refusal,
    sign::{Signer, signer},
};

/// On what terms a file was let in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Trust {
    /// Who signed it.
    pub signer: Signer,
    /// How the policy calls that publisher, if it trusts it.
    pub publisher: Option<String>,
    /// Where its code runs.
    pub isolation: Isolation,
    /// By module, the hash of what it shows to models, where the lock has one.
    pub shown: BTreeMap<String, String>,
}

type Decide = dyn Fn(&Inspected) -> Result<Isolation, Refusal> + Send + Sync;

/// What a host admits by.
#[derive(Clone, Default)]
pub(crate) struct Rules {
    pub lock: Option<Lock>,
    pub policy: Option<Policy>,
    /// Goes before the policy's word on isolation.
    pub decide: Option<Arc<Decide>>,
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rules").field("lock", &self.lock).field("policy", &self.policy).finish_non_exhaustive()
    }
}

impl Rules {
    /// The lock's entry of a file.
    fn locked(&self, file: &Inspected) -> Option<&LockedPack> {
        let pack = &file.manifest.pack;
        self.lock.as_ref()?.get(&pack.name, pack.version)
    }

    /// Lets a file in, or says why not.
    pub fn admit(&self, file: &Inspected, bytes: &[u8]) -> Result<Trust, Refusal> {
        let locked = self.locked(file);
        if self.lock.is_some() {
            check(locked.ok_or(Refusal::Unlocked)?, file)?;
        }
        let pinned = locked.and_then(|locked| locked.publisher.as_ref());
        let trusted = self.policy.iter().flat_map(|policy| &policy.publishers).map(|publisher| &publisher.key);
        let signer = signer(&file.path, bytes, trusted.chain(pinned))?;
        if let Some(pinned) = pinned.filter(|pinned| signer.key() != Some(*pinned)) {
            return Err(Refusal::Publisher { locked: pinned.clone() });
        }
        let (publisher, isolation) = match &self.policy {
            // Whoever builds a host without a policy answers for every folder it gives.
            None => (None, Isolation::InProcess),
            Some(policy) => {
                let publisher = signer.key().and_then(|key| policy.publisher(key));
                let name = &file.manifest.pack.name;
                if policy.only_signed && publisher.is_none() && policy.exception(name).is_none() {
                    return Err(Refusal::Untrusted);
                }
                (publisher.map(|publisher| publisher.name.clone()), policy.isolation(name, publisher))
            }
        };
        let isolation = self.decide.as_ref().map_or(Ok(isolation), |decide| decide(file))?;
        let shown = locked.map(|locked| locked.shown.clone()).unwrap_or_default();
        Ok(Trust { signer, publisher, isolation, shown })
    }
}

fn check(locked: &LockedPack, file: &Inspected) -> Result<(), Refusal> {
    if locked.sha256 != file.sha256 {
        return Err(Refusal::Changed { locked: locked.sha256.clone(), found: file.sha256.clone() });
    }
    let asked = file.manifest.permissions();
    let more: Vec<&str> = asked.iter().filter(|one| !locked.permissions.contains(one)).map(|one| one.name()).collect();
    if more.is_empty() { Ok(()) } else { Err(Refusal::Permissions(more.join(", "))) }
}
