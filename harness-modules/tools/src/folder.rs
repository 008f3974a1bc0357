//! The workspace as the file tools see it. Every file is opened beneath it by the kernel (`openat2`, `RESOLVE_BENEATH`), so
//! that neither `..`, nor an absolute path, nor a symbolic link, nor one that is swapped meanwhile, leads out.

use std::{
    fs::File,
    os::fd::{AsFd, AsRawFd, OwnedFd},
    path::{Component, Path, PathBuf},
};

use harness_abi::{ModuleError, ToolRequest};
use rustix::{
    fs::{CWD, Mode, OFlags, ResolveFlags, mkdirat, openat, openat2},
    io::Errno,
};

use crate::answer::Refusal;

/// What a workspace keeps for the harness itself: packs, the record, quarantine.
const OWN: &str = ".harness";

/// The folder an episode's tools work in.
#[derive(Debug)]
pub(crate) struct Folder {
    root: OwnedFd,
    path: PathBuf,
    at: PathBuf,
}

impl Folder {
    /// The folder of a call; `None` if the episode has none.
    pub fn of(request: &ToolRequest<'_>) -> Result<Option<Self>, ModuleError> {
        let Some(workspace) = request.workspace()? else { return Ok(None) };
        let fail = |error: &dyn std::fmt::Display| {
            ModuleError::input(format_args!("the workspace {} cannot be opened: {error}", workspace.path))
        };
        let path = Path::new(&workspace.path).canonicalize().map_err(|error| fail(&error))?;
        let root = openat(CWD, &path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty());
        let at = if workspace.at.is_empty() { path.clone() } else { workspace.at.into() };
        Ok(Some(Self { root: root.map_err(|error| fail(&error))?, path, at }))
    }

