//! a skill folder of skills: a folder that holds one folder for each, with a `SKILL.md` whose head says name and description (the form that
//! agentskills.io describes). Refuses skills that other agents would refuse, a skill folder that changed under a harness, and links that
//! lead out of it.

use std::fs;
use std::path::{Component, Path, PathBuf};

use harness_abi::ModuleError;
use sha2::{Digest, Sha256};

use crate::{beneath::beneath, front_matter};

/// The file that makes a folder a skill.
const FILE: &str = "SKILL.md";
/// Characters a name may have; a description.
const MOST: (usize, usize) = (64, 1024);
/// Bytes of one file that is looked at at all; files of a skill; folders within folders.
const MOST_BYTES: u64 = 8 << 20;
const MOST_FILES: usize = 2000;
const DEEPEST: usize = 8;

/// A skill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skill {
    /// Its name, which is also its folder's.
    pub name: String,
    /// What it is for and when to use it.
    pub description: String,
    /// Its instructions.
    pub body: String,
    folder: PathBuf,
}

impl Skill {
    /// A file of the skill, by a path within its folder.
    pub fn read(&self, path: &str) -> Result<String, String> {
        let inside = Path::new(path).components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        if !inside {
            return Err(format!("`{path}` leaves the skill's folder; give a path within it"));
        }
        // A link may lead to another skill, or have come since the folder was opened.
        match beneath(&self.folder, &self.folder.join(path)) {
            Ok(file) if file.is_file() => text(&file).map_err(|why| format!("`{path}` {why}")),
            _ => Err(format!("`{path}` is no file of the skill {}", self.name)),
        }
    }
}

/// All skills of a folder, by name.
#[derive(Debug, Clone, Default)]
pub struct SkillFolder {
    /// The skills.
    pub skills: Vec<Skill>,
    /// SHA-256 over the paths and contents of all files, in hex.
    pub sha256: String,
}

impl SkillFolder {
    /// Reads the folder, which must have this digest if one is given.
    ///
    /// # Errors
    ///
    /// If it is not there, holds no skill or one that is wrong, a link that leads out of it or what is no file, or is not the one that
    /// is meant.
    pub fn open(folder: &str, sha256: &str) -> Result<Self, ModuleError> {
        let fail = |what: String| ModuleError::config(format_args!("skills in {folder}: {what}"));
        let path = Path::new(folder);
        let mut folder = Self::default();
        let entries = sorted(path).map_err(|error| fail(format!("{error}; put one folder for each skill there")))?;
        // Before anything of it is read: what is gathered lies in the folder.
        let mut files = Vec::new();
        gather(path, path, 0, &mut files).map_err(fail)?;
        for entry in entries {
            if !entry.is_dir() {
                continue;
            }
            let file = entry.join(FILE);
            if !file.is_file() {
                return Err(fail(format!("{} has no {FILE}", entry.display())));
            }
            let skill = text(&file).and_then(|text| parsed(&text, &entry));
            folder.skills.push(skill.map_err(|why| fail(format!("{} {why}", file.display())))?);
        }
        if folder.skills.is_empty() {
            return Err(fail("there is none; put one folder for each there, with a SKILL.md".to_owned()));
        }
        folder.sha256 = digest(path, &files).map_err(fail)?;
        if !sha256.is_empty() && sha256 != folder.sha256 {
            let found = &folder.sha256;
            return Err(fail(format!("their digest is {found}, the harness was made for {sha256}; put those back")));
        }
        Ok(folder)
    }

    /// Those of these names, in this order; all for no names.
    ///
    /// # Errors
    ///
    /// Names a skill that is not there.
    pub fn named(&self, names: &[String]) -> Result<Vec<&Skill>, ModuleError> {
        if names.is_empty() {
            return Ok(self.skills.iter().collect());
        }
        let find = |name: &String| {
            let found = self.skills.iter().find(|skill| skill.name == *name);
            found.ok_or_else(|| ModuleError::config(format_args!("no skill `{name}`; there are {}", self.names())))
        };
        names.iter().map(find).collect()
    }

