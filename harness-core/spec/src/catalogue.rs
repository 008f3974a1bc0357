//! What is installed, as data: manifests by pack name and version. Refuses to look for packs; whoever found them fills it.

use std::collections::BTreeMap;

use crate::manifest::{Module, PackManifest};
use crate::nearest::nearest;
use crate::reference::{ModuleRef, Version};

/// The set of known packs, several versions of one side by side.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Catalogue {
    packs: BTreeMap<String, BTreeMap<Version, PackManifest>>,
    /// What a reference without a version means, where that is no longer the highest.
    pinned: BTreeMap<String, Version>,
}

/// Why a reference leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LookupError {
    /// No pack of that name.
    #[error("no pack `{pack}` is installed{hint}")]
    Pack {
        /// The name asked for.
        pack: String,
        /// A nearest name, or the valid ones.
        hint: String,
    },
    /// The pack is there, in other versions.
    #[error("pack `{pack}` is not installed in version {version}; installed are {installed}")]
    Version {
        /// The pack.
        pack: String,
        /// The version asked for.
        version: Version,
        /// Those there are, separated by commas.
        installed: String,
    },
    /// The pack has no such module.
    #[error("pack `{pack}` {version} has no module `{module}`{hint}")]
    Module {
        /// The pack.
        pack: String,
        /// The version looked at.
        version: Version,
        /// The name asked for.
        module: String,
        /// A nearest name, or the valid ones.
        hint: String,
    },
}

/// One module of the catalogue, with the pack it is in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Entry<'a> {
    /// The pack.
    pub pack: &'a PackManifest,
    /// The module.
    pub module: &'a Module,
    /// Whether a reference without a version means another one.
    aside: bool,
}

impl Entry<'_> {
    /// The shortest reference to it: without a version where that means this one.
    pub fn reference(&self) -> ModuleRef {
        let version = self.aside.then_some(self.pack.pack.version);
        ModuleRef { pack: self.pack.pack.name.clone(), module: self.module.name.clone(), version }
    }
}

fn entries<'a>(pack: Option<&'a PackManifest>, aside: bool) -> impl Iterator<Item = Entry<'a>> {
    pack.into_iter().flat_map(move |pack| pack.modules.iter().map(move |module| Entry { pack, module, aside }))
}

impl Catalogue {
    /// An empty catalogue.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a pack. A pack of the same name and version is displaced and returned.
    pub fn insert(&mut self, manifest: PackManifest) -> Option<PackManifest> {
        self.packs.entry(manifest.pack.name.clone()).or_default().insert(manifest.pack.version, manifest)
    }

    /// Every pack in every version, by name, then version.
    pub fn packs(&self) -> impl Iterator<Item = &PackManifest> {
        self.packs.values().flat_map(BTreeMap::values)
    }

    /// From now on references without a version keep meaning what they mean now, whatever newer versions come.
    pub fn pin(&mut self) {
        let highest = self.packs.iter().filter_map(|(name, versions)| Some((name, versions.last_key_value()?.0)));
        for (name, version) in highest {
            self.pinned.entry(name.clone()).or_insert(*version);
        }
    }

    /// The version a reference without one means: the highest, or what was the highest when the catalogue was pinned.
    fn meant<'a>(&self, name: &str, versions: &'a BTreeMap<Version, PackManifest>) -> Option<&'a PackManifest> {
        let pinned = self.pinned.get(name).and_then(|version| versions.get(version));
        pinned.or_else(|| versions.last_key_value().map(|(_, pack)| pack))
    }

    /// Every module a reference without a version reaches, and those of a newer version that came since the catalogue was
    /// pinned; by pack name, then manifest order.
    pub fn modules(&self) -> impl Iterator<Item = Entry<'_>> {
        self.packs.iter().flat_map(|(name, versions)| {
            let meant = self.meant(name, versions);
            let newest = versions.last_key_value().map(|(_, pack)| pack);
            let newer = newest.filter(|newest| meant.is_some_and(|meant| meant.pack.version < newest.pack.version));
            entries(meant, false).chain(entries(newer, true))
        })
    }

    /// The module a reference names; without a version, in the pack's highest, or what was the highest when the catalogue
    /// was pinned.
    ///
    /// # Errors
    ///
    /// When no pack, no version or no module of that name is installed; with the nearest name there is.
    pub fn lookup(&self, reference: &ModuleRef) -> Result<Entry<'_>, LookupError> {
        let Some(versions) = self.packs.get(&reference.pack) else {
            return Err(LookupError::Pack { pack: reference.pack.clone(), hint: self.hint(reference) });
        };
        let pack = match reference.version {
            Some(version) => versions.get(&version),
            None => self.meant(&reference.pack, versions),
        };
        let Some(pack) = pack else {
            let installed: Vec<String> = versions.keys().map(Version::to_string).collect();
            let version = reference.version.unwrap_or(Version { major: 0, minor: 0, patch: 0 });
            return Err(LookupError::Version {
                pack: reference.pack.clone(),
                version,
                installed: installed.join(", "),
            });
        };
        match pack.module(&reference.module) {
            Some(module) => {
                let meant = self.meant(&reference.pack, versions).map(|meant| meant.pack.version);
                Ok(Entry { pack, module, aside: meant != Some(pack.pack.version) })
            }
            None => Err(LookupError::Module {
                pack: reference.pack.clone(),
                version: pack.pack.version,
                module: reference.module.clone(),
                hint: self.hint(reference),
            }),
        }
    }

    /// The nearest whole reference if there is one (a right name in a wrong pack counts as near), else the names to choose from.
    fn hint(&self, wrong: &ModuleRef) -> String {
        let same_module = self.modules().find(|entry| entry.module.name == wrong.module);
        if let Some(entry) = same_module {
            return format!("; did you mean `{}`?", entry.reference());
        }
        let all: Vec<String> = self.modules().map(|entry| entry.reference().to_string()).collect();
        let bare = format!("{}/{}", wrong.pack, wrong.module);
        if let Some(near) = nearest(&bare, all.iter().map(String::as_str)) {
            return format!("; did you mean `{near}`?");
        }
        match self.packs.get(&wrong.pack).and_then(|versions| versions.last_key_value()) {
            Some((_, pack)) => crate::nearest::hint(&wrong.module, pack.modules.iter().map(|m| m.name.as_str())),
            None => crate::nearest::hint(&wrong.pack, self.packs.keys().map(String::as_str)),
        }
    }
}
