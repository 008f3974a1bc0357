//! Fetching by pip, with a stand-in for Python: no network, and every way it can fail.

use std::fs;
use std::path::{Path, PathBuf};

use bench_download::{DownloadError, Pip, Wheel, fetch_members};

/// sha256 of the five bytes `wheel`.
const DIGEST: &str = "ba59926159d2aa256eb8739b8da7e2b574b960e1202c6d624cbe981cef996c91";

/// A shell script that answers `-m pip ... --dest DIR REQ` and `-m zipfile -e FILE DIR`.
fn stand_in(folder: &Path, pip: &str, unzip: &str) -> Pip {
    let script = folder.join("python");
    let text = format!(
        "shift\nif [ \"$1\" = pip ]; then\n  for last; do dir=$req; req=$last; done\n  {pip}\nelse\n  out=$4\n  {unzip}\nfi\n"
    );
    fs::write(&script, text).unwrap();
    Pip { program: PathBuf::from("sh"), leading: vec![script.display().to_string()] }
}

const DOWNLOADS: &str = "mkdir -p \"$dir\"; printf wheel > \"$dir/a-1-py3-none-any.whl\"";
const UNZIPS: &str = "mkdir -p \"$out/pkg/sub\"; echo data > \"$out/pkg/sub/x.json\"; echo code > \"$out/pkg/y.py\"";

fn json_only(member: &str) -> Option<PathBuf> {
    let inside = member.strip_prefix("pkg/")?;
    inside.ends_with(".json").then(|| PathBuf::from(inside))
}

fn fetch(pip: &str, unzip: &str, sha256: &str) -> (tempfile::TempDir, Result<PathBuf, DownloadError>) {
    let root = tempfile::tempdir().unwrap();
    let python = stand_in(root.path(), pip, unzip);
    let wheel = Wheel { package: "a", version: "1", sha256 };
    let dest = root.path().join("cache/a/1");
    let outcome = fetch_members(&python, &wheel, &json_only, &dest, &mut |_| {});
    (root, outcome)
}

#[test]
fn the_wanted_members_arrive_in_one_step() {
    let (root, outcome) = fetch(DOWNLOADS, UNZIPS, DIGEST);
    let dest = outcome.unwrap();
    assert_eq!(fs::read_to_string(dest.join("sub/x.json")).unwrap(), "data\n");
    let names: Vec<_> =
        fs::read_dir(root.path().join("cache/a")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["1"], "scratch folders are gone");
    assert!(!dest.join("y.py").exists());
    // A second fetch finds the first and asks nobody.
    let nobody = Pip { program: PathBuf::from("no-such-python"), leading: Vec::new() };
    let wheel = Wheel { package: "a", version: "1", sha256: "" };
    assert!(fetch_members(&nobody, &wheel, &json_only, &dest, &mut |_| {}).is_ok());
}

#[test]
fn each_failure_says_what_to_do_and_leaves_nothing() {
    let cases = [
        ("echo 'No module named pip' >&2; exit 1", UNZIPS, DIGEST, "has no pip; install it"),
        ("echo 'ERROR: no route to host' >&2; exit 1", UNZIPS, DIGEST, "no route to host; check the network"),
        ("exit 0", UNZIPS, DIGEST, "it wrote nothing"),
        (DOWNLOADS, UNZIPS, "00", "expected 00: the file is damaged"),
        (DOWNLOADS, "echo 'BadZipFile' >&2; exit 1", DIGEST, "BadZipFile"),
        (DOWNLOADS, "mkdir -p \"$out\"", DIGEST, "holds none of the files wanted"),
    ];
    for (pip, unzip, digest, expected) in cases {
        let (root, outcome) = fetch(pip, unzip, digest);
        let error = outcome.unwrap_err().to_string();
        assert!(error.contains(expected), "{error} lacks {expected}");
        assert_eq!(fs::read_dir(root.path().join("cache/a")).unwrap().count(), 0, "{error}");
    }
    let root = tempfile::tempdir().unwrap();
    let nobody = Pip { program: root.path().join("no-such-python"), leading: Vec::new() };
    let wheel = Wheel { package: "a", version: "1", sha256: DIGEST };
    let outcome = fetch_members(&nobody, &wheel, &json_only, &root.path().join("b/1"), &mut |_| {});
    assert!(matches!(outcome, Err(DownloadError::NoPython { .. })), "{outcome:?}");
}
