//! `harness plugin keygen`: a publisher's pair of keys, in minisign's files.

use std::path::PathBuf;

use clap::Args;
use harness::{Failure, app::pack::keygen};

use crate::cli::{Global, output};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  harness plugin keygen                makes publisher.key and publisher.pub here
  harness plugin keygen ~/keys/acme

The secret key has no password, so that a build can sign: keep it where only the build can read it. A key with a password
(`minisign -G`) serves as well; sign with it by `minisign -S`.")]
pub struct KeygenArgs {
    /// The files, without .key and .pub
    #[arg(value_name = "PATH", default_value = "publisher")]
    path: PathBuf,
}

/// Makes the keys.
pub fn run(global: &Global, args: &KeygenArgs) -> Result<(), Failure> {
    let keys = keygen(&args.path)?;
    if global.json {
        return output::json(&keys);
    }
    output::line(format_args!(
        "made {} (keep it secret) and {} (give it away)\nyour key is {}",
        keys.secret_file.display(),
        keys.public_file.display(),
        keys.key
    ))
}
