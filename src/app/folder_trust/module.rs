//! What a module does with its configuration. The built-in modules that can do more than compute are listed by name; whatever is not
//! listed, and may do more by its permissions, is asked about field by field: a new module cannot be forgotten.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    path::{Path, PathBuf},
};

use harness_host::Starting;
use harness_spec::Permission;
use serde_json::{Map, Value};
use url::{Host, Url};

use super::{super::bundle::digest_of, act::Act};

/// Where reading asks nothing: the folder that asks, and what this program keeps for the user.
#[derive(Debug, Clone, Copy)]
pub(super) struct Inside<'a>(pub &'a [PathBuf]);

impl Inside<'_> {
    /// The place of a path where it is there and lies outside, without links.
    fn outside(&self, path: &Path) -> Option<PathBuf> {
        let real = path.canonicalize().ok()?;
        let within = |folder: &&PathBuf| !folder.as_os_str().is_empty() && real.starts_with(folder);
        (!self.0.iter().any(|folder| within(&folder))).then_some(real)
    }
}

/// Places of programs and what comes with the system: what lies there is not the folder's to change.
const SYSTEM: [&str; 7] = ["/usr/", "/bin/", "/sbin/", "/lib/", "/lib64/", "/opt/", "/nix/store/"];
/// Permissions with which a module does more than compute.
const REACH: [Permission; 4] = [Permission::Fs, Permission::Net, Permission::Env, Permission::Exec];

/// What a module does when it is brought up and used; what its pack does by being run is another question.
pub(super) fn acts(starting: &Starting<'_>, inside: Inside<'_>) -> Vec<Act> {
    let module = format!("{}/{}", starting.pack, starting.manifest.name);
    let config = Fields(starting.config);
    // A pack from a file may call itself as it likes.
    match (starting.file, module.as_str()) {
        (None, "models/openai" | "models/anthropic") => server(config.text("base_url"), config.text("api_key_env")),
        (None, "mcp/server" | "mcp/shared_server") => mcp(config),
        (None, "tools/bash") => {
            let shown = config.texts("env").map(|variable| Act::Reveal { variable: variable.to_owned() });
            let read = config.texts("readable").filter_map(|path| inside.outside(Path::new(path)));
            let mut acts: Vec<Act> = shown.chain(read.map(|path| Act::Read { path })).collect();
            acts.extend(boxed(&module, config));
            acts
        }
        (None, "tools/fetch") => config.texts("hosts").map(|host| Act::Send { host: host.to_owned() }).collect(),
        // They work in the folder that a person names, and nowhere else.
        (None, "tools/read" | "tools/write" | "tools/edit" | "tools/glob" | "tools/grep") => Vec::new(),
        // A name alone is looked for in the working folder and its repository, which it does not leave.
        (None, "std/instructions") if Path::new(config.text("file")).components().count() == 1 => Vec::new(),
        (None, "tasks/workspace") => {
            let data = Path::new(config.text("data"));
            let mut acts = boxed(&module, config);
            acts.extend(inside.outside(data).map(|path| Act::Read { path }));
            acts.extend(scripts(data));
            acts
        }
        (None, "tasks/command") => {
            let mut acts = boxed(&module, config);
            let check = config.text("check");
            if !check.is_empty() {
                let (place, variables) = (PathBuf::from("the grader's check"), Vec::new());
                acts.push(Act::Scripts { place, sha256: super::act::sha256(check.as_bytes()), variables });
            }
            acts
        }
        _ => other(&module, starting, inside),
    }
}

/// What loosens the box that commands run in.
fn boxed(module: &str, config: Fields<'_>) -> Vec<Act> {
    let loose = (config.text("sandbox") == "none").then(|| Act::Unconfined { module: module.to_owned() });
    let network = config.0.get("network").and_then(Value::as_bool).unwrap_or_default();
    loose.into_iter().chain(network.then(|| Act::Network { module: module.to_owned() })).collect()
}

/// A server that is used, and the keys it is sent. One on this machine is named by its whole address: what answers there may do
/// something for whoever comes, and which program that is says the port, what it does the path. Where the path is where model servers
/// are asked, and nothing follows it, a file chooses no more than the port, and nobody is asked.
fn server(address: &str, key_variables: &str) -> Vec<Act> {
    let host = host(address);
    let names = key_variables.split(',').map(str::trim).filter(|name| !name.is_empty());
    let keys: Vec<Act> =
        names.map(|name| Act::Key { variable: name.to_owned(), host: host.clone().unwrap_or_default() }).collect();
    match (keys.is_empty(), host) {
        (false, _) => keys,
        (true, Some(host)) if !is_this_machine(&host) => vec![Act::Send { host }],
        (true, Some(_)) if is_usual(address) => Vec::new(),
        (true, _) => vec![Act::Send { host: address.to_owned() }],
    }
}

/// Whether an address is `http://HOST:PORT` or that with `/v1`, and nothing else.
fn is_usual(address: &str) -> bool {
    Url::parse(address.trim()).is_ok_and(|url| {
        let bare =
            url.query().is_none() && url.fragment().is_none() && url.username().is_empty() && url.password().is_none();
        bare && matches!(url.path(), "" | "/" | "/v1" | "/v1/")
    })
}