    /// The folder of a call that cannot do without.
    pub fn needed(request: &ToolRequest<'_>) -> Result<Self, Refusal> {
        let none = "this episode has no workspace, so there are no files";
        Self::of(request).map_err(|error| Refusal(error.message.into()))?.ok_or_else(|| Refusal(none.to_owned()))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the task calls it.
    pub fn at(&self) -> &Path {
        &self.at
    }

    /// A path as the model wrote it, relative to the workspace.
    pub fn relative(&self, text: &str) -> Result<PathBuf, Refusal> {
        let given = Path::new(text);
        if text.is_empty() || text.contains('\0') {
            return Err(Refusal("the path is empty".to_owned()));
        }
        let relative = match given.is_absolute() {
            false => given,
            true => match given.strip_prefix(&self.at).or_else(|_| given.strip_prefix(&self.path)) {
                Ok(relative) => relative,
                Err(_) => return Err(self.outside(text)),
            },
        };
        Ok(if relative.as_os_str().is_empty() { PathBuf::from(".") } else { relative.to_owned() })
    }

    fn outside(&self, text: &str) -> Refusal {
        Refusal(format!(
            "{text} is outside the workspace {}; nothing out there can be read or written",
            self.at.display()
        ))
    }

    fn wrong(&self, path: &Path, error: Errno) -> Refusal {
        let path = path.display();
        match error {
            Errno::XDEV => self.outside(&path.to_string()),
            Errno::NOENT => Refusal(format!("there is no {path} in the workspace")),
            Errno::ISDIR => Refusal(format!("{path} is a folder")),
            Errno::NOTDIR => Refusal(format!("a part of {path} is a file, not a folder")),
            Errno::LOOP => Refusal(format!("{path} leads through a symbolic link that goes nowhere allowed")),
            Errno::NOSYS => Refusal("this kernel has no openat2 (Linux 5.6), without which no path is safe".to_owned()),
            error => Refusal(format!("{path}: {error}")),
        }
    }

    fn beneath(&self, path: &Path, flags: OFlags) -> Result<OwnedFd, Errno> {
        let mode = if flags.contains(OFlags::CREATE) { Mode::from_raw_mode(0o666) } else { Mode::empty() };
        // Without waiting: a pipe somebody left here would hold up the call for ever.
        let wait = if flags.contains(OFlags::PATH) { OFlags::empty() } else { OFlags::NONBLOCK | OFlags::NOCTTY };
        let flags = flags | OFlags::CLOEXEC | wait;
        openat2(&self.root, path, flags, mode, ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS)
    }

    /// Opens a file to read.
    pub fn open(&self, path: &Path) -> Result<File, Refusal> {
        self.regular(path, self.beneath(path, OFlags::RDONLY))
    }

    /// Opens a folder of the workspace; gives its real path beneath the workspace.
    pub fn folder(&self, path: &Path) -> Result<PathBuf, Refusal> {
        let opened = self.beneath(path, OFlags::PATH | OFlags::DIRECTORY).map_err(|error| self.wrong(path, error))?;
        self.kept(path, &opened)
    }

    /// Opens a file to write, empty, with the folders it lies in.
    pub fn create(&self, path: &Path) -> Result<File, Refusal> {
        let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        if let Some(folder) = folder {
            self.make(folder)?;
        }
        let parent = folder.unwrap_or(Path::new("."));
        let opened =
            self.beneath(parent, OFlags::PATH | OFlags::DIRECTORY).map_err(|error| self.wrong(parent, error))?;
        let real = self.kept(path, &opened)?;
        // Before it is made, and again where it leads: what decides rights is not written by what has them.
        let name = path.file_name().unwrap_or_default();
        self.free(path, &real.join(name))?;
        let opened = self.beneath(path, OFlags::WRONLY | OFlags::CREATE);
        if let Ok(opened) = &opened {
            self.free(path, &self.kept(path, opened)?)?;
        }
        let file = self.regular(path, opened)?;
        file.set_len(0)?;
        Ok(file)
    }

    fn make(&self, folder: &Path) -> Result<(), Refusal> {
        let mut made = PathBuf::new();
        for part in folder.components() {
            let parent = if made.as_os_str().is_empty() { PathBuf::from(".") } else { made.clone() };
            made.push(part);
            match self.beneath(&made, OFlags::PATH | OFlags::DIRECTORY) {
                Ok(_) => {}
                Err(Errno::NOENT) if matches!(part, Component::Normal(_)) => {
                    let parent = self
                        .beneath(&parent, OFlags::PATH | OFlags::DIRECTORY)
                        .map_err(|error| self.wrong(&parent, error))?;
                    self.kept(&made, &parent)?;
                    match mkdirat(&parent, part.as_os_str(), Mode::from_raw_mode(0o777)) {
                        Ok(()) | Err(Errno::EXIST) => {}
                        Err(error) => return Err(self.wrong(&made, error)),
                    }
                }
                Err(error) => return Err(self.wrong(&made, error)),
            }
        }
        Ok(())
    }

    fn regular(&self, path: &Path, opened: Result<OwnedFd, Errno>) -> Result<File, Refusal> {
        let opened = opened.map_err(|error| match error {
            // A pipe nobody reads.
            Errno::NXIO => Refusal(format!("{} is no file", path.display())),
            error => self.wrong(path, error),
        })?;
        self.kept(path, &opened)?;
        let file = File::from(opened);
        let metadata = file.metadata()?;
        match (metadata.is_file(), metadata.is_dir()) {
            (true, _) => Ok(file),
            (_, true) => Err(self.wrong(path, Errno::ISDIR)),
            _ => Err(Refusal(format!("{} is no file", path.display()))),
        }
    }

    /// Refuses to write what decides what a model may do.
    fn free(&self, path: &Path, real: &Path) -> Result<(), Refusal> {
        match harness_sandbox::is_guarded(&self.path, &self.path.join(real)) {
            true => Err(own(path)),
            false => Ok(()),
        }
    }

    /// Where `opened` really is, relative to the workspace; refuses what the workspace keeps for the harness.
    fn kept(&self, path: &Path, opened: &impl AsFd) -> Result<PathBuf, Refusal> {
        let number = opened.as_fd().as_raw_fd();
        let real = std::fs::read_link(format!("/proc/self/fd/{number}"))?;
        // A workspace that was moved away meanwhile is none any more.
        let real = real.strip_prefix(&self.path).map_err(|_| self.outside(&path.display().to_string()))?;
        if real.starts_with(OWN) {
            return Err(own(path));
        }
        Ok(real.to_owned())
    }
}

fn own(path: &Path) -> Refusal {
    Refusal(format!("{} is the harness's own and not part of the task", path.display()))
}

#[cfg(test)]
pub(crate) mod tests {
    use std::os::unix::fs::symlink;

