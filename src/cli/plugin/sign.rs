//! `harness plugin sign`: a publisher's signature beside a pack.

use std::path::PathBuf;

use clap::Args;
use harness::{
    Failure,
    app::pack::{SignRequest, sign},
};

use crate::cli::{Global, output};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  harness plugin sign target/release/libmy_pack.so --key publisher.key

The signature is FILE.minisig; ship both. `minisign -Vm FILE -p publisher.pub` verifies it without this program.")]
pub struct SignArgs {
    /// The pack
    #[arg(value_name = "FILE.so")]
    file: PathBuf,
    /// Your secret key, of `harness plugin keygen`
    #[arg(long, value_name = "FILE.key")]
    key: PathBuf,
}

/// Signs the pack.
pub fn run(global: &Global, args: SignArgs) -> Result<(), Failure> {
    let signed = sign(&SignRequest { file: args.file, key: args.key })?;
    if global.json {
        return output::json(&signed);
    }
    output::line(format_args!(
        "signed {}\nwith the key {}\nin {}",
        signed.comment,
        signed.key,
        signed.signature.display()
    ))
}
