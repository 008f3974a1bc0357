//! Files over HTTP: a server that breaks off, forgets, lies or refuses.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    net::TcpListener,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    thread::JoinHandle,
};

use bench_download::{DownloadError, Progress, Remote, fetch_file};

/// What the whole file is.
pub const FILE: &[u8] = b"0123456789";
/// Its sha256.
pub const DIGEST: &str = "84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f882f7882";

/// Answers one request a connection, with the given answers in turn, and keeps the ranges that were asked for.
pub struct Server {
    pub url: String,
    ranges: Arc<Mutex<Vec<String>>>,
    thread: JoinHandle<()>,
}

impl Server {
    pub fn new(answers: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/weights.gguf", listener.local_addr().unwrap());
        let ranges = Arc::<Mutex<Vec<String>>>::default();
        let (asked, answers) = (ranges.clone(), answers.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>());
        let thread = std::thread::spawn(move || {
            for answer in answers {
                let (mut stream, _) = listener.accept().unwrap();
                let lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
                let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
                let range =
                    head.iter().find_map(|line| line.to_ascii_lowercase().strip_prefix("range: ").map(str::to_owned));
                asked.lock().unwrap().push(range.unwrap_or_default());
                stream.write_all(answer.as_bytes()).unwrap();
            }
        });
        Self { url, ranges, thread }
    }

    /// The ranges asked for, when every answer has been given.
    pub fn ranges(self) -> Vec<String> {
        self.thread.join().unwrap();
        self.ranges.lock().unwrap().clone()
    }
}

pub fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nConnection: close\r\n{headers}\r\n{body}")
}

fn fetch(url: &str, sha256: &str, folder: &Path) -> Result<PathBuf, DownloadError> {
    let dest = folder.join("models/weights.gguf");
    fetch_file(&Remote { url, sha256 }, &dest, &mut |_| {}).map(|()| dest)
}

fn left(folder: &Path) -> usize {
    fs::read_dir(folder.join("models")).unwrap().count()
}

#[test]
fn a_download_that_breaks_off_goes_on_where_it_broke_off() {
    let whole = answer("200 OK", "Content-Length: 10\r\n", "0123456789");
    let begun = answer("200 OK", "Content-Length: 10\r\n", "0123");
    let rest = answer("206 Partial Content", "Content-Length: 6\r\nContent-Range: bytes 4-9/10\r\n", "456789");
    let some = answer("206 Partial Content", "Content-Length: 6\r\nContent-Range: bytes 4-9/10\r\n", "45");
    let last = answer("206 Partial Content", "Content-Length: 4\r\nContent-Range: bytes 6-9/10\r\n", "6789");
    let other = answer("206 Partial Content", "Content-Length: 6\r\nContent-Range: bytes 0-5/10\r\n", "012345");
    let unknown = answer("200 OK", "", "0123456789");
    let busy = answer("503 Service Unavailable", "Content-Length: 0\r\n", "");
    let nothing_more = answer("416 Range Not Satisfiable", "Content-Length: 0\r\n", "");
    // A server whose file is as long as what has come, but says first that it is longer.
    let longer = answer("200 OK", "Content-Length: 11\r\n", "0123456789");
    for (answers, ranges) in [
        (vec![&whole], vec![""]),
        (vec![&unknown], vec![""]),
        (vec![&begun, &rest], vec!["", "bytes=4-"]),
        (vec![&begun, &some, &last], vec!["", "bytes=4-", "bytes=6-"]),
        // The server forgot what a range is, or sends another one: from the beginning.
        (vec![&begun, &whole], vec!["", "bytes=4-"]),
        (vec![&begun, &other, &whole], vec!["", "bytes=4-", ""]),
        (vec![&busy, &whole], vec!["", ""]),
        (vec![&longer, &nothing_more], vec!["", "bytes=10-"]),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::new(&answers.iter().map(|answer| answer.as_str()).collect::<Vec<_>>());
        let dest = fetch(&server.url, DIGEST, folder.path()).unwrap();
        assert_eq!(fs::read(dest).unwrap(), FILE);
        assert_eq!(server.ranges(), ranges);
        assert_eq!(left(folder.path()), 1, "nothing is left beside it");
    }
}

