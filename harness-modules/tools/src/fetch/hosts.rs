//! Whom `fetch` may speak to: names a person listed, and addresses of the public internet. Refuses addresses of this machine and of its
//! networks, whatever name leads to them, unless the address itself is listed.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use harness_http::reqwest::Url;

use crate::answer::Refusal;

/// One entry of the list.
#[derive(Debug, PartialEq, Eq)]
struct Entry {
    pattern: Pattern,
    /// The port; `None` is the scheme's own.
    port: Option<u16>,
}

#[derive(Debug, PartialEq, Eq)]
enum Pattern {
    /// `*`
    Any,
    /// `*.rest`, here `.rest`.
    Under(String),
    Exact(String),
}

/// The list.
#[derive(Debug)]
pub(super) struct Hosts {
    entries: Vec<Entry>,
    written: Vec<String>,
}

impl Hosts {
    /// Reads it; the error names the entry and what is wrong with it.
    pub fn new(written: Vec<String>) -> Result<Self, String> {
        let entries = written.iter().map(|text| entry(text)).collect::<Result<_, _>>()?;
        Ok(Self { entries, written })
    }

    /// Whether nobody may be asked.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether anybody may be: then what a model knows may go anywhere.
    pub fn are_all(&self) -> bool {
        self.entries.iter().any(|entry| entry.pattern == Pattern::Any)
    }

    /// The list as it was written.
    pub fn names(&self) -> String {
        self.written.join(", ")
    }

    /// Whether this may be asked for, by its name.
    pub fn admit(&self, url: &Url) -> Result<(), Refusal> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Refusal(format!("{url}: only http and https are fetched, not {}", url.scheme())));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refusal("an address with a user's name or password in it is not fetched".to_owned()));
        }
        if self.is_empty() {
            return Err(Refusal(
                "no host may be fetched from: the `hosts` of this tool is empty. Whoever runs this agent can list some; go on \
                 without the network"
                    .to_owned(),
            ));
        }
        let host = host(url);
        if self.entries.iter().any(|entry| entry.names(&host) && entry.at_port_of(url)) {
            return Ok(());
        }
        let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
        Err(Refusal(format!("{host}{port} may not be fetched from; allowed are: {}", self.names())))
    }

    /// Whether an address may be asked for this: it is public, or itself on the list.
    pub fn reaches(&self, address: IpAddr, url: &Url) -> bool {
        let named = |entry: &Entry| {
            let Pattern::Exact(name) = &entry.pattern else { return false };
            let it = name.parse() == Ok(address) || (name == "localhost" && is_localhost(address));
            it && entry.at_port_of(url)
        };
        is_public(address) || self.entries.iter().any(named)
    }
}

impl Entry {
    fn names(&self, host: &str) -> bool {
        match &self.pattern {
            Pattern::Any => true,
            Pattern::Under(end) => host.ends_with(end.as_str()) && host.len() > end.len(),
            Pattern::Exact(name) => name == host,
        }
    }

    fn at_port_of(&self, url: &Url) -> bool {
        match self.port {
            None => url.port().is_none(),
            port => url.port_or_known_default() == port,
        }
    }
}

/// The host of an address without brackets, and without the dot that makes a name absolute.
pub(super) fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.').to_owned()
}

/// Written as the host of an address is, so that every spelling of a name or a number is the same.
fn entry(text: &str) -> Result<Entry, String> {
    let wrong =
        || format!("`hosts`: `{text}` is none of `docs.rs`, `*.python.org`, `localhost:8080`, `[::1]:8080` and `*`");
    let (any, under) = (text == "*", text.strip_prefix("*."));
    let name = match (any, under) {
        (true, _) => "any",
        (_, Some(rest)) => rest,
        _ => text,
    };
    if name.is_empty() || name.contains(['/', '@', '*', '?', '#', '\\', '%']) || name.contains(char::is_whitespace) {
        return Err(wrong());
    }
    // A scheme whose own port, which is left out, is not one of the web's.
    let url = Url::parse(&format!("ftp://{name}/")).map_err(|_| wrong())?;
    let port = url.port().or_else(|| name.ends_with(":21").then_some(21));
    let name = host(&url);
    let number = name.parse::<IpAddr>().is_ok();
    if name.is_empty() || (number && under.is_some()) {
        return Err(wrong());
    }
    let pattern = match (any, under) {
        (true, _) => Pattern::Any,
        (_, Some(_)) => Pattern::Under(format!(".{name}")),
        _ => Pattern::Exact(name),
    };
    Ok(Entry { pattern, port })
}

fn is_localhost(address: IpAddr) -> bool {
    address == IpAddr::V4(Ipv4Addr::LOCALHOST) || address == IpAddr::V6(Ipv6Addr::LOCALHOST)
}

