//! A folder that is held open. Everything below it is reached from it, component by component, and through no link.

use std::{
    ffi::{OsStr, OsString},
    fs::File,
    io::{self, Read, Write},
    os::fd::OwnedFd,
    path::{Component, Path, PathBuf},
};

use rustix::{
    fs::{AtFlags, CWD, FileType, Mode, OFlags, fchmod, fsync, mkdirat, openat, renameat, statat, unlinkat},
    io::Errno,
};

use crate::{lock, lock::Held, read};

/// Who may read a file that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Access {
    /// A file that exists keeps its mode; a new one is what the user's umask says.
    #[default]
    Usual,
    /// Its owner alone, to read and write: keys, conversations, decisions.
    Private,
    /// Its owner alone, to read and run: code that was checked.
    Code,
}

/// A folder that is held open.
#[derive(Debug)]
pub struct Folder {
    opened: OwnedFd,
    path: PathBuf,
}

/// Folders that are made for private files.
const PRIVATE: u32 = 0o700;
const HELD: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

impl Folder {
    /// Opens a folder that a person or the user's environment named: links on the way to it are followed.
    ///
    /// # Errors
    ///
    /// If it is no folder or cannot be opened.
    pub fn open(path: &Path) -> io::Result<Self> {
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        Ok(Self { opened: openat(CWD, path, HELD, Mode::empty())?, path: path.to_owned() })
    }

    /// As [`Folder::open`]; folders that are not there are made, for their owner alone.
    ///
    /// # Errors
    ///
    /// As [`Folder::open`], and if one cannot be made.
    pub fn open_private(path: &Path) -> io::Result<Self> {
        use std::os::unix::fs::DirBuilderExt;
        std::fs::DirBuilder::new().recursive(true).mode(PRIVATE).create(path)?;
        Self::open(path)
    }

    /// Where it was when it was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A folder below this one. `make`: one that is not there is made.
    ///
    /// # Errors
    ///
    /// If a component is a link or no folder, or the path leads out.
    pub fn below(&self, folder: &Path, make: bool) -> io::Result<Self> {
        let mut at = Self { opened: self.opened.try_clone()?, path: self.path.clone() };
        for name in names(folder)? {
            at = at.child(name, make)?;
        }
        Ok(at)
    }

    fn child(&self, name: &OsStr, make: bool) -> io::Result<Self> {
        let path = self.path.join(name);
        let open = || openat(&self.opened, name, HELD | OFlags::NOFOLLOW, Mode::empty());
        let opened = match open() {
            Err(Errno::NOENT) if make => {
                match mkdirat(&self.opened, name, Mode::from_raw_mode(0o777)) {
                    Ok(()) | Err(Errno::EXIST) => {}
                    Err(error) => return Err(error.into()),
                }
                open()
            }
            opened => opened,
        };
        match opened {
            Ok(opened) => Ok(Self { opened, path }),
            // Which of the two it is, the kernel does not say.
            Err(Errno::LOOP | Errno::NOTDIR) if self.kind(name)? == Some(FileType::Symlink) => Err(link(&path)),
            Err(error) => Err(error.into()),
        }
    }

    /// What lies under a name; `None` if nothing does.
    fn kind(&self, name: &OsStr) -> io::Result<Option<FileType>> {
        Ok(self.stat(name)?.map(|stat| FileType::from_raw_mode(stat.st_mode)))
    }

    fn stat(&self, name: &OsStr) -> io::Result<Option<rustix::fs::Stat>> {
        match statat(&self.opened, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat)),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The folder a file lies in, and its name there.
    fn parent(&self, file: &Path, make: bool) -> io::Result<(Self, OsString)> {
        let nameless = || io::Error::new(io::ErrorKind::InvalidInput, "this path names no file");
        let name = file.file_name().ok_or_else(nameless)?.to_owned();
        Ok((self.below(file.parent().unwrap_or(Path::new("")), make)?, name))
    }

    /// Opens a regular file below this folder to read, through no link.
    ///
    /// # Errors
    ///
    /// If it is not there, is a link or no regular file, or cannot be opened.
    pub fn file(&self, file: &Path) -> io::Result<File> {
        let (folder, name) = self.parent(file, false)?;
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match openat(&folder.opened, &name, flags, Mode::empty()) {
            Ok(opened) => read::checked(opened),
            Err(Errno::LOOP) => Err(link(&folder.path.join(name))),
            Err(error) => Err(error.into()),
        }
    }

