//! `harness data pull bfcl`: the leaderboard's data out of its published package. It takes the
//! data files this crate can mark and nothing else of the package.

use std::path::{Path, PathBuf};

use bench_download::{DownloadError, Pip, Progress, Wheel, fetch_members};

use crate::task::Category;

/// The version of `bfcl-eval` whose data and verdicts this crate follows.
pub const BFCL_VERSION: &str = "2026.3.23";

/// The pinned wheel (Apache-2.0, 1.9 MB).
pub const BFCL_WHEEL: Wheel<'static> = Wheel {
    package: "bfcl-eval",
    version: BFCL_VERSION,
    sha256: "3bb6dfa5f0c68ad403c9ec50b00db2bb3b4cc9b38ab1ff33f48fe30d853d3a0a",
};

/// Where [`pull_bfcl`] puts the data below a cache folder.
pub fn bfcl_folder(cache: &Path) -> PathBuf {
    cache.join("bfcl").join(BFCL_VERSION)
}

/// Fetches the data into `cache/bfcl/<version>` and returns that folder; a second call finds it
/// there. [`crate::Dataset::open`] takes the cache folder or the returned one.
///
/// # Errors
/// [`DownloadError`]; nothing is left half done.
pub fn pull_bfcl(cache: &Path, progress: &mut dyn FnMut(Progress<'_>)) -> Result<PathBuf, DownloadError> {
    fetch_members(&Pip::default(), &BFCL_WHEEL, &data_member, &bfcl_folder(cache), progress)
}

/// Keeps the question and gold files of the categories marked here.
fn data_member(member: &str) -> Option<PathBuf> {
    let inside = member.strip_prefix("bfcl_eval/data/")?;
    let name = inside.strip_prefix("possible_answer/").unwrap_or(inside);
    let category = name.strip_prefix("BFCL_v4_")?.strip_suffix(".json")?;
    Category::ALL.iter().any(|known| known.name() == category).then(|| PathBuf::from(inside))
}
