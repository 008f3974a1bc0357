//! `harness plugin sign`: a publisher's signature beside a pack. Refuses files that no host would admit.

use std::path::{Path, PathBuf};

use clap::Args;
use harness_host::signature_path;
use minisign::{PublicKey, SecretKey, SecretKeyBox};
use serde_json::json;

use super::Global;
use crate::{failure::Failure, output, replace::replace};

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
pub fn run(global: &Global, args: &SignArgs) -> Result<(), Failure> {
    let pack = harness_host::inspect(&args.file)?;
    let secret = secret(&args.key)?;
    let public = PublicKey::from_secret_key(&secret).map_err(Failure::new)?;
    let bytes = std::fs::read(&args.file)?;
    let said = format!("{} {} sha256:{}", pack.manifest.pack.name, pack.manifest.pack.version, pack.sha256);
    let signature =
        minisign::sign(Some(&public), &secret, bytes.as_slice(), Some(&said), None).map_err(Failure::new)?;
    let path = signature_path(&args.file);
    replace(&path, &signature.into_string())?;
    if global.json {
        return output::json(&json!({"signature": path, "key": public.to_base64(), "sha256": pack.sha256}));
    }
    output::line(format_args!("signed {said}\nwith the key {}\nin {}", public.to_base64(), path.display()))
}

fn secret(path: &Path) -> Result<SecretKey, Failure> {
    let bad = |error: &dyn std::fmt::Display| Failure::input(format!("secret key {}: {error}", path.display()));
    let text = std::fs::read_to_string(path)
        .map_err(|error| bad(&error).hint("`harness plugin keygen` makes a pair of keys"))?;
    let key = SecretKeyBox::from_string(&text).map_err(|error| bad(&error))?;
    key.into_unencrypted_secret_key()
        .map_err(|error| bad(&error).hint("a key with a password signs by `minisign -S -s KEY -m FILE.so`"))
}
