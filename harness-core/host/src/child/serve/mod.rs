//! The child's side: confines itself, loads one pack, answers calls until its host is gone. Refuses to do anything before
//! it is confined.

mod context;
mod drop_thread;
mod instances;
mod perform;
mod shared;
mod sinks;

use std::{
    fs::File,
    os::fd::{AsFd, OwnedFd},
    path::Path,
    sync::{Arc, Mutex},
};

use self::{
    drop_thread::DropThread,
    instances::Instances,
    perform::perform,
    shared::{SharedChannel, leave, locked},
};
use super::{
    channel::Channel,
    passing,
    process::{read_message, write_message},
    protocol::{Envelope, Event, Reply, Setup, Welcome},
    sandbox,
};
use crate::{load, pack_root::PackRoot};

/// Why a child cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Nobody speaks to it.
    #[error("standard input is no control socket ({0}); the host starts this by itself")]
    Control(std::io::Error),
    /// It told its host why.
    #[error("{0}")]
    Refused(String),
}

/// Serves the host that started this process, and leaves the process when the host is gone.
///
/// # Errors
///
/// When there is no host, or the pack cannot be run.
pub fn serve() -> Result<std::convert::Infallible, ServeError> {
    let control = std::io::stdin().as_fd().try_clone_to_owned().map_err(ServeError::Control)?;
    let mut control = File::from(control);
    let setup: Setup = read_message(&mut control).map_err(ServeError::Control)?;
    let ready = prepare(&setup);
    let welcome = match &ready {
        Ok(_) => Welcome::Ready,
        Err(reason) => Welcome::Refused(reason.clone()),
    };
    write_message(&mut control, &welcome).map_err(ServeError::Control)?;
    let pack = ready.map_err(ServeError::Refused)?;
    let instances = Arc::new(Instances::new(DropThread::new(setup.drop_millis)));
    while let Ok(Some([from, to])) = passing::receive(&control) {
        let instances = instances.clone();
        std::thread::spawn(move || answer(pack, &instances, from, to));
    }
    leave()
}

fn prepare(setup: &Setup) -> Result<PackRoot, String> {
    sandbox::enter(setup)?;
    let copy = Path::new(&setup.copy);
    let root = load::link(copy).map_err(|refusal| refusal.to_string())?;
    // A pack in C says what it is in its section alone.
    if let PackRoot::Rust(pack) = root
        && (pack.manifest())().as_str() != setup.manifest
    {
        return Err(crate::Refusal::TwoFaced.to_string());
    }
    sandbox::seal(setup)?;
    Ok(root)
}

/// Answers the calls of one channel, one after another.
fn answer(pack: PackRoot, instances: &Instances, from: OwnedFd, to: OwnedFd) {
    let channel: SharedChannel = Arc::new(Mutex::new(Channel::new(from, to)));
    // SAFETY: asks for a number.
    say(&channel, Event::Serves { thread: unsafe { libc::gettid() } });
    let mut call = Vec::new();
    loop {
        {
            let mut channel = locked(&channel);
            // The host gave this channel up; the process ends with the control socket.
            if !matches!(channel.receive(None), Ok(true)) {
                return;
            }
            // The channel goes on to carry what the call needs, so the request moves out of it.
            call.clear();
            call.extend_from_slice(channel.body());
        }
        let reply = match rmp_serde::from_slice::<Envelope<'_>>(&call) {
            Ok(envelope) => {
                instances.drop_all(&envelope.dropped);
                perform(pack, instances, &channel, envelope.request)
            }
            Err(error) => harness_abi::ModuleError::fault(format_args!("a call that does not parse: {error}")).into(),
        };
        say(&channel, Event::Done(reply));
        if call.capacity() > 1 << 20 {
            call = Vec::new();
        }
    }
}

/// Writes an answer; one that cannot cross becomes an error that can.
fn say(channel: &SharedChannel, event: Event<'_>) {
    use super::channel::ChannelError;
    let mut channel = locked(channel);
    match channel.send(&event, None) {
        Ok(()) => {}
        Err(ChannelError::Unencodable(why)) => {
            let error =
                harness_abi::ModuleError::unsupported(format_args!("its answer cannot leave its process: {why}"));
            if channel.send(&Event::Done(Reply::from(error)), None).is_err() {
                leave();
            }
        }
        Err(_) => leave(),
    }
}
