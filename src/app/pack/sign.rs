//! A publisher's signature beside a pack. Refuses files that no host would admit.

use std::path::{Path, PathBuf};

use harness_host::signature_path;
use minisign::{PublicKey, SecretKey, SecretKeyBox};
use serde::{Deserialize, Serialize};

use crate::{Failure, replace::replace};

/// A pack, and whose key signs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignRequest {
    /// The pack's file.
    pub file: PathBuf,
    /// The file of a secret key without a password, as [`keygen`](super::keygen) makes it.
    pub key: PathBuf,
}

/// A signature that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Signed {
    /// Its file.
    pub signature: PathBuf,
    /// The public key it can be checked with.
    pub key: String,
    /// Of the pack's file.
    pub sha256: String,
    /// What it says beside the signature: name, version and digest of the pack.
    #[serde(skip)]
    pub comment: String,
}

/// Signs the pack.
///
/// # Errors
///
/// The file is no pack, the key cannot be read, or the signature cannot be written.
pub fn sign(request: &SignRequest) -> Result<Signed, Failure> {
    // Beside the file itself, also where the folder that was named is a link: build folders often are.
    let file = request.file.canonicalize().unwrap_or_else(|_| request.file.clone());
    let pack = harness_host::inspect(&file)?;
    let secret = secret(&request.key)?;
    let public = PublicKey::from_secret_key(&secret).map_err(Failure::new)?;
    let bytes = std::fs::read(&file)?;
    let comment = format!("{} {} sha256:{}", pack.manifest.pack.name, pack.manifest.pack.version, pack.sha256);
    let signature =
        minisign::sign(Some(&public), &secret, bytes.as_slice(), Some(&comment), None).map_err(Failure::new)?;
    replace(&signature_path(&file), &signature.into_string())?;
    Ok(Signed { signature: signature_path(&request.file), key: public.to_base64(), sha256: pack.sha256, comment })
}

fn secret(path: &Path) -> Result<SecretKey, Failure> {
    let bad = |error: &dyn std::fmt::Display| Failure::input(format!("secret key {}: {error}", path.display()));
    let text = std::fs::read_to_string(path)
        .map_err(|error| bad(&error).hint("`harness plugin keygen` makes a pair of keys"))?;
    let key = SecretKeyBox::from_string(&text).map_err(|error| bad(&error))?;
    key.into_unencrypted_secret_key()
        .map_err(|error| bad(&error).hint("a key with a password signs by `minisign -S -s KEY -m FILE.so`"))
}
