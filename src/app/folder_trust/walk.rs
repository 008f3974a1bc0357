//! Everything in a folder that could ask for something: harness files, suites, bundles, packs. Reads, and runs nothing. Links are not
//! followed.

use std::path::{Path, PathBuf};

use harness_bench::Suite;

use super::{
    super::{App, bundle, hosts},
    Asked, Asking,
    asking::folder_of_tasks,
    folder_of, module, root_of,
};
use crate::{Control, Failure};

/// Entries of a folder that are looked at.
const MOST: usize = 50_000;
/// Folders that hold what tools made, and no harness.
const MADE: [&str; 3] = ["target", "node_modules", "__pycache__"];

/// What `path` asks for.
pub(super) fn asked(app: &App, path: &Path, control: &Control) -> Result<Vec<Asked>, Failure> {
    let fail = |error: std::io::Error| Failure::input(format!("cannot look at {}: {error}", path.display()));
    let kind = std::fs::metadata(path).map_err(fail)?;
    let mut found = Found::default();
    if kind.is_dir() {
        found.look(path, control)?;
        found.tasks.extend(holds_tasks(path)?.then(|| path.to_owned()));
    } else {
        found.named = true;
        found.file(path);
        // Whatever it is called: a harness, or else tasks, as a person gives them to a suite.
        match hosts::pool_file(path) {
            _ if !found.is_empty() || path.extension().is_some_and(|extension| extension == "so") => {}
            Ok(_) => found.harnesses.push(path.to_owned()),
            Err(_) => found.tasks.push(path.to_owned()),
        }
    }
    let mut all: Vec<Asked> = found.tasks.iter().filter_map(|tasks| scripts(tasks)).collect();
    for bundle in &found.bundles {
        let host = app.host_of_bundle(bundle)?;
        let mut asking = Asking::new(app, &host);
        asking.pool(Some(&bundle.join(bundle::HARNESS)), &hosts::pool_file(&bundle.join(bundle::HARNESS))?);
        asking.installed();
        all.extend(asking.into_asked());
    }
    // Packs of the folder are known when its harnesses are read.
    let folders: Vec<PathBuf> = found.packs.iter().map(|pack| folder_of(pack).to_owned()).collect();
    for (pack, folder) in found.packs.iter().zip(&folders) {
        app.trust.brings(folder, root_of(pack));
    }
    let host = app.host_with(&folders)?;
    let mut asking = Asking::new(app, &host);
    let mut packs = Vec::new();
    for pack in &found.packs {
        // What is no pack cannot be run as one.
        packs.extend(harness_host::inspect(pack).ok().and_then(|file| app.trust.pack(&file)));
    }
    for file in &found.harnesses {
        match hosts::pool_file(file) {
            Ok(pool) => asking.pool(Some(file), &pool),
            Err(error) if found.named => return Err(error),
            // Most files of this kind are no harnesses.
            Err(_) => {}
        }
    }
    for suite in &found.suites {
        // What is wrong with a suite is said where it is used.
        let Ok(suite) = Suite::named(&suite.to_string_lossy()) else { continue };
        for part in suite.parts.iter() {
            asking.part(part.file.as_deref(), part, &part.environment);
        }
        asking.suite_harnesses(&suite);
    }
    packs.extend(asking.into_asked());
    all.extend(packs);
    let mut seen = std::collections::BTreeSet::new();
    all.retain(|one: &Asked| seen.insert((one.folder.clone(), one.act.digest())));
    Ok(all)
}

/// What was found in a folder.
#[derive(Debug, Default)]
struct Found {
    harnesses: Vec<PathBuf>,
    suites: Vec<PathBuf>,
    bundles: Vec<PathBuf>,
    packs: Vec<PathBuf>,
    /// Tasks that are named as such, of no suite: a person may give them to one.
    tasks: Vec<PathBuf>,
    /// Whether a person named the one file.
    named: bool,
}

impl Found {
    fn is_empty(&self) -> bool {
        self.harnesses.is_empty() && self.suites.is_empty() && self.bundles.is_empty() && self.packs.is_empty()
    }

    /// Everything below a folder.
    fn look(&mut self, folder: &Path, control: &Control) -> Result<(), Failure> {
        let (mut next, mut seen) = (vec![folder.to_owned()], 0_usize);
        while let Some(folder) = next.pop() {
            control.check()?;
            if folder.join(bundle::SEAL).is_file() {
                self.bundles.push(folder);
                continue;
            }
            let fail = |error: std::io::Error| Failure::input(format!("cannot look at {}: {error}", folder.display()));
            for entry in std::fs::read_dir(&folder).map_err(fail)? {
                let entry = entry.map_err(fail)?;
                seen += 1;
                if seen > MOST {
                    let text = format!("{} holds more than {MOST} files", folder.display());
                    return Err(
                        Failure::input(text).hint("name the harness file, the suite or the pack that you want to use")
                    );
                }
                let (path, name) = (entry.path(), entry.file_name());
                let kind = entry.file_type().map_err(fail)?;
                let hidden = name.as_encoded_bytes().starts_with(b".");
                if kind.is_dir() && name == ".harness" {
                    let plugins = path.join("plugins");
                    next.extend(plugins.is_dir().then_some(plugins));
                } else if kind.is_dir() && !hidden && !MADE.iter().any(|made| name == *made) {
                    next.push(path);
                } else if !kind.is_dir() && path.is_file() {
                    self.file(&path);
                }
            }
        }
        Ok(())
    }

    /// A file, if it is of a kind that asks.
    fn file(&mut self, path: &Path) {
        let extension = path.extension().and_then(|extension| extension.to_str());
        match extension {
            Some("toml") if path.file_name().is_some_and(|name| name == "suite.toml") => {
                self.suites.push(path.to_owned())
            }
            Some("toml") => self.harnesses.push(path.to_owned()),
            Some("so") if brought(path) => self.packs.push(path.to_owned()),
            _ => {}
        }
    }
}

/// Whether a folder holds folders of tasks, or is one.
fn holds_tasks(folder: &Path) -> Result<bool, Failure> {
    let is_task = |folder: &Path| folder.join("task.toml").is_file();
    let mut entries = std::fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?.into_iter();
    Ok(is_task(folder) || entries.any(|entry| is_task(&entry.path())))
}

/// What the scripts of tasks are asked as, where a person gives them to a suite.
fn scripts(tasks: &Path) -> Option<Asked> {
    Some(Asked { folder: folder_of_tasks(tasks), file: tasks.to_owned(), act: module::scripts(tasks)? })
}

/// Whether a pack lies where packs are looked for.
fn brought(pack: &Path) -> bool {
    pack.canonicalize().is_ok_and(|pack| pack.parent().is_some_and(|folder| folder.ends_with(".harness/plugins")))
}
