//! Which mechanism confines commands on this machine. Each is tried before it is chosen; refuses to fall back to none.

use std::{
    path::Path,
    process::{Command, Stdio},
    sync::OnceLock,
};

use serde::{Deserialize, Serialize};

use crate::{Mechanism, SandboxError, calls, files};

/// What a configuration asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// Bubblewrap where it works, else landlock, else an error.
    #[default]
    Auto,
    /// Bubblewrap or an error.
    Bubblewrap,
    /// Landlock or an error.
    Landlock,
    /// Nothing: commands run with the user's rights.
    None,
}

/// The mechanism for `choice`.
///
/// # Errors
///
/// If what was asked for does not work here, or nothing does.
pub fn choose(choice: Choice) -> Result<Mechanism, SandboxError> {
    let missing =
        |mechanism: Mechanism, why: &str| SandboxError::Missing { mechanism: mechanism.name(), why: why.into() };
    match choice {
        Choice::None => Ok(Mechanism::None),
        Choice::Bubblewrap => match bubblewrap() {
            Ok(()) => Ok(Mechanism::Bubblewrap),
            Err(why) => Err(missing(Mechanism::Bubblewrap, why)),
        },
        Choice::Landlock => match landlock() {
            Ok(()) => Ok(Mechanism::Landlock),
            Err(why) => Err(missing(Mechanism::Landlock, why)),
        },
        Choice::Auto => match (bubblewrap(), landlock()) {
            (Ok(()), _) => Ok(Mechanism::Bubblewrap),
            (_, Ok(())) => Ok(Mechanism::Landlock),
            (Err(bubblewrap), Err(landlock)) => {
                Err(SandboxError::Nothing { bubblewrap: bubblewrap.clone(), landlock: landlock.clone() })
            }
        },
    }
}

/// Where it is installed: looked for in the system's folders alone, not in the user's search path.
const PLACES: &[&str] = &["/usr/bin/bwrap", "/usr/local/bin/bwrap", "/bin/bwrap"];

pub(crate) fn bwrap() -> Option<&'static str> {
    PLACES.iter().copied().find(|place| Path::new(place).exists())
}

/// Whether bubblewrap is there and is let make namespaces; tried once.
fn bubblewrap() -> Result<(), &'static String> {
    static TRIED: OnceLock<Result<(), String>> = OnceLock::new();
    let attempt = || {
        let program = bwrap().ok_or_else(|| "it is not installed".to_owned())?;
        let mut command = Command::new(program);
        command.args(["--unshare-all", "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "--", "/bin/true"]);
        let tried = command.env_clear().stdin(Stdio::null()).output().map_err(|error| error.to_string())?;
        match tried.status.success() {
            true => Ok(()),
            false => Err(String::from_utf8_lossy(&tried.stderr).lines().next().unwrap_or("it fails").to_owned()),
        }
    };
    TRIED.get_or_init(attempt).as_ref().copied()
}

/// Whether the kernel can confine files and system calls.
fn landlock() -> Result<(), &'static String> {
    static TRIED: OnceLock<Result<(), String>> = OnceLock::new();
    TRIED.get_or_init(|| files::possible().and_then(|()| calls::possible())).as_ref().copied()
}
