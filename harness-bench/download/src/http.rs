//! One file over HTTP. What has come stays beside the destination, and the next attempt, of this process or a later one, asks for
//! the rest.

use std::{path::Path, time::Duration};

use harness_http::reqwest::{Client, Response, StatusCode, Url, header};

use crate::{DownloadError, Part, Progress};

/// How long a server is waited for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// Attempts in a row that bring nothing new before it is given up.
    fruitless: u32,
    /// For a connection to come about.
    connect: Duration,
}

/// Where there is no other source.
pub(crate) const PATIENT: Patience = Patience { fruitless: 3, connect: Duration::from_secs(30) };
/// Where there is another.
pub(crate) const BRIEF: Patience = Patience { fruitless: 2, connect: Duration::from_secs(8) };
/// For the next bytes of an answer.
const SILENCE: Duration = Duration::from_secs(60);

/// A file at an address, known by its digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remote<'a> {
    /// Its address, `http` or `https`. Redirects are followed; from `https` never to `http`.
    pub url: &'a str,
    /// sha256 of the file, 64 hex digits.
    pub sha256: &'a str,
}

/// Downloads the file to `dest`, in a folder that is made where there is none. A `dest` that exists is replaced in one step when
/// the new file is whole.
///
/// It waits for the network on a runtime of its own, so it must not be called on a thread of one.
///
/// # Errors
///
/// [`DownloadError`]; `dest` is then untouched. After a [`DownloadError::Network`] a later call goes on where this one ended.
pub fn fetch_file(
    remote: &Remote<'_>,
    dest: &Path,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<(), DownloadError> {
    let expected = remote.sha256.to_ascii_lowercase();
    if hex::decode(&expected).map_or(0, |bytes| bytes.len()) != 32 {
        return Err(DownloadError::NoDigest(remote.sha256.to_owned()));
    }
    let mut part = Part::open(dest, &expected)?;
    receive(remote.url, &mut part, PATIENT, progress)?;
    part.finish(dest, Some(&expected), remote.url, progress).map(drop)
}

/// As [`fetch_file`], of a file whose digest nobody knows before; gives it. What an earlier call left is gone on from where it came from
/// the same address.
///
/// # Errors
///
/// As [`fetch_file`].
pub fn fetch_unpinned(url: &str, dest: &Path, progress: &mut dyn FnMut(Progress<'_>)) -> Result<String, DownloadError> {
    let mut part = Part::open(dest, &crate::digest::of_text(url))?;
    receive(url, &mut part, PATIENT, progress)?;
    part.finish(dest, None, url, progress)
}

/// Receives what is missing of the file at the address.
pub(crate) fn receive(
    url: &str,
    part: &mut Part,
    patience: Patience,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<(), DownloadError> {
    let network = |detail: String| DownloadError::Network { url: url.to_owned(), detail };
    let address = Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    let address = address.ok_or_else(|| network("it is no http or https address".to_owned()))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| network(format!("no runtime: {error}")))?;
    runtime.block_on(async {
        let client = harness_http::client().https_only(address.scheme() == "https").connect_timeout(patience.connect);
        let client = client.read_timeout(SILENCE).build().map_err(|error| network(harness_http::chain(&error)))?;
        let mut fruitless = 0;
        loop {
            let before = part.length()?;
            let why = match attempt(&client, &address, part, progress).await? {
                Ended::Whole => return Ok(()),
                Ended::Broken(why) => why,
            };
            fruitless = if part.length()? > before { 0 } else { fruitless + 1 };
            if fruitless >= patience.fruitless {
                return Err(network(why));
            }
        }
    })
}

/// How an attempt ended.
enum Ended {
    /// All of the file has come.
    Whole,
    /// The connection did not last; another may.
    Broken(String),
}

/// Asks for what is missing and writes what comes.
async fn attempt(
    client: &Client,
    url: &Url,
    part: &mut Part,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Ended, DownloadError> {
    let here = part.length()?;
    let request = client.get(url.clone()).header(header::ACCEPT_ENCODING, "identity");
    let request = if here > 0 { request.header(header::RANGE, format!("bytes={here}-")) } else { request };
    let mut response = match request.send().await {
        Ok(response) => response,
        Err(error) => return Ok(Ended::Broken(harness_http::chain(&error))),
    };
    let status = response.status();
    let (from, total) = match status {
        StatusCode::PARTIAL_CONTENT => match range(&response) {
            Some((from, total)) if from == here => (here, total),
            // Another part than was asked for: all of it, then.
            _ => return part.keep(0).map(|()| Ended::Broken("the server sent another range".to_owned())),
        },
        // Nothing is missing, or what is here is not of this file: the digest tells.
        StatusCode::RANGE_NOT_SATISFIABLE if here > 0 => return Ok(Ended::Whole),
        status if status.is_success() => (0, response.content_length()),
        status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
            return Ok(Ended::Broken(format!("it answered {status}")));
        }
        status => return Err(DownloadError::Status { url: url.to_string(), status: status.to_string() }),
    };
    part.keep(from)?;
    if let Some(total) = total {
        part.room_for(total.saturating_sub(from))?;
    }
    let mut received = from;
    loop {
        match response.chunk().await {
            Ok(Some(bytes)) => {
                part.append(&bytes)?;
                received += bytes.len() as u64;
                progress(Progress::Receiving { received, total });
            }
            Ok(None) if total.is_none_or(|total| received >= total) => return Ok(Ended::Whole),
            Ok(None) => return Ok(Ended::Broken("the answer ended before the file".to_owned())),
            Err(error) => return Ok(Ended::Broken(harness_http::chain(&error))),
        }
    }
}

/// `Content-Range: bytes FROM-TO/TOTAL` as from and total.
fn range(response: &Response) -> Option<(u64, Option<u64>)> {
    let value = response.headers().get(header::CONTENT_RANGE)?.to_str().ok()?;
    let (span, total) = value.strip_prefix("bytes ")?.split_once('/')?;
    let (from, _) = span.split_once('-')?;
    Some((from.trim().parse().ok()?, total.trim().parse().ok()))
}
