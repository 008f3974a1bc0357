//! `harness plugin trust`: lets a publisher's packs run inside this process, on this machine.

use clap::Args;
use harness::{
    App, Failure,
    app::pack::{TrustRequest, trust},
};

use crate::cli::{Global, output};

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
pub fn run(app: &App, global: &Global, args: TrustArgs) -> Result<(), Failure> {
    let trusted = trust(app, &TrustRequest { key: args.key, name: args.name })?;
    if global.json {
        return output::json(&trusted);
    }
    output::line(format_args!(
        "packs signed with {} ({}) run inside this process from now on\nthe policy is {}",
        trusted.key,
        trusted.name,
        trusted.policy.display()
    ))
}
