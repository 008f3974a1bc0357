//! What `tasks` in a suite's file names: rows of a file or a folder of task folders, and the environment they are played in.
//! Their digest is part of it, so that changed tasks are another benchmark.

use std::{
    fs,
    io::{self, BufRead, BufReader, Read},
    path::{Path, PathBuf},
};

use harness_spec::Config;
use sha2::{Digest, Sha256};

use crate::module_use::Use;

/// Bytes of a file of tasks, at most.
const MOST: u64 = 2 << 30;
/// Bytes of a suite's other files, at most.
const MOST_TEXT: u64 = 16 << 20;

fn refused(why: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, why)
}

/// A path of a suite, which stays beneath its folder, links included.
pub(crate) fn beneath(folder: &Path, path: &str) -> io::Result<PathBuf> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let joined = folder.join(path);
    match joined.canonicalize()?.starts_with(folder.canonicalize()?) {
        true => Ok(joined),
        false => Err(refused("it is not beneath the suite's folder".to_owned())),
    }
}

/// The text of one of a suite's files.
pub(crate) fn text(path: &Path) -> io::Result<String> {
    harness_files::read_text(path, MOST_TEXT)
}

/// The environment of the tasks at `path`; `workspace` says that they are done in a folder, and how.
pub(crate) fn environment(path: &Path, workspace: Option<Config>) -> Result<Use, String> {
    let fail = |error: io::Error| format!("tasks {}: {error}", path.display());
    let data = path.to_str().ok_or_else(|| format!("the path of {} is not UTF-8", path.display()))?;
    let folder = path.is_dir();
    let in_folder = folder || workspace.is_some();
    let mut config = workspace.unwrap_or_default();
    config.insert("data".to_owned(), data.into());
    let key = if folder { "identity" } else { "sha256" };
    config.insert(key.to_owned(), digest_of_tasks(path).map_err(fail)?.into());
    let module = if in_folder { "tasks/workspace" } else { "tasks/questions" };
    Ok(Use { module: module.parse().map_err(|error| format!("{error}"))?, config })
}

/// A digest of the tasks at `path`: of a file, or of every file below a folder; SHA-256 in hexadecimal digits.
///
/// # Errors
///
/// A file cannot be read.
pub fn digest_of_tasks(path: &Path) -> io::Result<String> {
    match path.is_dir() {
        true => of_folder(path),
        false => of_file(path),
    }
}

/// A digest of a regular file's bytes, which are not kept.
fn of_file(path: &Path) -> io::Result<String> {
    let mut digest = Sha256::new();
    let mut reader = BufReader::new(harness_files::open(path)?.take(MOST + 1));
    let mut size = 0;
    loop {
        let bytes = reader.fill_buf()?;
        let read = bytes.len();
        if read == 0 {
            break;
        }
        digest.update(bytes);
        size += read as u64;
        reader.consume(read);
    }
    match size > MOST {
        true => Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it is larger than {MOST} bytes"))),
        false => Ok(hex::encode(digest.finalize())),
    }
}

/// A digest of every file below a folder, with its path; links by what they say.
fn of_folder(folder: &Path) -> io::Result<String> {
    let mut all = Sha256::new();
    let mut next = vec![folder.to_owned()];
    while let Some(path) = next.pop() {
        let kind = fs::symlink_metadata(&path)?.file_type();
        if kind.is_dir() {
            next.extend(fs::read_dir(&path)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?);
            next.sort();
            continue;
        }
        let content = match kind.is_symlink() {
            true => fs::read_link(&path)?.into_os_string().into_encoded_bytes(),
            false if kind.is_file() => harness_files::read(&path, MOST)?,
            false => Vec::new(),
        };
        let name = path.strip_prefix(folder).unwrap_or(&path).to_string_lossy().into_owned();
        all.update(format!("{name}\0{}\n", hex::encode(Sha256::digest(content))));
    }
    Ok(hex::encode(all.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_regular_and_beneath_the_suite() {
        let here = tempfile::tempdir().unwrap();
        let folder = here.path().join("suite");
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("a"), "a").unwrap();
        fs::write(here.path().join("b"), "b").unwrap();
        std::os::unix::fs::symlink("a", folder.join("link")).unwrap();
        std::os::unix::fs::symlink("../b", folder.join("out")).unwrap();
        assert_eq!(text(&beneath(&folder, "link").unwrap()).unwrap(), "a");
        for path in ["../b", "out", "/dev/zero"] {
            assert!(beneath(&folder, path).unwrap_err().to_string().contains("not beneath"), "{path}");
        }
        assert!(text(Path::new("/dev/zero")).unwrap_err().to_string().contains("not a regular file"));
        assert!(environment(Path::new("/dev/zero"), None).unwrap_err().contains("not a regular file"));
    }

    #[test]
    fn changed_tasks_are_another_benchmark() {
        let here = tempfile::tempdir().unwrap();
        fs::create_dir_all(here.path().join("a/tests")).unwrap();
        fs::write(here.path().join("a/tests/test.sh"), "true").unwrap();
        let digest = || environment(here.path(), None).unwrap().config["identity"].clone();
        let before = digest();
        assert_eq!(before, digest());
        fs::write(here.path().join("a/tests/test.sh"), "false").unwrap();
        assert_ne!(before, digest());
        let rows = here.path().join("tasks.jsonl");
        fs::write(&rows, "{}").unwrap();
        assert_eq!(environment(&rows, None).unwrap().module.to_string(), "tasks/questions");
        assert_eq!(environment(&rows, Some(Config::new())).unwrap().module.to_string(), "tasks/workspace");
    }
}
