//! What a workspace keeps for its user and for this program: its `.harness` folder (packs, the record), `harness.lock`, and what the
//! program names with [`guard`]: the harness file, the user's own state. A command may work in the workspace and still writes none of
//! it, whatever box it is in; neither does a pack in a child.
//!
//! Bubblewrap mounts over it. Landlock only adds rights and cannot take a folder out of another, so there are two ways. Where the system
//! lets this process have mounts of its own, the places are mounted read-only as well, and so is each folder on the way to them, since a
//! folder that is a mount point cannot be renamed. Where it does not, rights are given entry by entry around the places
//! ([`Own::grant`]): then nothing new can be made in the folder that holds them, only in the folders beside them.

use std::{
    collections::BTreeSet,
    ffi::CStr,
    io,
    os::fd::{AsFd, OwnedFd},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use landlock::{ABI, AccessFs, BitFlags, PathBeneath, RulesetCreated, RulesetCreatedAttr, RulesetError};
use rustix::{
    fs::{CWD, Dir, FileType, Mode, OFlags, StatVfsMountFlags, openat, statvfs},
    mount::{MountFlags, MountPropagationFlags, mount, mount_bind_recursive, mount_change, mount_remount},
    thread::UnshareFlags,
};
use serde::{Deserialize, Serialize};

use crate::SandboxError;

/// What a workspace keeps for this program: packs, the record.
const FOLDER: &str = ".harness";
/// The lock of a workspace's packs.
const LOCK: &str = "harness.lock";

static GUARDED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// From now on no command and no file tool of this process writes `path`, or what lies in it, wherever else they may write. A relative
/// path is one of the present folder.
///
/// # Errors
///
/// If there is no present folder.
pub fn guard(path: &Path) -> io::Result<()> {
    let path = std::path::absolute(path)?;
    // A folder may be reached by links, a file is what it is called: a link in its place is seen when a command begins.
    let real = path.parent().and_then(|parent| parent.canonicalize().ok()).zip(path.file_name());
    let path = real.map_or(path.clone(), |(parent, name)| parent.join(name));
    GUARDED.lock().unwrap_or_else(PoisonError::into_inner).insert(path);
    Ok(())
}

/// The places that were named with [`guard`], and those that the present folder keeps.
pub fn guarded() -> BTreeSet<PathBuf> {
    let mut all = GUARDED.lock().unwrap_or_else(PoisonError::into_inner).clone();
    if let Ok(here) = std::env::current_dir().and_then(|here| here.canonicalize()) {
        all.extend([here.join(FOLDER), here.join(LOCK)]);
    }
    all
}

/// Whether `path`, which is absolute and has no links, is one of the places no command of the folder `workspace` writes.
pub fn is_guarded(workspace: &Path, path: &Path) -> bool {
    let own = [workspace.join(FOLDER), workspace.join(LOCK)];
    own.iter().chain(&guarded()).any(|place| path.starts_with(place))
}

/// Places below folders that are writable otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Own {
    /// Folders on the way to them, outermost first: they must stay where they are.
    pub(crate) ways: Vec<PathBuf>,
    /// Folders of which a command sees nothing.
    pub(crate) hidden: Vec<PathBuf>,
    /// What can be read and not written.
    pub(crate) fixed: Vec<PathBuf>,
}

