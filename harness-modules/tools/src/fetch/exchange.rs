//! One document by GET: each host and each of its addresses is checked before it is asked, after a redirect too. Refuses
//! what is no text before it reads it, and reads no more than it may.

use std::{error::Error as _, net::SocketAddr};

use harness_http::reqwest::{self, Response, StatusCode, Url, header, redirect::Policy};

use super::hosts::{Hosts, host};
use crate::answer::Refusal;

/// Redirects that are followed.
const MOST_HOPS: usize = 5;
/// Who asks.
const AGENT: &str = concat!("harness/", env!("CARGO_PKG_VERSION"));

/// What came.
#[derive(Debug)]
pub(super) struct Document {
    /// Where from, after redirects.
    pub url: Url,
    pub status: StatusCode,
    /// The media type without parameters, in lower case; empty when the server says none.
    pub kind: String,
    /// The character encoding it names.
    pub charset: Option<String>,
    /// Seconds or a date it wants to be left alone for.
    pub retry_after: Option<String>,
    pub body: Vec<u8>,
    /// Whether the body is all of it.
    pub whole: bool,
}

/// Gets it.
pub(super) async fn get(url: Url, hosts: &Hosts, most: usize) -> Result<Document, Refusal> {
    let mut url = url;
    for _ in 0..=MOST_HOPS {
        let response = ask(&url, hosts).await?;
        let Some(next) = redirected(&url, &response)? else { return read(url, response, most).await };
        hosts
            .admit(&next)
            .map_err(|Refusal(why)| Refusal(format!("{url} redirects to {next}, which is not followed: {why}")))?;
        url = next;
    }
    Err(Refusal(format!("{url}: more than {MOST_HOPS} redirects")))
}

/// Asks the host of `url`, at such addresses as may be asked: the name is looked up once, and the connection goes where the
/// lookup said.
async fn ask(url: &Url, hosts: &Hosts) -> Result<Response, Refusal> {
    hosts.admit(url)?;
    let (name, port) = (host(url), url.port_or_known_default().unwrap_or_default());
    let found = tokio::net::lookup_host((name.as_str(), port)).await;
    let found: Vec<SocketAddr> = found.map_err(|error| Refusal(format!("{name} is not found: {error}")))?.collect();
    let (may, not): (Vec<SocketAddr>, Vec<SocketAddr>) =
        found.into_iter().partition(|address| hosts.reaches(address.ip(), url));
    if may.is_empty() {
        let own = not.first().map_or_else(String::new, |address| address.ip().to_string());
        return Err(Refusal(format!(
            "{name} is {own}, an address of this machine or its networks, which is not fetched from unless the `hosts` of this \
             tool name that address itself"
        )));
    }
    // No proxy: it would look the name up anew, and speak to whomever it finds.
    let client = harness_http::client().user_agent(AGENT).redirect(Policy::none()).no_proxy();
    let client = client.resolve_to_addrs(url.host_str().unwrap_or_default(), &may).build();
    let request = client.map_err(|error| failed(url, &error))?.get(url.clone());
    request
        .header(header::ACCEPT, "text/*, application/json, */*;q=0.1")
        .send()
        .await
        .map_err(|error| failed(url, &error))
}

/// Where a redirect leads.
fn redirected(url: &Url, response: &Response) -> Result<Option<Url>, Refusal> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let to = response.headers().get(header::LOCATION).and_then(|to| to.to_str().ok());
    let next = to.and_then(|to| url.join(to).ok());
    next.map(Some).ok_or_else(|| Refusal(format!("{url} redirects to nowhere")))
}

async fn read(url: Url, mut response: Response, most: usize) -> Result<Document, Refusal> {
    let named = |name| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let coding = named(header::CONTENT_ENCODING).filter(|coding| !coding.eq_ignore_ascii_case("identity"));
    if let Some(coding) = coding {
        return Err(Refusal(format!("{url} came compressed ({coding}), which was not asked for")));
    }
    let (kind, charset) = media_type(&named(header::CONTENT_TYPE).unwrap_or_default());
    if !is_text(&kind) {
        let size = response.content_length().map_or_else(String::new, |bytes| format!(", {bytes} bytes"));
        return Err(Refusal(format!("{url} is no text: {kind}{size}")));
    }
    let mut document = Document {
        status: response.status(),
        retry_after: named(header::RETRY_AFTER),
        url,
        kind,
        charset,
        body: Vec::new(),
        whole: true,
    };
    while let Some(chunk) = response.chunk().await.map_err(|error| failed(&document.url, &error))? {
        document.body.extend_from_slice(&chunk);
        if document.body.len() > most {
            document.body.truncate(most);
            document.whole = false;
            break;
        }
    }
    if document.kind.is_empty() && document.body.contains(&0) {
        return Err(Refusal(format!("{} is no text, and its server does not say what it is", document.url)));
    }
    Ok(document)
}

/// `Text/HTML; charset="utf-8"` → `text/html` and `utf-8`.
fn media_type(value: &str) -> (String, Option<String>) {
    let mut parts = value.split(';').map(str::trim);
    let kind = parts.next().unwrap_or_default().to_lowercase();
    let charset =
        parts.find_map(|part| part.split_once('=').filter(|(key, _)| key.trim().eq_ignore_ascii_case("charset")));
    (kind, charset.map(|(_, name)| name.trim().trim_matches(['"', '\'']).to_owned()))
}

/// Whether a model can read it. What has no type is looked at when it is there.
fn is_text(kind: &str) -> bool {
    const TEXTUAL: [&str; 12] = [
        "json",
        "xml",
        "javascript",
        "ecmascript",
        "x-javascript",
        "x-ndjson",
        "yaml",
        "x-yaml",
        "toml",
        "x-sh",
        "sql",
        "graphql",
    ];
    kind.is_empty()
        || kind.starts_with("text/")
        || [("+json"), ("+xml"), ("+yaml")].iter().any(|end| kind.ends_with(end))
        || kind.strip_prefix("application/").is_some_and(|kind| TEXTUAL.contains(&kind))
}

/// An error with its causes: the outermost only says that it failed.
fn failed(url: &Url, error: &reqwest::Error) -> Refusal {
    let causes = error.source().map_or_else(String::new, |cause| format!(": {}", harness_http::chain(cause)));
    Refusal(format!("{url} cannot be fetched{causes}"))
}
