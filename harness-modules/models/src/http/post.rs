//! One JSON body to an address, for what else of this program speaks HTTP: exports to collectors. Refuses to try again and to
//! follow anybody elsewhere.

use std::time::Duration;

use harness_abi::{ErrorClass, ModuleError};
use reqwest::{Client, header, redirect::Policy};

/// For the whole exchange.
const PATIENCE: Duration = Duration::from_secs(30);
/// Characters shown of a refusal.
const SHOWN: usize = 300;

/// Posts `body` to `url` with these headers beside its own.
///
/// # Errors
///
/// The address cannot be reached, or answers with anything but a success; what it says is in the message.
pub async fn post_json(url: &str, headers: &[(String, String)], body: String) -> Result<(), ModuleError> {
    let unreachable = |error: reqwest::Error| {
        ModuleError::new(ErrorClass::UNAVAILABLE, format_args!("{url} cannot be reached: {error:?}"))
    };
    let client = Client::builder().timeout(PATIENCE).redirect(Policy::none()).build().map_err(unreachable)?;
    let request = client.post(url).header(header::CONTENT_TYPE, "application/json").body(body);
    let request = headers.iter().fold(request, |request, (name, value)| request.header(name, value));
    let response = request.send().await.map_err(unreachable)?;
    let status = response.status();
    if status.is_success() {
        return Ok(());
    }
    let said: String = response.text().await.unwrap_or_default().chars().take(SHOWN).collect();
    Err(ModuleError::new(ErrorClass::INPUT, format_args!("{url} answered {status}: {said}")))
}
