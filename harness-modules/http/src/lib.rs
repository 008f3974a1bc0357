//! HTTP as a client: which TLS library is used, chosen once for models, pages of the web and MCP servers.
//!
//! `reqwest` is re-exported and named nowhere else: a client that is made without [`client`] or [`choose_tls`] has no TLS and
//! panics.

pub use reqwest;

use std::sync::Once;

/// A builder of clients, with `ring` as the cryptography of TLS and the certificates of the operating system.
pub fn client() -> reqwest::ClientBuilder {
    choose_tls();
    #[expect(clippy::disallowed_methods, reason = "the one place where clients are made")]
    reqwest::Client::builder()
}

/// Chooses `ring` for every client of this process, those that other libraries make too.
pub fn choose_tls() {
    static CHOSEN: Once = Once::new();
    CHOSEN.call_once(|| {
        // An error says that somebody chose before: the process has a provider, which is all that is needed.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

/// An error with its causes, outermost first: reqwest's own message leaves them out.
pub fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_client_is_made_with_tls_however_often() {
        for _ in 0..2 {
            assert!(super::client().https_only(true).build().is_ok());
        }
    }
}
