//! What is installed, as it grows. A running program that looks again finds more, never less: what it resolved before stays what it
//! was. Refuses to replace a version that is known: a file changed under its name is not a new version.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::{Arc, OnceLock},
};

use harness_abi::PackRef;
use harness_spec::{Catalogue, PackManifest, Version};

use crate::{Inspected, Trust};

/// Where a pack's code is.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    /// Linked into this program.
    Linked(PackRef),
    /// In a file, read once, not loaded until one of its modules is asked for.
    File(Box<Inspected>, Arc<Vec<u8>>, Trust),
}

/// What was installed at one time, and after it what was found later: a chain that is only appended to, so that what was
/// borrowed from it stays.
#[derive(Debug, Default)]
pub(crate) struct Installed {
    pub catalogue: Catalogue,
    sources: BTreeMap<(String, Version), Source>,
    later: OnceLock<Box<Installed>>,
}

impl Installed {
    /// Adds a pack, unless its name and version are known: folders are searched most specific first. Whether it was added.
    pub fn add(&mut self, manifest: PackManifest, source: Source) -> bool {
        let key = (manifest.pack.name.clone(), manifest.pack.version);
        match self.sources.entry(key) {
            Entry::Occupied(_) => false,
            Entry::Vacant(place) => {
                place.insert(source);
                self.catalogue.insert(manifest);
                true
            }
        }
    }

    pub fn get(&self, name: &str, version: Version) -> Option<&Source> {
        self.sources.get(&(name.to_owned(), version))
    }

    /// What is known now.
    pub fn latest(&self) -> &Self {
        let mut latest = self;
        while let Some(later) = latest.later.get() {
            latest = later;
        }
        latest
    }

    /// A copy to add to, in which references without a version keep meaning what they mean here.
    pub fn successor(&self) -> Self {
        let mut catalogue = self.catalogue.clone();
        catalogue.pin();
        Self { catalogue, sources: self.sources.clone(), later: OnceLock::new() }
    }

    /// Makes it what is known from now on. Lost if somebody else was quicker: the other looked at the same folders.
    pub fn append(&self, later: Self) {
        let _ = self.latest().later.set(Box::new(later));
    }
}
