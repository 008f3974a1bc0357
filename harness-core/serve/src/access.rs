//! Who may ask. Tokens are compared by their hashes, in constant time: how long a refusal takes says nothing about the token.

use hyper::{HeaderMap, header};

use crate::error::ApiError;

/// Who asks, as far as the server can tell: those who show the same token are one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Principal(blake3::Hash);

impl Principal {
    /// A text by which it is told apart from every other.
    pub fn name(&self) -> String {
        self.0.to_hex().to_string()
    }
}

/// What a request must show.
#[derive(Debug, Clone)]
pub(crate) enum Access {
    /// The token of this hash.
    Token(blake3::Hash),
    /// Nothing, but it must have been sent to a loopback name: a page that had its own name point here would name itself.
    Loopback,
}

impl Access {
    /// The access to a server with this token, or without one.
    pub fn new(token: Option<&str>) -> Self {
        token.map_or(Self::Loopback, |token| Self::Token(blake3::hash(token.as_bytes())))
    }

    /// Lets a request in and says whose it is, or why not.
    pub fn admit(&self, headers: &HeaderMap) -> Result<Principal, ApiError> {
        match self {
            Self::Token(expected) => {
                let shown = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(bearer);
                // `Hash` compares in constant time.
                let right = shown.is_some_and(|shown| blake3::hash(shown.as_bytes()) == *expected);
                if right { Ok(Principal(*expected)) } else { Err(ApiError::unauthorised()) }
            }
            Self::Loopback => {
                let host = headers.get(header::HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
                if is_loopback(host) { Ok(Principal(blake3::hash(b""))) } else { Err(ApiError::foreign_host()) }
            }
        }
    }
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Whether `host[:port]` names this machine's loopback.
fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    let address = name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    address || name.eq_ignore_ascii_case("localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_token_opens() {
        let access = Access::new(Some("secret"));
        let with = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, value.parse().unwrap());
            access.admit(&headers).is_ok()
        };
        assert!(with("Bearer secret") && with("bearer  secret "));
        for wrong in ["secret", "Bearer", "Bearer ", "Bearer secre", "Bearer secrets", "Basic secret", "Bearer SECRET"]
        {
            assert!(!with(wrong), "{wrong}");
        }
        assert_eq!(access.admit(&HeaderMap::new()), Err(ApiError::unauthorised()));
    }

    #[test]
    fn without_a_token_only_loopback_names_are_answered() {
        let open = |host: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().unwrap());
            Access::new(None).admit(&headers).is_ok()
        };
        assert!(
            ["127.0.0.1:8080", "localhost", "LOCALHOST:1", "[::1]:8080", "127.0.0.2"]
                .map(open)
                .iter()
                .all(|open| *open)
        );
        for foreign in ["evil.example", "evil.example:8080", "127.0.0.1.evil.example", "10.0.0.1", "", "localhost.evil"]
        {
            assert!(!open(foreign), "{foreign}");
        }
    }
}
