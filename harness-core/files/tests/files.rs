//! What somebody who may write in the same folder tries: links, names prepared in advance, pipes, and changes at the same time.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::{
    fs, io,
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    path::Path,
    thread,
};

use harness_files::{Access, Draft, Folder, open, read, read_text};

fn folder() -> (tempfile::TempDir, Folder) {
    let folder = tempfile::tempdir().unwrap();
    let opened = Folder::open(folder.path()).unwrap();
    (folder, opened)
}

#[test]
fn a_file_is_replaced_whole_and_keeps_its_mode() {
    let (here, opened) = folder();
    let file = here.path().join("a");
    opened.replace(Path::new("a"), b"one", Access::Usual).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    let before = fs::metadata(&file).unwrap();
    opened.replace(Path::new("a"), b"two", Access::Usual).unwrap();
    let after = fs::metadata(&file).unwrap();
    assert_eq!(fs::read(&file).unwrap(), b"two");
    assert_eq!(after.permissions().mode() & 0o777, 0o640);
    assert_ne!(after.ino(), before.ino(), "another file took its place");
    opened.replace(Path::new("deep/er/key"), b"k", Access::Private).unwrap();
    assert_eq!(fs::metadata(here.path().join("deep/er/key")).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(here.path()).unwrap().count(), 2, "nothing is left behind");
}

#[test]
fn nothing_is_written_through_a_link_or_over_something_else() {
    let (here, opened) = folder();
    let elsewhere = tempfile::tempdir().unwrap();
    let secret = elsewhere.path().join("start-up");
    fs::write(&secret, "mine").unwrap();
    symlink(&secret, here.path().join("link")).unwrap();
    symlink(here.path().join("nothing"), here.path().join("dangling")).unwrap();
    symlink(elsewhere.path(), here.path().join("way-out")).unwrap();
    fs::create_dir(here.path().join("folder")).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(here.path().join("pipe")).status().unwrap().success());
    for name in ["link", "dangling", "way-out/start-up", "way-out/new", "folder", "pipe", "../up", "/tmp/abs", ""] {
        let name = Path::new(name);
        opened.replace(name, b"evil", Access::Usual).unwrap_err();
        opened.create(name, b"evil", Access::Usual).unwrap_err();
        opened.change(name, Access::Usual, |_| io::Result::Ok((Some(b"evil".to_vec()), ()))).unwrap_err();
    }
    let said = opened.replace(Path::new("link"), b"", Access::Usual).unwrap_err().to_string();
    assert!(said.contains("is a link to ") && said.contains("start-up"), "{said}");
    assert_eq!(fs::read_to_string(&secret).unwrap(), "mine");
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 1);
    assert_eq!(fs::read_dir(here.path()).unwrap().count(), 5, "no draft is left");
}

#[test]
fn what_is_no_regular_file_is_not_read_and_not_waited_for() {
    let (here, opened) = folder();
    let pipe = here.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let _socket = std::os::unix::net::UnixListener::bind(here.path().join("socket")).unwrap();
    fs::write(here.path().join("file"), "12345").unwrap();
    symlink("file", here.path().join("link")).unwrap();
    for (path, word) in [("pipe", "a named pipe"), ("socket", "a socket"), ("/dev/zero", "a device"), (".", "a folder")]
    {
        let error = open(&here.path().join(path)).unwrap_err().to_string();
        assert!(error.contains(word), "{path}: {error}");
    }
    opened.file(Path::new("pipe")).unwrap_err();
    opened.file(Path::new("link")).unwrap_err();
    assert_eq!(read(&here.path().join("link"), 5).unwrap(), b"12345", "a person may name a link");
    assert_eq!(read(&here.path().join("file"), 4).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
    assert_eq!(opened.read(Path::new("none"), 5).unwrap(), None);
    fs::write(here.path().join("file"), b"\xff").unwrap();
    assert_eq!(read_text(&here.path().join("file"), 5).unwrap_err().kind(), io::ErrorKind::InvalidData);
}

#[test]
fn changes_at_the_same_time_are_all_kept() {
    let (here, _) = folder();
    thread::scope(|scope| {
        for number in 0..8 {
            let path = here.path();
            scope.spawn(move || {
                for turn in 0..20 {
                    let add = |former: Option<Vec<u8>>| {
                        let text = String::from_utf8(former.unwrap_or_default()).unwrap();
                        io::Result::Ok((Some(format!("{text}{number}.{turn}\n").into_bytes()), ()))
                    };
                    Folder::open(path).unwrap().change(Path::new("list"), Access::Usual, add).unwrap();
                }
            });
        }
    });
    assert_eq!(fs::read_to_string(here.path().join("list")).unwrap().lines().count(), 160);
}

#[test]
fn a_change_that_fails_leaves_the_file_and_one_that_cannot_read_does_not_write() {
    let (here, opened) = folder();
    let file = here.path().join("f");
    fs::write(&file, "as it was").unwrap();
    let refused = opened.change(Path::new("f"), Access::Usual, |_| Err::<(_, ()), _>(io::Error::other("no")));
    assert_eq!(refused.unwrap_err().to_string(), "no");
    assert_eq!(opened.change(Path::new("f"), Access::Usual, |_| io::Result::Ok((None, 7))).unwrap(), 7);
    assert_eq!(fs::read_to_string(&file).unwrap(), "as it was");
    // What is there and cannot be read is not taken for nothing.
    fs::remove_file(&file).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(&file).status().unwrap().success());
    let asked = opened.change(Path::new("f"), Access::Usual, |_| -> io::Result<(Option<Vec<u8>>, ())> {
        panic!("it was taken for an empty file")
    });
    asked.unwrap_err();
}

#[test]
fn a_draft_takes_its_place_or_leaves_nothing() {
    let (here, _) = folder();
    let place = here.path().join("bundle");
    let draft = Draft::beside(&place).unwrap();
    draft.write("in/side", b"x").unwrap();
    drop(draft);
    assert_eq!(fs::read_dir(here.path()).unwrap().count(), 0);
    let draft = Draft::beside(&place).unwrap();
    draft.write("in/side", b"x").unwrap();
    draft.copy(&std::env::current_exe().unwrap(), "program").unwrap();
    assert_eq!(draft.finish().unwrap(), place);
    assert_eq!(fs::read_to_string(place.join("in/side")).unwrap(), "x");
    assert_eq!(fs::read_dir(here.path()).unwrap().count(), 1);
    let again = Draft::beside(&place).unwrap();
    again.finish().unwrap_err();
    let file = here.path().join("file");
    for text in ["one", "two"] {
        let draft = Draft::beside(&file).unwrap();
        draft.write("it", text.as_bytes()).unwrap();
        draft.finish_file("it").unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), text);
    }
    assert_eq!(fs::read_dir(here.path()).unwrap().count(), 2);
}
