//! Both sides' reading of the protocol over bytes from anywhere: what a fuzzer calls, over the very channel and control socket
//! code that messages to children are made with. Never acts on what it reads.

use std::{
    fs::File,
    io::{Seek, Write},
    os::fd::{FromRawFd, OwnedFd},
};

use super::{
    channel::Channel,
    process::read_message,
    protocol::{Envelope, Event, Given, Reply, Request, Setup, Welcome},
};

/// Reads the frame as a `$type`. What was understood is said again, and what was said must be understood as the same: else the
/// function this stands in gives what differs. Gives the value, if there is one.
macro_rules! faithful {
    ($read:expr, $type:ty) => {
        match $read {
            Ok(value) => {
                let value: $type = value;
                let say = |value: &$type| rmp_serde::to_vec_named(value).map_err(|error| format!("{error}: {value:?}"));
                let said = say(&value)?;
                let again: $type = rmp_serde::from_slice(&said).map_err(|error| format!("{error}: {value:?}"))?;
                if say(&again)? != said {
                    return Err(format!("{value:?} was understood as {again:?}"));
                }
                Some(value)
            }
            Err(_) => None,
        }
    };
}

/// Reads `bytes` as a channel's, frame after frame, and each frame as everything it could be; gives how many frames there were. Their
/// beginning is read as a message of the control socket too.
///
/// # Errors
///
/// A message that does not mean the same when it is said again; and when the system has no memory to make a file of.
pub fn fuzz(bytes: &[u8]) -> Result<usize, String> {
    faithful!(read_message(&mut &*bytes), Setup);
    faithful!(read_message(&mut &*bytes), Welcome);
    let mut channel = channel(bytes).map_err(|error| format!("no channel: {error}"))?;
    let mut frames = 0;
    while channel.receive(None).is_ok_and(|there| there) {
        frames += 1;
        faithful!(channel.frame(), Given<'_>);
        // As far as values go before a module or the engine has them.
        match faithful!(channel.frame(), Event<'_>) {
            Some(Event::Done(Reply::Decisions(decisions))) => {
                decisions.into_iter().for_each(|decision| drop(decision.into_stored()));
            }
            Some(Event::Done(Reply::Failed(error))) => drop(harness_abi::ModuleError::from(error)),
            _ => {}
        }
        match faithful!(channel.frame(), Envelope<'_>).map(|envelope| envelope.request) {
            Some(Request::Hook(call)) => call.answers.into_iter().for_each(|answer| drop(answer.into_stored())),
            Some(Request::Score { items, extra, .. }) => drop(items.into_request(extra)),
            _ => {}
        }
    }
    Ok(frames)
}

/// A channel on which these bytes come, and then its end.
fn channel(bytes: &[u8]) -> std::io::Result<Channel> {
    // SAFETY: the name is a literal with its NUL.
    let memory = unsafe { libc::memfd_create(c"channel".as_ptr(), libc::MFD_CLOEXEC) };
    if memory < 0 {
        return Err(std::io::Error::last_os_error());
    }
    // SAFETY: the descriptor is fresh and nobody else's.
    let mut memory = unsafe { File::from_raw_fd(memory) };
    memory.write_all(bytes)?;
    memory.rewind()?;
    let nowhere = OwnedFd::from(File::options().write(true).open("/dev/null")?);
    Ok(Channel::new(memory.into(), nowhere))
}