/// Whether an address is of the public internet (IANA's registries of special-purpose addresses).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let own = match address.octets() {
        // This network, private, this machine, multicast and reserved.
        [0 | 10 | 127 | 224..=255, ..] => true,
        // Shared by the customers of a provider.
        [100, second, ..] => second & 0xc0 == 64,
        // Of the link: among them what clouds tell their machines.
        [169, 254, ..] => true,
        [172, second, ..] => second & 0xf0 == 16,
        // Protocols, documentation, private.
        [192, 0, 0 | 2, _] | [192, 168, ..] => true,
        // Relays that are no more.
        [192, 88, 99, _] => true,
        // Measurements, documentation.
        [198, 18 | 19, ..] | [198, 51, 100, _] | [203, 0, 113, _] => true,
        _ => false,
    };
    !own
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    // Addresses that stand for one of the older kind.
    if let Some(older) = address.to_ipv4_mapped() {
        return is_public_v4(older);
    }
    match address.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => is_public_v4(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low))),
        // Protocols and tunnels, documentation, tunnels again, documentation again.
        [0x2001, second, ..] => second >= 0x200 && second != 0xdb8,
        [0x2002, ..] => false,
        [0x3fff, second, ..] => second >= 0x1000,
        // All that is given out so far.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admits(hosts: &[&str], url: &str) -> bool {
        let hosts = Hosts::new(hosts.iter().map(|&host| host.to_owned()).collect()).unwrap();
        hosts.admit(&Url::parse(url).unwrap()).is_ok()
    }

    #[test]
    fn a_list_means_what_it_says() {
        for (entry, url, expected) in [
            ("docs.rs", "https://docs.rs/x", true),
            ("docs.rs", "http://docs.rs/x", true),
            ("docs.rs", "https://DOCS.rs./x", true),
            ("docs.rs", "https://docs.rs:443/x", true),
            ("docs.rs", "https://docs.rs:8443/x", false),
            ("docs.rs", "https://www.docs.rs/x", false),
            ("docs.rs", "https://docs.rs.evil.example/x", false),
            ("docs.rs", "https://evil.example/docs.rs", false),
            ("docs.rs", "https://docs.rs@evil.example/", false),
            ("docs.rs", "https://me@docs.rs/", false),
            ("docs.rs", "ftp://docs.rs/x", false),
            ("docs.rs", "file:///etc/passwd", false),
            ("docs.rs:8443", "https://docs.rs:8443/x", true),
            ("docs.rs:8443", "https://docs.rs/x", false),
            ("docs.rs:443", "https://docs.rs/x", true),
            ("docs.rs:443", "http://docs.rs/x", false),
            ("docs.rs:21", "http://docs.rs:21/x", true),
            ("docs.rs:21", "http://docs.rs/x", false),
            ("*.python.org", "https://docs.python.org/3", true),
            ("*.python.org", "https://a.b.python.org/", true),
            ("*.python.org", "https://python.org/", false),
            ("*.python.org", "https://evilpython.org/", false),
            ("*", "https://example.com/", true),
            ("*", "https://example.com:81/", false),
            ("bücher.example", "https://xn--bcher-kva.example/", true),
            ("127.0.0.1:80", "http://0x7f.1:81/", false),
            ("127.0.0.1", "http://0x7f.1/", true),
            ("127.0.0.1", "http://2130706433/", true),
            ("[::1]:90", "http://[0:0::1]:90/", true),
        ] {
            assert_eq!(admits(&[entry], url), expected, "{entry} and {url}");
        }
        assert!(!admits(&[], "https://docs.rs/"));
        for wrong in
            ["", " ", "https://docs.rs", "docs.rs/x", "a*.rs", "*.", "*.10.0.0.1", "me@docs.rs", "a b", "x:y", "%41.rs"]
        {
            let refused = Hosts::new(vec![wrong.to_owned()]).unwrap_err();
            assert!(refused.contains(&format!("`{wrong}`")), "{refused}");
        }
    }

    #[test]
    fn what_is_not_public_must_be_named_itself() {
        for own in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "127.9.9.9",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "fe80::1",
            "fc00::1",
            "fd12::1",
            "ff02::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
            "100::1",
            "::7f00:1",
        ] {
            let address: IpAddr = own.parse().unwrap();
            assert!(!is_public(address), "{own}");
            let anybody = Hosts::new(vec!["*".to_owned(), "example.com".to_owned()]).unwrap();
            let (plain, odd) = (Url::parse("http://x/").unwrap(), Url::parse("http://x:81/").unwrap());
            assert!(!anybody.reaches(address, &plain), "{own}");
            let written = if address.is_ipv6() { format!("[{own}]:81") } else { format!("{own}:81") };
            // An address that stands for another is that other one only where it is checked, not where it is named.
            let named = Hosts::new(vec![written]).unwrap();
            assert!(named.reaches(address, &odd) && !named.reaches(address, &plain), "{own}");
        }
        for public in [
            "1.1.1.1",
            "100.128.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "9.9.9.9",
            "223.255.255.254",
            "2606:4700::1111",
            "2001:4860::8888",
            "2a00::1",
            "::ffff:1.1.1.1",
            "64:ff9b::101:101",
        ] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
        let local = Hosts::new(vec!["localhost:80".to_owned()]).unwrap();
        let reaches =
            |address: &str| local.reaches(address.parse().unwrap(), &Url::parse("http://localhost/").unwrap());
        assert!(reaches("127.0.0.1") && reaches("::1") && !reaches("127.0.0.2"));
    }
}
