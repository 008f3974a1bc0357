//! Files that a folder brings: what lies beneath it and nothing else, wherever a link leads.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The place of `path` without links, which lies beneath `folder`.
///
/// # Errors
///
/// It is not there, or a link leads out of the folder; without its name, which whoever asks knows how to say.
pub fn beneath(folder: &Path, path: &Path) -> Result<PathBuf, String> {
    let real = |path: &Path| fs::canonicalize(path).map_err(|error| format!("cannot be read: {error}"));
    let (folder, place) = (real(folder)?, real(path)?);
    match place.starts_with(&folder) {
        true => Ok(place),
        false => Err(format!("is a link out of {}, and what lies elsewhere is not read", folder.display())),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_are_followed_within_the_folder_and_not_out_of_it() {
        let here = tempfile::tempdir().unwrap();
        let folder = here.path().join("a");
        fs::create_dir_all(folder.join("sub")).unwrap();
        // Its name begins like the folder's.
        fs::create_dir(here.path().join("ab")).unwrap();
        for file in ["a/in", "out", "ab/out"] {
            fs::write(here.path().join(file), file).unwrap();
        }
        symlink("../in", folder.join("sub/in")).unwrap();
        symlink("../out", folder.join("out")).unwrap();
        symlink("../ab", folder.join("b")).unwrap();
        assert_eq!(beneath(&folder, &folder.join("sub/in")), Ok(folder.canonicalize().unwrap().join("in")));
        for (path, says) in [("out", "a link out of"), ("b/out", "a link out of"), ("none", "cannot be read")] {
            let why = beneath(&folder, &folder.join(path)).unwrap_err();
            assert!(why.contains(says), "{path}: {why}");
        }
    }
}
