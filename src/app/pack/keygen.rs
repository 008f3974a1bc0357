//! A publisher's pair of keys, in minisign's files. Refuses to write over a key: packs signed with it could never be signed with it
//! again.

use std::path::{Path, PathBuf};

use harness_files::Access;
use minisign::KeyPair;
use serde::Serialize;

use crate::Failure;

/// A pair of keys that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Keys {
    /// The public key.
    pub key: String,
    /// The file of the secret key; it has no password.
    pub secret_file: PathBuf,
    /// The file of the public key.
    pub public_file: PathBuf,
}

/// Makes `PATH.key` and `PATH.pub`.
///
/// # Errors
///
/// A file is there already or cannot be written.
pub fn keygen(path: &Path) -> Result<Keys, Failure> {
    let [secret, public] = ["key", "pub"].map(|extension| path.with_added_extension(extension));
    let pair = KeyPair::generate_unencrypted_keypair().map_err(Failure::new)?;
    let key = pair.pk.to_base64();
    let texts = (pair.sk.to_box(None).map_err(Failure::new)?, pair.pk.to_box().map_err(Failure::new)?);
    write(&secret, Access::Private, &texts.0.into_string())?;
    write(&public, Access::Usual, &texts.1.into_string())?;
    Ok(Keys { key, secret_file: secret, public_file: public })
}

fn write(path: &Path, access: Access, text: &str) -> Result<(), Failure> {
    let written = harness_files::create(path, text.as_bytes(), access);
    written.map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => Failure::input(format!("{} is there already", path.display()))
            .hint("name another: harness plugin keygen PATH"),
        _ => Failure::new(format!("cannot write {}: {error}", path.display())),
    })
}
