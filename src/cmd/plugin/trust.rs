//! `harness plugin trust`: lets a publisher's packs run inside this process, on this machine. Refuses to do so for a workspace.

use clap::Args;
use harness_spec::{Isolation, Publisher};
use serde_json::json;

use super::Global;
use crate::{failure::Failure, output, policy};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  harness plugin trust acme.pub --name Acme
  harness plugin trust RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3 --name Acme

A trusted publisher's packs run inside this process: they can do whatever you can. Everybody else's run in a child process that
may do what their permissions say. The policy is a file of this machine; `harness plugin trust` says which.")]
pub struct TrustArgs {
    /// The publisher's key, or their .pub file
    #[arg(value_name = "KEY|FILE.pub")]
    key: String,
    /// How you call the publisher
    #[arg(long)]
    name: String,
}

/// Writes it down.
pub fn run(global: &Global, args: &TrustArgs) -> Result<(), Failure> {
    let key = policy::key(&args.key)?;
    let path = policy::trust(Publisher { name: args.name.clone(), key: key.clone(), isolation: Isolation::InProcess })?;
    if global.json {
        return output::json(&json!({"policy": path, "name": args.name, "key": key}));
    }
    output::line(format_args!(
        "packs signed with {key} ({}) run inside this process from now on\nthe policy is {}",
        args.name,
        path.display()
    ))
}