    use harness_abi::{RawToolSink, Tool, ToolOutput, Workspace, kit, tool_sink};

    use super::*;

    struct Nobody;

    impl RawToolSink for Nobody {
        fn cancelled(&self) -> bool {
            false
        }

        fn finish(self, _: harness_abi::stable::RResult<harness_abi::stable::RString, ModuleError>) {}

        fn finish_text(self, _: harness_abi::stable::RString, _: bool) {}
    }

    /// Calls a tool's only function in `folder`.
    pub fn call(tool: &impl Tool, folder: &Path, arguments: &serde_json::Value) -> ToolOutput {
        let workspace = Some(Workspace { path: folder.display().to_string(), at: String::new() });
        let (extra, arguments) = (kit::json(&harness_abi::ToolExtra { workspace }), arguments.to_string());
        let name = tool.specs()[0].name.clone();
        let request = ToolRequest {
            id: "c".into(),
            name: name.as_str().into(),
            arguments: arguments.as_str().into(),
            seed: 1,
            extra: extra.as_rstr(),
        };
        tool.call(&request, &tool_sink(Nobody)).unwrap()
    }

    fn folder(path: &Path, at: &str) -> Folder {
        let workspace = Some(Workspace { path: path.display().to_string(), at: at.to_owned() });
        let extra = kit::json(&harness_abi::ToolExtra { workspace });
        let request =
            ToolRequest { id: "c".into(), name: "n".into(), arguments: "{}".into(), seed: 1, extra: extra.as_rstr() };
        Folder::needed(&request).unwrap()
    }

    #[test]
    fn no_path_leads_out() {
        let (here, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::fs::write(elsewhere.path().join("secret"), "s3cret").unwrap();
        std::fs::create_dir_all(here.path().join("in/deep")).unwrap();
        std::fs::write(here.path().join("in/file"), "inside").unwrap();
        std::fs::create_dir(here.path().join(OWN)).unwrap();
        std::fs::write(here.path().join(OWN).join("record"), "").unwrap();
        symlink(elsewhere.path(), here.path().join("out")).unwrap();
        symlink("../../..", here.path().join("in/up")).unwrap();
        symlink(elsewhere.path().join("secret"), here.path().join("leaf")).unwrap();
        symlink(elsewhere.path().join("new"), here.path().join("dangling")).unwrap();
        symlink(OWN, here.path().join("mine")).unwrap();
        symlink("in/file", here.path().join("good")).unwrap();
        rustix::fs::mknodat(CWD, here.path().join("pipe"), rustix::fs::FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)
            .unwrap();
        let folder = folder(here.path(), "/app");
        let secret = elsewhere.path().join("secret").display().to_string();
        let outside = [
            "../x",
            "in/../../x",
            "out/secret",
            "in/up/etc/passwd",
            "leaf",
            "dangling",
            &secret,
            "/etc/passwd",
            "/proc/self/environ",
            ".harness/record",
            "mine/record",
            "in/../.harness/record",
            "pipe",
            "in",
            "",
            "/app/../etc/passwd",
            "/appendix",
        ];
        for path in outside {
            let tried = folder.relative(path).and_then(|path| folder.open(&path));
            assert!(tried.is_err(), "reading {path}");
            let tried = folder.relative(path).and_then(|path| folder.create(&path));
            assert!(tried.is_err(), "writing {path}");
        }
        for path in [".harness", "mine/plugins/x.so", "out/new/file", "in/up/file"] {
            let tried = folder.relative(path).and_then(|path| folder.create(&path));
            assert!(tried.is_err(), "writing {path}");
        }
        assert_eq!(std::fs::read_dir(elsewhere.path()).unwrap().count(), 1);
        let real = here.path().canonicalize().unwrap().join("in/file").display().to_string();
        for path in ["in/file", "./in/../in/file", "good", "/app/in/file", &real] {
            assert!(folder.relative(path).and_then(|path| folder.open(&path)).is_ok(), "{path}");
        }
        assert!(folder.relative("new/folders/file").and_then(|path| folder.create(&path)).is_ok());
    }
}
