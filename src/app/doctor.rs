//! What is missing on this machine, and the command that mends it. Looks, and changes nothing.

use std::{
    net::{TcpStream, ToSocketAddrs},
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use harness_sandbox::Choice;
use harness_trace::Store;
use serde::{Deserialize, Serialize};

use super::{App, model, pack};
use crate::{Failure, policy};

/// How long a server of models has to take a connection.
const PATIENCE: Duration = Duration::from_secs(2);
/// Free bytes below which downloads and records are soon refused.
const LITTLE: u64 = 1 << 30;

/// How it stands with one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// It works.
    Good,
    /// It is not there, and not everybody needs it.
    Optional,
    /// It is not there, and what the documentation begins with needs it.
    Missing,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What: `packs`, `model`, `sandbox`.
    pub about: String,
    /// How it stands.
    pub health: Health,
    /// What was found.
    pub says: String,
    /// The command, or the thing to do, that mends it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mend: Option<String>,
}

impl Finding {
    fn new(about: &str, health: Health, says: impl Into<String>, mend: Option<&str>) -> Self {
        Self { about: about.to_owned(), health, says: says.into(), mend: mend.map(str::to_owned) }
    }

    fn good(about: &str, says: impl Into<String>) -> Self {
        Self::new(about, Health::Good, says, None)
    }

    fn failed(about: &str, failure: &Failure) -> Self {
        Self::new(about, Health::Missing, failure.message(), failure.advice())
    }
}

/// Looks at everything: packs, models, keys and servers, sandbox, downloads, record, disk.
pub fn doctor(app: &App) -> Vec<Finding> {
    let mut found = vec![Finding::good("program", format!("harness {}", env!("CARGO_PKG_VERSION")))];
    found.extend(packs(app));
    found.push(weights(app));
    found.extend(servers(app));
    found.push(sandbox());
    found.push(downloads());
    found.push(record(app));
    let mut disks = vec![("disk of the workspace", app.workspace().folder().to_owned())];
    disks.push(("disk of the cache", app.workspace().cache()));
    found.extend(disks.iter().filter_map(|(about, folder)| disk(about, folder)));
    found
}

/// Packs that are installed, and files that lie among them and are refused.
fn packs(app: &App) -> Vec<Finding> {
    if let Err(failure) = policy::policy(app.workspace()) {
        return vec![Finding::failed("policy", &failure)];
    }
    let listed = match pack::list(app) {
        Ok(listed) => listed,
        Err(failure) => return vec![Finding::failed("packs", &failure)],
    };
    let files: Vec<&str> =
        listed.packs.iter().filter(|pack| pack.path.is_some()).map(|pack| pack.name.as_str()).collect();
    let mut found = Vec::new();
    if files.contains(&"gguf") {
        found.push(Finding::good("packs", files.join(", ")));
    } else {
        let searched: Vec<String> = listed.searched.iter().map(|folder| folder.display().to_string()).collect();
        let have = if files.is_empty() { "none".to_owned() } else { files.join(", ") };
        let says =
            format!("{have}; without the pack gguf no model runs on this machine (searched: {})", searched.join(", "));
        let mend = "install the program from its archive or wheel, which bring the packs; in a checkout: cargo xtask plugin gguf";
        found.push(Finding::new("packs", Health::Missing, says, Some(mend)));
    }
    for refused in &listed.refused {
        found.push(Finding::new("packs", Health::Optional, &refused.text, Some("harness plugin list")));
    }
    found
}

/// Weights that are on this machine.
fn weights(app: &App) -> Finding {
    let here: Vec<String> =
        model::list(app).into_iter().filter(|model| model.pulled == Some(true)).map(|model| model.name).collect();
    if here.is_empty() {
        let says = "no weights are on this machine";
        return Finding::new("model", Health::Missing, says, Some("harness model pull smollm2"));
    }
    Finding::good("model", here.join(", "))
}

