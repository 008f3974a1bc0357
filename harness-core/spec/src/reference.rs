//! How a harness names a module: `pack/module` or `pack/module@1.2.3`. Refuses names a file path or a shell could misread.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A version, three numbers; ordered as such. Pre-release tags are refused: what is installed is released.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Version {
    /// Incompatible changes.
    pub major: u64,
    /// Additions.
    pub minor: u64,
    /// Corrections.
    pub patch: u64,
}

/// A module of a pack, by name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ModuleRef {
    /// The pack's name; the built-in pack is `std`.
    pub pack: String,
    /// The module's name within its pack.
    pub module: String,
    /// The pack's version; `None` is the highest installed.
    pub version: Option<Version>,
}

/// A name that is not of the required form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Not three numbers with dots.
    #[error("`{0}` is not a version; write MAJOR.MINOR.PATCH, for example `1.0.0`")]
    Version(String),
    /// Not `pack/module`.
    #[error(
        "`{0}` is not a module reference; write `pack/module` or `pack/module@1.2.3`, for example `std/loop_guard`"
    )]
    Reference(String),
    /// Characters outside the allowed set.
    #[error("`{0}` is not a valid name; use letters, digits, `_`, `-`, starting with a letter")]
    Name(String),
}

/// Whether `name` may name a pack, a module, a role, an id or a config field: ASCII letters, digits, `_` and `-`, a letter first.
pub fn valid_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

impl ModuleRef {
    /// A reference to the highest installed version.
    ///
    /// # Errors
    ///
    /// When a name is none: what characters it may have.
    pub fn new(pack: &str, module: &str) -> Result<Self, NameError> {
        format!("{pack}/{module}").parse()
    }
}

impl FromStr for Version {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let numbers: Option<Vec<u64>> =
            text.split('.').map(|part| part.parse().ok().filter(|n: &u64| n.to_string() == part)).collect();
        match numbers.as_deref() {
            Some(&[major, minor, patch]) => Ok(Self { major, minor, patch }),
            _ => Err(NameError::Version(text.to_owned())),
        }
    }
}

impl FromStr for ModuleRef {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let (path, version) = match text.split_once('@') {
            Some((path, version)) => (path, Some(version.parse()?)),
            None => (text, None),
        };
        match path.split_once('/') {
            Some((pack, module)) if valid_name(pack) && valid_name(module) => {
                Ok(Self { pack: pack.to_owned(), module: module.to_owned(), version })
            }
            _ => Err(NameError::Reference(text.to_owned())),
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl fmt::Display for ModuleRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.pack, self.module)?;
        match self.version {
            Some(version) => write!(f, "@{version}"),
            None => Ok(()),
        }
    }
}

impl TryFrom<String> for Version {
    type Error = NameError;
    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl From<Version> for String {
    fn from(version: Version) -> Self {
        version.to_string()
    }
}

impl TryFrom<String> for ModuleRef {
    type Error = NameError;
    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl From<ModuleRef> for String {
    fn from(reference: ModuleRef) -> Self {
        reference.to_string()
    }
}