impl Own {
    /// What must not be written below these folders, which are absolute and have no links, of these places and of what each folder keeps
    /// itself. A `.harness` among the places is made if it is not there, so that it can be kept.
    ///
    /// # Errors
    ///
    /// If one of the places is a link that a command could turn elsewhere, or cannot be looked at.
    pub fn below(roots: &[PathBuf], places: &BTreeSet<PathBuf>) -> Result<Self, SandboxError> {
        let mut own = Self::default();
        for root in roots {
            let kept = [root.join(FOLDER), root.join(LOCK)];
            let named = places.iter().filter(|place| place.starts_with(root) && *place != root);
            for place in kept.iter().chain(named) {
                let fail = |why: String| SandboxError::Own { path: place.clone(), why };
                // A workspace of this program has one, or will.
                let ours = places.contains(place) && place.ends_with(FOLDER);
                if ours
                    && let Err(error) = std::fs::create_dir(place)
                    && error.kind() != io::ErrorKind::AlreadyExists
                {
                    return Err(fail(error.to_string()));
                }
                match std::fs::symlink_metadata(place) {
                    Ok(kind) if kind.is_symlink() => {
                        return Err(fail(
                            "it is a link, which a command could turn elsewhere; name what it leads to".to_owned(),
                        ));
                    }
                    Ok(kind) if kind.is_dir() && place.ends_with(FOLDER) => own.hidden.push(place.clone()),
                    Ok(_) => own.fixed.push(place.clone()),
                    // What is not there is kept from being made by keeping the folder it would lie in, unless that is the whole root.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {
                        if let Some(folder) = place.parent().filter(|folder| !roots.iter().any(|root| root == folder)) {
                            std::fs::create_dir_all(folder).map_err(|error| fail(error.to_string()))?;
                            own.fixed.push(folder.to_owned());
                        }
                    }
                    Err(error) => return Err(fail(error.to_string())),
                }
            }
        }
        for list in [&mut own.hidden, &mut own.fixed] {
            list.sort();
            list.dedup();
        }
        let inside =
            |place: &PathBuf, others: &[PathBuf]| others.iter().any(|other| place != other && place.starts_with(other));
        let hidden = own.hidden.clone();
        let all: Vec<PathBuf> = own.hidden.iter().chain(&own.fixed).cloned().collect();
        own.fixed.retain(|place| !inside(place, &all));
        own.hidden.retain(|place| !inside(place, &hidden));
        for place in own.hidden.iter().chain(&own.fixed) {
            let root = roots.iter().filter(|root| place.starts_with(root)).min_by_key(|root| root.components().count());
            let way = place.ancestors().skip(1).take_while(|folder| root.is_some_and(|root| *folder != root));
            own.ways.extend(way.map(Path::to_owned));
        }
        own.ways.sort();
        own.ways.dedup();
        Ok(own)
    }

    /// Whether there is nothing to keep.
    pub fn is_empty(&self) -> bool {
        self.hidden.is_empty() && self.fixed.is_empty()
    }

    /// What of it lies in `folder`, relative to it: folders on the way, hidden folders, fixed places.
    pub(crate) fn relative(&self, folder: &Path) -> [Vec<PathBuf>; 3] {
        let below = |list: &[PathBuf]| {
            list.iter().filter_map(|path| path.strip_prefix(folder).ok()).map(Path::to_owned).collect::<Vec<_>>()
        };
        [below(&self.ways), below(&self.hidden), below(&self.fixed)]
    }

    /// Gives this process, which must have one thread, mounts of its own in which the places are read-only, and nothing is seen in the
    /// hidden ones if `hide`. Whoever calls this gives up the right to mount afterwards.
    ///
    /// # Errors
    ///
    /// Where the system does not allow it; then [`Own::grant`] keeps the places.
    pub fn mount(&self, hide: bool) -> Result<(), String> {
        if self.is_empty() {
            return Ok(());
        }
        own_mounts().map_err(|error| format!("no mounts of its own: {error}"))?;
        let fail = |path: &Path, error: rustix::io::Errno| format!("{}: {error}", path.display());
        let flags = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
        mount_change("/", flags).map_err(|error| fail(Path::new("/"), error))?;
        for way in &self.ways {
            mount_bind_recursive(way, way).map_err(|error| fail(way, error))?;
        }
        for place in &self.hidden {
            if hide {
                let flags = MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NODEV;
                mount("tmpfs", place, "tmpfs", flags, Some(c"size=4k")).map_err(|error| fail(place, error))?;
            } else {
                fix(place).map_err(|error| fail(place, error))?;
            }
        }
        self.fixed.iter().try_for_each(|place| fix(place).map_err(|error| fail(place, error)))?;
        // Beneath the new mounts lies the present folder as it was: it is entered anew, by its name.
        let here = std::env::current_dir().map_err(|error| format!("the present folder: {error}"))?;
        std::env::set_current_dir(&here).map_err(|error| format!("{}: {error}", here.display()))
    }

    /// Allows `access` beneath `root`, entry by entry around the places, which can be read where they are not hidden.
    ///
    /// # Errors
    ///
    /// What Landlock says.
    pub fn grant(
        &self,
        rules: RulesetCreated,
        root: &Path,
        access: BitFlags<AccessFs>,
        hide: bool,
    ) -> Result<RulesetCreated, RulesetError> {
        match openat(CWD, root, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()) {
            Ok(opened) => self.grant_opened(rules, opened, root, access, hide),
            Err(_) => Ok(rules),
        }
    }

    fn grant_opened(
        &self,
        rules: RulesetCreated,
        opened: OwnedFd,
        path: &Path,
        access: BitFlags<AccessFs>,
        hide: bool,
    ) -> Result<RulesetCreated, RulesetError> {
        let read = AccessFs::ReadFile | AccessFs::ReadDir;
        if self.hidden.iter().any(|place| place == path) {
            return if hide { Ok(rules) } else { allow(rules, &opened, access & read) };
        }
        if self.fixed.iter().any(|place| place == path) {
            return allow(rules, &opened, access & read);
        }
        if !self.hidden.iter().chain(&self.fixed).any(|place| place.starts_with(path)) {
            return allow(rules, &opened, access);
        }
        let mut rules = allow(rules, &opened, access & AccessFs::ReadDir)?;
        let Ok(listed) = openat(&opened, ".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
            .and_then(Dir::new)
        else {
            return Ok(rules);
        };
        for entry in listed.flatten() {
            let name = entry.file_name();
            if name == c"." || name == c".." {
                continue;
            }
            // Never through a link: it would give rights to what it leads to.
            let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let Ok(entry) = openat(&opened, name, flags, Mode::empty()) else { continue };
            if !is(&entry, FileType::Symlink) {
                rules = self.grant_opened(rules, entry, &path.join(os(name)), access, hide)?;
            }
        }
        Ok(rules)
    }
}