/// Keys and servers of models: whether a key is set, never what it is; whether an address that is set takes a connection.
fn servers(app: &App) -> Vec<Finding> {
    let workspace = app.workspace();
    let mut found = Vec::new();
    for (name, key, address) in
        [("openai", "OPENAI_API_KEY", "OPENAI_BASE_URL"), ("anthropic", "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL")]
    {
        let has_key = workspace.var_os(key).is_some_and(|value| !value.is_empty());
        let address = match workspace.var(address) {
            Ok(address) => address,
            Err(error) => {
                found.push(Finding::new(name, Health::Missing, error.to_string(), None));
                continue;
            }
        };
        let mend = format!("export {key}=…, if you use it");
        found.push(match (address, has_key) {
            (Some(address), _) => server(name, address),
            (None, true) => Finding::good(name, format!("${key} is set")),
            (None, false) => Finding::new(name, Health::Optional, format!("${key} is not set"), Some(&mend)),
        });
    }
    found
}

/// Whether the server at this address takes a connection.
fn server(name: &str, address: &str) -> Finding {
    let place = url::Url::parse(address).ok().and_then(|url| {
        let port = url.port_or_known_default()?;
        Some((url.host_str()?.trim_matches(['[', ']']).to_owned(), port))
    });
    let Some((host, port)) = place else {
        let says = "the address that is set for it is none";
        return Finding::new(name, Health::Missing, says, Some("set it to http://HOST:PORT/v1"));
    };
    let reached = (host.as_str(), port).to_socket_addrs().map_err(|error| error.to_string()).and_then(|all| {
        let mut last = format!("{host} has no address");
        for place in all {
            match TcpStream::connect_timeout(&place, PATIENCE) {
                Ok(_) => return Ok(()),
                Err(error) => last = error.to_string(),
            }
        }
        Err(last)
    });
    match reached {
        Ok(()) => Finding::good(name, format!("{host}:{port} takes connections")),
        Err(why) => {
            let mend = "start the server, or set another address";
            Finding::new(name, Health::Missing, format!("{host}:{port} cannot be reached: {why}"), Some(mend))
        }
    }
}

/// What confines commands of models.
fn sandbox() -> Finding {
    match harness_sandbox::choose(Choice::Auto) {
        Ok(mechanism) => Finding::good("sandbox", mechanism.name()),
        Err(error) => Finding::new(
            "sandbox",
            Health::Optional,
            format!("commands of models cannot be confined, so they are not run: {error}"),
            Some("sudo apt install bubblewrap, or a kernel with Landlock"),
        ),
    }
}

/// What fetches wheels.
fn downloads() -> Finding {
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "--version"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    if pip.status().is_ok_and(|status| status.success()) {
        return Finding::good("downloads", "python3 with pip");
    }
    let says =
        "python3 with pip is not there: weights and data that are published as Python packages cannot be fetched";
    Finding::new("downloads", Health::Optional, says, Some("sudo apt install python3-pip"))
}

/// The workspace's record, if there is one.
fn record(app: &App) -> Finding {
    let path = app.workspace().record();
    if !path.exists() {
        return Finding::good("record", format!("none yet; {} is made by the first run", path.display()));
    }
    match Store::read(&path).and_then(|store| store.runs()) {
        Ok(runs) => Finding::good("record", format!("{}, {} runs", path.display(), runs.len())),
        Err(error) => {
            let mend = "move it away and begin a new one, or bring back a copy; if a newer program made it, use that";
            Finding::new("record", Health::Missing, format!("{}: {error}", path.display()), Some(mend))
        }
    }
}

/// Free room where this folder is, or will be.
fn disk(about: &str, folder: &Path) -> Option<Finding> {
    let there = folder.ancestors().find(|place| place.is_dir()).unwrap_or(Path::new("."));
    let status = rustix::fs::statvfs(there).ok()?;
    let free = status.f_bavail.saturating_mul(status.f_frsize);
    let says = format!("{:.1} GB free at {}", free as f64 / 1e9, there.display());
    Some(if free < LITTLE {
        Finding::new(
            about,
            Health::Missing,
            says,
            Some("make room: a model takes 0.1 to 1.2 GB, a record grows with its runs"),
        )
    } else {
        Finding::good(about, says)
    })
}