    /// Their names, for a person or a model.
    pub fn names(&self) -> String {
        self.skills.iter().map(|skill| skill.name.as_str()).collect::<Vec<_>>().join(", ")
    }
}

fn sorted(folder: &Path) -> Result<Vec<PathBuf>, std::io::Error> {
    let mut entries =
        fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>()?;
    entries.sort();
    Ok(entries)
}

/// A file of reasonable size as text.
pub fn text(path: &Path) -> Result<String, String> {
    let size = fs::metadata(path).map_err(|error| format!("cannot be read: {error}"))?.len();
    if size > MOST_BYTES {
        return Err(format!("has {size} bytes; {MOST_BYTES} are the most"));
    }
    fs::read_to_string(path).map_err(|error| format!("cannot be read as text: {error}"))
}

/// Lower-case letters, digits and single hyphens between them.
fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=MOST.0).contains(&name.len()) && name.chars().all(plain) && !name.split('-').any(str::is_empty)
}

fn parsed(text: &str, folder: &Path) -> Result<Skill, String> {
    let text = text.trim_start_matches('\u{feff}').replace("\r\n", "\n");
    let (head, body) = front_matter::split(&text)?;
    let mut fields = front_matter::fields(head)?;
    let mut field = |key: &str| fields.remove(key).flatten().unwrap_or_default().trim().to_owned();
    let (name, description) = (field("name"), field("description"));
    if !is_name(&name) {
        return Err(format!("has the name `{name}`; lower-case letters, digits and hyphens, at most {}", MOST.0));
    }
    if folder.file_name().is_none_or(|own| own != name.as_str()) {
        return Err(format!("is called `{name}`, its folder is not"));
    }
    if description.is_empty() || description.chars().count() > MOST.1 {
        return Err(format!("needs a description of 1 to {} characters", MOST.1));
    }
    Ok(Skill { name, description, body: body.to_owned(), folder: folder.to_owned() })
}

/// Reads `bytes` as a skill's file, in the folder it would have to lie in; gives whether it is one. For a fuzzer.
pub fn fuzz(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let name = front_matter::split(text).and_then(|(head, _)| front_matter::fields(head));
    let name = name.ok().and_then(|mut fields| fields.remove("name").flatten()).unwrap_or_default();
    parsed(text, Path::new(name.trim())).is_ok()
}

/// Paths and contents of these files of a folder, as one digest.
fn digest(folder: &Path, files: &[PathBuf]) -> Result<String, String> {
    let mut digest = Sha256::new();
    for file in files {
        let bytes = fs::read(file).map_err(|error| format!("{} cannot be read: {error}", file.display()))?;
        let name = file.strip_prefix(folder).unwrap_or(file).to_string_lossy().into_owned();
        digest.update((name.len() as u64).to_le_bytes());
        digest.update(name);
        digest.update((bytes.len() as u64).to_le_bytes());
        digest.update(bytes);
    }
    Ok(hex::encode(digest.finalize()))
}

/// Every file beneath `root`, from `folder` on.
fn gather(root: &Path, folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), String> {
    if depth > DEEPEST {
        return Err(format!("{} lies too deep; {DEEPEST} folders are the most", folder.display()));
    }
    for entry in sorted(folder).map_err(|error| format!("{} cannot be read: {error}", folder.display()))? {
        let place = beneath(root, &entry).map_err(|why| format!("{} {why}", entry.display()))?;
        if place.is_dir() {
            gather(root, &entry, depth + 1, files)?;
        } else if place.is_file() {
            files.push(entry);
        } else {
            return Err(format!("{} is neither a file nor a folder", entry.display()));
        }
    }
    if files.len() > MOST_FILES {
        return Err(format!("there are more than {MOST_FILES} files"));
    }
    Ok(())
}
