//! One body to an address, for what else of this program speaks HTTP: exports to collectors. Tries again where the answer says
//! that this helps, and follows nobody elsewhere. No error holds a secret of the address or of a header.

use std::time::Duration;

use harness_abi::{ErrorClass, ModuleError};
use harness_http::reqwest::{self, StatusCode, Url, header, redirect::Policy};

use super::{address::shown, excerpt, retry::retry_after, secrets::Secrets};

/// How often one body is sent, at most.
const MOST_TRIES: u32 = 5;
/// The longest wait between two tries.
const MOST_WAIT: Duration = Duration::from_secs(30);
/// Bytes of an answer that are read.
const MOST_BYTES: usize = 1 << 20;

/// Posts `body`, of this media type, to `url` with these headers beside its own; gives what was answered. `patience` is for each try. Answers of 429,
/// 502, 503 and 504 are waited for and tried again, as the OTLP specification has it.
///
/// # Errors
///
/// The address cannot be reached, or answers with anything but a success; what it says is in the message, without the headers' values.
pub async fn post(
    url: &str,
    headers: &[(String, String)],
    media_type: &str,
    body: Vec<u8>,
    patience: Duration,
) -> Result<Vec<u8>, ModuleError> {
    let Ok(url) = Url::parse(url) else {
        return Err(ModuleError::config("the address to send to is none; give one such as http://127.0.0.1:4318"));
    };
    // `Bearer KEY` is quoted in whole and without its first word.
    let mut secrets: Vec<String> = headers.iter().map(|(_, value)| value.clone()).collect();
    secrets.extend(headers.iter().filter_map(|(_, value)| Some(value.split_once(' ')?.1.to_owned())));
    secrets.extend(url.query_pairs().map(|(_, value)| value.into_owned()));
    secrets.extend(url.password().map(str::to_owned));
    let sent = send(&url, headers, media_type, body, patience).await;
    sent.map_err(|error| Secrets::new(secrets).redacted(error))
}

async fn send(
    url: &Url,
    headers: &[(String, String)],
    media_type: &str,
    body: Vec<u8>,
    patience: Duration,
) -> Result<Vec<u8>, ModuleError> {
    let unreachable = |error: reqwest::Error| {
        let error = error.without_url();
        ModuleError::new(ErrorClass::UNAVAILABLE, format_args!("{} cannot be reached: {error:?}", shown(url)))
    };
    let client = harness_http::client().timeout(patience).redirect(Policy::none()).build().map_err(unreachable)?;
    for tried in 1.. {
        let request = client.post(url.clone()).header(header::CONTENT_TYPE, media_type).body(body.clone());
        let request = headers.iter().fold(request, |request, (name, value)| request.header(name, value));
        let mut response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        let wait = response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()).map(retry_after);
        let mut said = Vec::new();
        while let Ok(Some(piece)) = response.chunk().await {
            said.extend_from_slice(&piece);
            if said.len() > MOST_BYTES {
                break;
            }
        }
        if status.is_success() {
            return Ok(said);
        }
        let later = [
            StatusCode::TOO_MANY_REQUESTS,
            StatusCode::BAD_GATEWAY,
            StatusCode::SERVICE_UNAVAILABLE,
            StatusCode::GATEWAY_TIMEOUT,
        ];
        if tried == MOST_TRIES || !later.contains(&status) {
            let said = excerpt(&String::from_utf8_lossy(&said));
            return Err(ModuleError::new(ErrorClass::INPUT, format_args!("{} answered {status}: {said}", shown(url))));
        }
        let wait = wait.map_or_else(|| Duration::from_secs(1 << (tried - 1)), Duration::from_millis);
        tokio::time::sleep(wait.min(MOST_WAIT)).await;
    }
    Err(ModuleError::fault("a body was never sent"))
}