#[test]
fn a_later_call_goes_on_where_an_earlier_one_was_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let begun = answer("200 OK", "Content-Length: 10\r\n", "0123");
    let gone = answer("500 Internal Server Error", "Content-Length: 0\r\n", "");
    let server = Server::new(&[&begun, &gone, &gone, &gone]);
    let failed = fetch(&server.url, DIGEST, folder.path()).unwrap_err();
    assert!(matches!(&failed, DownloadError::Network { .. }), "{failed}");
    assert!(failed.to_string().contains("500") && failed.to_string().contains("goes on from there"), "{failed}");
    assert!(!folder.path().join("models/weights.gguf").exists());
    server.ranges();
    let rest = answer("206 Partial Content", "Content-Length: 6\r\nContent-Range: bytes 4-9/10\r\n", "456789");
    let server = Server::new(&[&rest]);
    let mut seen = Vec::new();
    let dest = folder.path().join("models/weights.gguf");
    let remote = Remote { url: &server.url, sha256: &DIGEST.to_uppercase() };
    fetch_file(&remote, &dest, &mut |step| {
        if let Progress::Receiving { received, total } = step {
            seen.push((received, total));
        }
    })
    .unwrap();
    assert_eq!((fs::read(dest).unwrap().as_slice(), seen.last()), (FILE, Some(&(10, Some(10)))));
    assert_eq!(server.ranges(), ["bytes=4-"]);
}

#[test]
fn what_is_not_the_file_is_not_kept() {
    let other = answer("200 OK", "Content-Length: 5\r\n", "other");
    let missing = answer("404 Not Found", "Content-Length: 0\r\n", "");
    for (answers, sha256, says) in [
        (vec![&other], DIGEST, "the file is damaged or was replaced"),
        (vec![&missing], DIGEST, "answered 404 Not Found; check the address"),
        (vec![], "12ab", "`12ab` is no sha256"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::new(&answers.iter().map(|answer| answer.as_str()).collect::<Vec<_>>());
        fs::create_dir_all(folder.path().join("models")).unwrap();
        fs::write(folder.path().join("models/weights.gguf"), "before").unwrap();
        let failed = fetch(&server.url, sha256, folder.path()).unwrap_err().to_string();
        assert!(failed.contains(says), "{failed}");
        assert_eq!(fs::read(folder.path().join("models/weights.gguf")).unwrap(), b"before");
        server.ranges();
    }
    let folder = tempfile::tempdir().unwrap();
    let failed = fetch("ftp://127.0.0.1/x", DIGEST, folder.path()).unwrap_err().to_string();
    assert!(failed.contains("no http or https address"), "{failed}");
}

#[test]
fn one_process_downloads_a_file_at_a_time_and_no_link_is_written_through() {
    let folder = tempfile::tempdir().unwrap();
    let models = folder.path().join("models");
    fs::create_dir_all(&models).unwrap();
    let part = models.join(format!("weights.gguf.{}.part", &DIGEST[..16]));
    let held = fs::File::create(&part).unwrap();
    held.lock().unwrap();
    let failed = fetch("http://127.0.0.1:1/x", DIGEST, folder.path()).unwrap_err();
    assert!(matches!(failed, DownloadError::Busy(_)), "{failed}");
    drop(held);
    fs::remove_file(&part).unwrap();
    std::os::unix::fs::symlink(folder.path().join("elsewhere"), &part).unwrap();
    let failed = fetch("http://127.0.0.1:1/x", DIGEST, folder.path()).unwrap_err();
    assert!(matches!(failed, DownloadError::Io { .. }) && !folder.path().join("elsewhere").exists(), "{failed}");
}
