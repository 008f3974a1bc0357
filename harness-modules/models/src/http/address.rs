//! Where a server is. Of an address, the user, the password and the query are secrets: they are sent, and shown to nobody.

use harness_abi::ModuleError;
use harness_http::reqwest::Url;

/// An address that requests go to.
#[derive(Clone)]
pub struct Address {
    /// Where requests go: without user, with the query of the base address.
    pub url: Url,
    /// A name and a password, where the base address holds them.
    pub user: Option<(String, String)>,
}

impl Address {
    /// The address of `path` under a base address. A query stays behind the whole path; a fragment, which no client sends, is left out.
    ///
    /// # Errors
    ///
    /// The base is no address of http or https.
    pub fn new(base: &str, path: &str) -> Result<Self, ModuleError> {
        let url = Url::parse(base.trim()).ok();
        let url = url.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        let mut url = url.ok_or_else(|| {
            ModuleError::config(format_args!(
                "base_url `{}` is no http or https address; give one such as http://127.0.0.1:8080/v1",
                unparsed(base)
            ))
        })?;
        let user = (!url.username().is_empty() || url.password().is_some())
            .then(|| (plain(url.username()), plain(url.password().unwrap_or_default())));
        // What holds a host can hold a user and do without one.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        url.set_fragment(None);
        url.set_path(&joined(url.path(), path));
        Ok(Self { url, user })
    }

    /// What of it no error may hold: name, password and values of the query.
    pub fn secrets(&self) -> Vec<String> {
        let mut secrets: Vec<String> =
            self.user.iter().flat_map(|(name, password)| [name, password]).cloned().collect();
        // The version of an interface is no secret, and is what refusals are about.
        let values = self.url.query_pairs().filter(|(name, _)| !name.contains("version"));
        secrets.extend(values.map(|(_, value)| value.into_owned()));
        let raw = self.url.query().unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
        secrets.extend(raw.filter(|(name, _)| !name.contains("version")).map(|(_, value)| value.to_owned()));
        secrets
    }

    /// Where a redirect from `from` leads. It is followed on the host that was configured alone: the request carries the key and the
    /// conversation.
    ///
    /// # Errors
    ///
    /// It leads elsewhere, nowhere, or from https to http.
    pub fn redirected(from: &Url, location: Option<&str>) -> Result<Url, ModuleError> {
        let to = location.and_then(|location| from.join(location).ok());
        let Some(mut to) = to else {
            return Err(ModuleError::config(format_args!(
                "{} redirects without saying where; set base_url to where the server is",
                shown(from)
            )));
        };
        let same = to.host_str() == from.host_str() && to.username().is_empty() && to.password().is_none();
        let port = to.port_or_known_default() == from.port_or_known_default();
        // Plain HTTP on its own port often sends to HTTPS on its own.
        let secured = from.scheme() == "http" && to.scheme() == "https" && from.port().is_none() && to.port().is_none();
        if !(same && ((port && to.scheme() == from.scheme()) || secured)) {
            return Err(ModuleError::config(format_args!(
                "{} redirects to {}, another server, which is not given the key and the conversation; set base_url to it if it is meant",
                shown(from),
                shown(&to)
            )));
        }
        if to.query().is_none() {
            to.set_query(from.query());
        }
        Ok(to)
    }
}

/// An address for a person: scheme, host, port and path.
pub fn shown(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    // As above.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.into()
}

/// What names a server in the identity of a model: its base address without user and fragment, without slashes at the end.
pub fn identity(base: &str) -> String {
    let base = base.split('#').next().unwrap_or_default();
    let (path, query) = base.split_once('?').map_or((base, None), |(path, query)| (path, Some(query)));
    let path = path.trim().trim_end_matches('/');
    let path = match path.split_once("://") {
        Some((scheme, rest)) => {
            let (host, after) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            format!("{scheme}://{}{after}", host.rsplit('@').next().unwrap_or_default())
        }
        None => path.to_owned(),
    };
    query.map_or_else(|| path.clone(), |query| format!("{path}?{query}"))
}