    /// Reads a file of at most `most` bytes below this folder; `None` if there is none.
    ///
    /// # Errors
    ///
    /// If it is there and cannot be read, or is larger.
    pub fn read(&self, file: &Path, most: u64) -> io::Result<Option<Vec<u8>>> {
        match self.file(file) {
            Ok(file) => read::contents(file, most).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes `bytes` the content of a file below this folder: a reader sees the old content or the new, and a full disk leaves the old.
    ///
    /// # Errors
    ///
    /// If the file, or a folder on the way, is a link or something else that is no regular file; if it cannot be written.
    pub fn replace(&self, file: &Path, bytes: &[u8], access: Access) -> io::Result<()> {
        self.replace_with(file, access, |draft| draft.write_all(bytes))
    }

    /// As [`Folder::replace`], with all that can be read from `source`.
    ///
    /// # Errors
    ///
    /// As [`Folder::replace`], and if the source cannot be read.
    pub fn replace_from(&self, file: &Path, source: &mut impl Read, access: Access) -> io::Result<()> {
        self.replace_with(file, access, |draft| io::copy(source, draft).map(drop))
    }

    fn replace_with(
        &self,
        file: &Path,
        access: Access,
        fill: impl FnOnce(&mut File) -> io::Result<()>,
    ) -> io::Result<()> {
        let (folder, name) = self.parent(file, true)?;
        let present = folder.replaceable(&name)?;
        let (draft, mut opened) = folder.draft(match (access, present) {
            (Access::Usual, None) => 0o666,
            _ => 0o600,
        })?;
        let finish = || -> io::Result<()> {
            fill(&mut opened)?;
            match (access, present) {
                (Access::Usual, Some(mode)) => fchmod(&opened, Mode::from_raw_mode(mode))?,
                (Access::Code, _) => fchmod(&opened, Mode::from_raw_mode(0o500))?,
                (Access::Usual, None) | (Access::Private, _) => {}
            }
            opened.sync_all()?;
            renameat(&folder.opened, &draft, &folder.opened, &name)?;
            Ok(())
        };
        let finished = finish();
        if finished.is_err() {
            // It was ours alone; the first error is the one to report.
            let _ = unlinkat(&folder.opened, &draft, AtFlags::empty());
        }
        finished?;
        folder.sync()
    }

    /// The mode of the regular file under this name, if there is one; whatever else lies there must not be replaced.
    fn replaceable(&self, name: &OsStr) -> io::Result<Option<u32>> {
        let Some(stat) = self.stat(name)? else { return Ok(None) };
        let path = self.path.join(name);
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Ok(Some(stat.st_mode & 0o777)),
            FileType::Symlink => Err(link(&path)),
            FileType::Directory => Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder, not a file")),
            _ => Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "it is a pipe, a socket or a device, not a regular file",
            )),
        }
    }

    /// A new empty file under a random name.
    fn draft(&self, mode: u32) -> io::Result<(OsString, File)> {
        let name = random_name()?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = openat(&self.opened, &name, flags, Mode::from_raw_mode(mode))?;
        Ok((name, File::from(opened)))
    }

    /// A new file with this content; it is there whole or not at all.
    ///
    /// # Errors
    ///
    /// `AlreadyExists` if something lies there, a link included; else as [`Folder::replace`].
    pub fn create(&self, file: &Path, bytes: &[u8], access: Access) -> io::Result<()> {
        let (folder, name) = self.parent(file, true)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = match access {
            Access::Usual => 0o666,
            Access::Private => 0o600,
            Access::Code => 0o700,
        };
        let mut opened = File::from(openat(&folder.opened, &name, flags, Mode::from_raw_mode(mode))?);
        let written = opened.write_all(bytes).and_then(|()| opened.sync_all());
        if written.is_err() {
            let _ = unlinkat(&folder.opened, &name, AtFlags::empty());
        }
        written?;
        folder.sync()
    }

    /// Reads a file, decides, and writes what was decided, while no other process that asks the same way does: no change is lost.
    /// `edit` gets the present content (`None`: there is no file) and gives the new one (`None`: it stays as it is) and a result.
    ///
    /// # Errors
    ///
    /// If the file is there and cannot be read, if `edit` says so, if it cannot be written, and if another process holds the folder for
    /// ten seconds. The file is then as it was.
    pub fn change<T, E: From<io::Error>>(
        &self,
        file: &Path,
        access: Access,
        edit: impl FnOnce(Option<Vec<u8>>) -> Result<(Option<Vec<u8>>, T), E>,
    ) -> Result<T, E> {
        let (folder, name) = self.parent(file, true)?;
        let _held = folder.hold()?;
        let (content, result) = edit(folder.read(Path::new(&name), crate::MOST_TEXT)?)?;
        if let Some(content) = content {
            folder.replace(Path::new(&name), &content, access)?;
        }
        Ok(result)
    }

    /// Holds the folder until the value is dropped: one process at a time, one thread at a time.
    ///
    /// # Errors
    ///
    /// If another holds it for ten seconds.
    pub fn hold(&self) -> io::Result<Held> {
        // A description of its own: locks belong to descriptions, not to processes.
        lock::hold(openat(&self.opened, ".", HELD, Mode::empty())?, &self.path)
    }

    /// Makes names in this folder last.
    fn sync(&self) -> io::Result<()> {
        match fsync(&self.opened) {
            // Some file systems cannot sync a folder; what a rename means there is their business.
            Ok(()) | Err(Errno::INVAL) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// A new folder under a random name.
    pub(crate) fn draft_folder(&self) -> io::Result<OsString> {
        let name = random_name()?;
        mkdirat(&self.opened, &name, Mode::from_raw_mode(0o777))?;
        Ok(name)
    }

    /// Gives what lies under `from` the name `to`; what lies there must be nothing, or `over` a regular file.
    pub(crate) fn take_place(&self, from: &Path, to: &OsStr, over: bool) -> io::Result<()> {
        let (folder, name) = self.parent(from, false)?;
        if self.replaceable(to)?.is_some() && !over {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        renameat(&folder.opened, &name, &self.opened, to)?;
        self.sync()
    }
}

/// The components of a path that stays below where it begins.
fn names(path: &Path) -> io::Result<Vec<&OsStr>> {
    let mut names = Vec::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => names.push(name),
            Component::CurDir => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => {
                let out = format!("{} leads out of its folder", path.display());
                return Err(io::Error::new(io::ErrorKind::InvalidInput, out));
            }
        }
    }
    Ok(names)
}

fn link(path: &Path) -> io::Error {
    let target = std::fs::read_link(path).map(|target| format!(" to {}", target.display())).unwrap_or_default();
    let path = path.display();
    io::Error::new(
        io::ErrorKind::InvalidInput,
        format!("{path} is a link{target}, and nothing is written through links"),
    )
}

/// A name nobody can have prepared.
fn random_name() -> io::Result<OsString> {
    let mut bytes = [0; 16];
    rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())?;
    Ok(format!(".harness-{:032x}", u128::from_ne_bytes(bytes)).into())
}