fn os(name: &CStr) -> &std::ffi::OsStr {
    std::os::unix::ffi::OsStrExt::from_bytes(name.to_bytes())
}

fn is(opened: &OwnedFd, kind: FileType) -> bool {
    rustix::fs::fstat(opened).is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == kind)
}

/// Rights that only folders have are refused for a file.
fn allow(rules: RulesetCreated, opened: &OwnedFd, access: BitFlags<AccessFs>) -> Result<RulesetCreated, RulesetError> {
    let access = if is(opened, FileType::Directory) { access } else { access & AccessFs::from_file(ABI::V3) };
    match access.is_empty() {
        true => Ok(rules),
        false => rules.add_rule(PathBeneath::new(opened.as_fd(), access)),
    }
}

/// Mounts a place over itself, read-only, with the flags it has: the kernel lets nobody drop them.
fn fix(place: &Path) -> rustix::io::Result<()> {
    mount_bind_recursive(place, place)?;
    let present = statvfs(place)?.f_flag;
    let mut flags = MountFlags::BIND | MountFlags::RDONLY;
    for (has, keeps) in [
        (StatVfsMountFlags::NOSUID, MountFlags::NOSUID),
        (StatVfsMountFlags::NODEV, MountFlags::NODEV),
        (StatVfsMountFlags::NOEXEC, MountFlags::NOEXEC),
        (StatVfsMountFlags::NOATIME, MountFlags::NOATIME),
        (StatVfsMountFlags::NODIRATIME, MountFlags::NODIRATIME),
        (StatVfsMountFlags::RELATIME, MountFlags::RELATIME),
    ] {
        if present.contains(has) {
            flags |= keeps;
        }
    }
    mount_remount(place, flags, c"")
}

/// Mounts of its own: as root at once, else with users of its own, in which this user is the same.
fn own_mounts() -> io::Result<()> {
    if unshare(UnshareFlags::NEWNS).is_ok() {
        return Ok(());
    }
    let (user, group) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    unshare(UnshareFlags::NEWUSER | UnshareFlags::NEWNS)?;
    // The kernel's own files: not written as others are.
    std::fs::write("/proc/self/setgroups", "deny")?;
    std::fs::write("/proc/self/uid_map", format!("{user} {user} 1"))?;
    std::fs::write("/proc/self/gid_map", format!("{group} {group} 1"))
}

#[expect(deprecated, reason = "what makes it unsafe is a flag that is not among these: descriptors of its own")]
fn unshare(flags: UnshareFlags) -> rustix::io::Result<()> {
    rustix::thread::unshare(flags)
}