/// The host of an address, as the clients read it.
fn host(address: &str) -> Option<String> {
    Some(Url::parse(address.trim()).ok()?.host()?.to_owned()).map(|host| host.to_string())
}

fn is_this_machine(host: &str) -> bool {
    match Host::parse(host) {
        Ok(Host::Domain(name)) => name == "localhost",
        Ok(Host::Ipv4(address)) => IpAddr::from(address).is_loopback(),
        Ok(Host::Ipv6(address)) => IpAddr::from(address).is_loopback(),
        Err(_) => false,
    }
}

fn mcp(config: Fields<'_>) -> Vec<Act> {
    let command: Vec<String> = config.texts("command").map(str::to_owned).collect();
    if command.is_empty() {
        return server(config.text("url"), config.text("token_env"));
    }
    let folder = config.text("folder").to_owned();
    let files: BTreeMap<usize, String> = command
        .iter()
        .enumerate()
        .filter_map(|(place, word)| {
            let path = Path::new(&folder).join(word);
            let path = path.canonicalize().ok().filter(|path| path.is_file())?;
            let own = !SYSTEM.iter().any(|system| path.starts_with(system));
            // What cannot be read cannot be pinned either; it is named as it is.
            own.then(|| (place, digest_of(&path).unwrap_or_default()))
        })
        .collect();
    let variables = config.texts("env").map(str::to_owned).collect();
    vec![Act::Start { command, folder, variables, files }]
}

/// The scripts of tasks that are done in a folder.
pub(super) fn scripts(data: &Path) -> Option<Act> {
    let sha256 = harness_bench::digest_of_tasks(data).ok()?;
    let variables = bench_tasks::script_variables(data);
    Some(Act::Scripts { place: data.to_owned(), sha256, variables })
}

/// A module that is not listed: one that may only read is asked about paths that lie outside, one that may more about every field that
/// has another value than by default and is not for an evolver to change.
fn other(module: &str, starting: &Starting<'_>, inside: Inside<'_>) -> Vec<Act> {
    let permissions: Vec<Permission> =
        starting.manifest.permissions.iter().copied().filter(|one| REACH.contains(one)).collect();
    if permissions.is_empty() {
        return Vec::new();
    }
    let reads = permissions == [Permission::Fs];
    let set = starting.config.iter().filter(|(name, value)| {
        let field = starting.manifest.config.get(*name);
        field.is_none_or(|field| field.default.as_ref() != Some(value) && !field.tunable)
    });
    let act = |(field, value): (&String, &Value)| match (reads, value.as_str()) {
        (true, Some(path)) => inside.outside(Path::new(path)).map(|path| Act::Read { path }),
        (true, None) if !value.is_array() && !value.is_object() => None,
        _ => {
            let (module, field, value) = (module.to_owned(), field.clone(), value.clone());
            Some(Act::Configure { module, permissions: permissions.clone(), field, value })
        }
    };
    set.filter_map(act).collect()
}

/// The fields of a configuration.
#[derive(Clone, Copy)]
struct Fields<'a>(&'a Map<String, Value>);

impl<'a> Fields<'a> {
    fn text(self, name: &str) -> &'a str {
        self.0.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    fn texts(self, name: &str) -> impl Iterator<Item = &'a str> {
        self.0.get(name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_known_by_the_host_that_clients_speak_to() {
        let said = |address: &str, keys: &str| {
            server(address, keys).iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
        };
        for (address, keys, expected) in [
            ("http://127.0.0.1:8000/v1", "", ""),
            ("http://127.0.0.1:8000/kill", "", "sends tasks and conversations to http://127.0.0.1:8000/kill"),
            ("http://localhost:1/stop?", "", "sends tasks and conversations to \"http://localhost:1/stop?\""),
            ("http://[::1]:8000/v1", "", ""),
            ("http://[::1]:8000/v1?x", "", "sends tasks and conversations to \"http://[::1]:8000/v1?x\""),
            ("http://0x7f.1/v2", "", "sends tasks and conversations to http://0x7f.1/v2"),
            ("http://127.0.0.1.evil.example/v1", "", "sends tasks and conversations to 127.0.0.1.evil.example"),
            ("http://127.0.0.1:8000/v1", "K", "sends the key in $K to 127.0.0.1"),
            ("https://API.openai.com/v1", "K", "sends the key in $K to api.openai.com"),
            ("https://api.openai.com\\@evil.example/v1", "K", "sends the key in $K to api.openai.com"),
            ("https://api.openai.com@evil.example/v1", "K", "sends the key in $K to evil.example"),
            ("https://evil.example/?https://api.openai.com", "K", "sends the key in $K to evil.example"),
            ("https://a.example", "K, L", "sends the key in $K to a.example; sends the key in $L to a.example"),
            ("no address", "", "sends tasks and conversations to \"no address\""),
            ("no address", "K", "sends the key in $K to \"\""),
        ] {
            assert_eq!(said(address, keys), expected, "{address} {keys}");
        }
    }
}