/// The beginning of what is no address, without what may be a secret.
fn unparsed(base: &str) -> String {
    let shown = identity(base);
    let shown = shown.split('?').next().unwrap_or_default();
    shown.rsplit('@').next().unwrap_or_default().chars().take(100).collect()
}

/// A path after the base's. Who gave the whole path is not sent there twice, nor to the version twice.
fn joined(base: &str, path: &str) -> String {
    let base = base.trim_end_matches('/');
    if base.ends_with(path) {
        return base.to_owned();
    }
    match path.strip_prefix("/v1") {
        Some(rest) if base.ends_with("/v1") => format!("{base}{rest}"),
        _ => format!("{base}{path}"),
    }
}

/// `%41` as `A`.
fn plain(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let coded = digits.filter(|_| *first == b'%').and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(coded.unwrap_or(*first));
        rest = &after[if coded.is_some() { 2 } else { 0 }..];
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_base_holds_the_path_is_right() {
        for (base, path, url) in [
            ("http://h/v1", "/chat/completions", "http://h/v1/chat/completions"),
            ("http://h/v1//", "/chat/completions", "http://h/v1/chat/completions"),
            ("http://h", "/chat/completions", "http://h/chat/completions"),
            ("http://h/v1?a=1&b=/", "/chat/completions", "http://h/v1/chat/completions?a=1&b=/"),
            ("http://h/v1/?a=1", "/responses", "http://h/v1/responses?a=1"),
            ("http://h/v1#top", "/responses", "http://h/v1/responses"),
            ("http://me:se%20cret@h:1/v1?k#x", "/responses", "http://h:1/v1/responses?k"),
            ("http://h/d/chat/completions?v=1", "/chat/completions", "http://h/d/chat/completions?v=1"),
            ("https://h", "/v1/messages", "https://h/v1/messages"),
            ("https://h/v1?x=1", "/v1/messages", "https://h/v1/messages?x=1"),
            (" https://h/a/v1/ ", "/v1/messages", "https://h/a/v1/messages"),
        ] {
            assert_eq!(Address::new(base, path).expect(base).url.as_str(), url, "{base}");
        }
        let address = Address::new("http://me:se%20cret@h/v1?key=abc&api-version=2", "/responses").expect("an address");
        assert_eq!(address.user, Some(("me".to_owned(), "se cret".to_owned())));
        assert_eq!(address.secrets(), ["me", "se cret", "abc", "abc"]);
        for base in ["localhost:80", "ftp://me:secret@h", "//me:secret@h", "http://", "", "http//me:secret@h?secret"] {
            let error = Address::new(base, "/x").err().expect(base).message;
            assert!(!error.contains("secret"), "{error}");
        }
        assert_eq!(identity("http://me:x@h/v1/?a=1#b"), "http://h/v1?a=1");
        assert_eq!(identity("http://h:1/v1//"), "http://h:1/v1");
    }

    #[test]
    fn a_redirect_is_followed_on_the_same_host_alone() {
        let follow = |from: &str, to: &str| {
            let from = Url::parse(from).expect("an address");
            Address::redirected(&from, Some(to)).map(String::from).map_err(|error| error.message.to_string())
        };
        for (from, to, url) in [
            ("http://h/v1/x?a=1", "/v1/x/", "http://h/v1/x/?a=1"),
            ("http://h/v1/x", "http://h:80/y?b", "http://h/y?b"),
            ("http://h/x", "https://h/x", "https://h/x"),
        ] {
            assert_eq!(follow(from, to).as_deref(), Ok(url));
        }
        for (from, to) in [
            ("http://h/x", "http://other/x?secret=1"),
            ("http://h/x", "http://secret@h/x"),
            ("https://h/x", "http://h/x"),
            ("http://h:1/x", "http://h:2/x"),
            ("http://h/x", "file:///x"),
        ] {
            let error = follow(from, to).expect_err("a refusal");
            assert!(error.contains("redirects to") && !error.contains("secret"), "{error}");
        }
    }
}
