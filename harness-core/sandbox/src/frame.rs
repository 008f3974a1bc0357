//! Messages between host, supervisor and the process that becomes the command: a length, then so many bytes of JSON.

use std::io::{Error, Read, Result, Write};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{End, Job, Mechanism};

/// What this program is to be when it is started as a part of a sandbox.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Order {
    /// The supervisor of a command.
    Supervise(Job, Mechanism),
    /// The command itself, once confined.
    Become(Job, Mechanism),
}

/// What the supervisor says at the end.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Report {
    /// It ran.
    Ran { end: End },
    /// It did not.
    Refused(String),
}

/// Bytes of a message.
const MOST: u32 = 16 << 20;

pub(crate) fn write(mut to: impl Write, message: &impl Serialize) -> Result<()> {
    let body = serde_json::to_vec(message)?;
    let length = u32::try_from(body.len()).ok().filter(|length| *length <= MOST);
    let length = length.ok_or_else(|| Error::other("a command of more than 16 MiB"))?;
    to.write_all(&length.to_le_bytes())?;
    to.write_all(&body)
}

pub(crate) fn read<T: DeserializeOwned>(mut from: impl Read) -> Result<T> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let length = u32::from_le_bytes(length);
    if length > MOST {
        return Err(Error::other("a message beyond its limit"));
    }
    let mut body = vec![0; length as usize];
    from.read_exact(&mut body)?;
    Ok(serde_json::from_slice(&body)?)
}
