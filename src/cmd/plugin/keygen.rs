//! `harness plugin keygen`: a publisher's pair of keys, in minisign's files. Refuses to write over a key: packs signed with it could
//! never be signed with it again.

use std::path::{Path, PathBuf};

use clap::Args;
use harness_files::Access;
use minisign::KeyPair;
use serde_json::json;

use super::Global;
use crate::{failure::Failure, output};

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
    let [secret, public] = ["key", "pub"].map(|extension| args.path.with_added_extension(extension));
    let pair = KeyPair::generate_unencrypted_keypair().map_err(Failure::new)?;
    let key = pair.pk.to_base64();
    let texts = (pair.sk.to_box(None).map_err(Failure::new)?, pair.pk.to_box().map_err(Failure::new)?);
    write(&secret, Access::Private, &texts.0.into_string())?;
    write(&public, Access::Usual, &texts.1.into_string())?;
    if global.json {
        return output::json(&json!({"key": key, "secret_file": secret, "public_file": public}));
    }
    output::line(format_args!(
        "made {} (keep it secret) and {} (give it away)\nyour key is {key}",
        secret.display(),
        public.display()
    ))
}

fn write(path: &Path, access: Access, text: &str) -> Result<(), Failure> {
    let written = harness_files::create(path, text.as_bytes(), access);
    written.map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => Failure::input(format!("{} is there already", path.display()))
            .hint("name another: harness plugin keygen PATH"),
        _ => Failure::new(format!("cannot write {}: {error}", path.display())),
    })
}
