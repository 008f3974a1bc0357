//! Variables of Harbor's tasks: `${NAME}` and `${NAME:-default}`, as the whole value, stand for variables of this machine; anything else
//! is the value itself. Values come in where a script is run, never where a task is read, and are taken out of what it says.

use std::{collections::BTreeMap, ffi::OsString};

/// The variable that a value stands for, and what it is if there is none.
pub(super) fn template(value: &str) -> Option<(&str, Option<&str>)> {
    let inner = value.strip_prefix("${")?.strip_suffix('}')?;
    let (name, default) = inner.split_once(":-").map_or((inner, None), |(name, default)| (name, Some(default)));
    (!name.is_empty() && !name.contains(['}', ':'])).then_some((name, default))
}

/// Variables of a script with their values.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Resolved {
    /// By name.
    pub env: BTreeMap<String, String>,
    /// Values that came from this machine, and their names there.
    secrets: Vec<(String, String)>,
}

/// Letters that a value must have to be taken out of a text: shorter ones stand there by chance.
const SHORTEST: usize = 6;

/// Resolves `env`; `machine` reads this machine's variables.
///
/// # Errors
///
/// A variable that is not set and has no default, or is not UTF-8.
pub(super) fn resolve(
    env: &BTreeMap<String, String>,
    machine: impl Fn(&str) -> Option<OsString>,
) -> Result<Resolved, String> {
    let mut resolved = Resolved::default();
    for (key, value) in env {
        let value = match template(value) {
            None => value.clone(),
            Some((name, default)) => match (machine(name), default) {
                (Some(found), _) => {
                    let value = found.into_string().map_err(|_| {
                        format!("{key} = \"{value}\" needs the environment variable {name}, which is not UTF-8")
                    })?;
                    resolved.secrets.push((value.clone(), name.to_owned()));
                    value
                }
                (None, Some(default)) => default.to_owned(),
                (None, None) => {
                    return Err(format!("{key} = \"{value}\" needs the environment variable {name}, which is not set"));
                }
            },
        };
        resolved.env.insert(key.clone(), value);
    }
    Ok(resolved)
}

impl Resolved {
    /// The text without the values that came from this machine.
    pub fn redact(&self, text: &str) -> String {
        let long = self.secrets.iter().filter(|(value, _)| value.len() >= SHORTEST);
        long.fold(text.to_owned(), |text, (value, name)| text.replace(value, &format!("[${name}]")))
    }
}

/// A variable of this machine.
pub(super) fn machine(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt;

    use super::*;

    #[test]
    fn whole_values_are_variables_and_others_are_themselves() {
        let machine = |name: &str| match name {
            "HOST" => Some("secret value".into()),
            "EMPTY" => Some(OsString::new()),
            "BYTES" => Some(OsString::from_vec(vec![0xFF])),
            _ => None,
        };
        let resolved = |value: &str| {
            let env = BTreeMap::from([("KEY".to_owned(), value.to_owned())]);
            resolve(&env, machine).map(|mut resolved| resolved.env.remove("KEY").unwrap_or_default())
        };
        for (value, expected) in [
            ("${HOST}", "secret value"),
            ("${HOST:-other}", "secret value"),
            ("${NONE:-fast}", "fast"),
            ("${NONE:-}", ""),
            ("${NONE:-a}b}", "a}b"),
            ("${EMPTY:-fast}", ""),
            ("plain", "plain"),
            ("$HOST", "$HOST"),
            ("a ${HOST}", "a ${HOST}"),
            ("${}", "${}"),
        ] {
            assert_eq!(resolved(value), Ok(expected.to_owned()), "{value}");
        }
        assert!(resolved("${BYTES:-x}").unwrap_err().contains("BYTES, which is not UTF-8"));
        assert!(resolved("${NONE}").unwrap_err().contains("needs the environment variable NONE"));
        let env = BTreeMap::from([("A".to_owned(), "${HOST}".to_owned()), ("B".to_owned(), "plain text".to_owned())]);
        let found = resolve(&env, machine).unwrap();
        assert_eq!(found.redact("A=secret value B=plain text"), "A=[$HOST] B=plain text");
    }
}
