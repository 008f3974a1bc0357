//! Signatures of packs: minisign's, in a file beside the pack. Refuses signatures that do not hold, and those of minisign's old
//! form, which signs the file instead of its hash.

use std::path::{Path, PathBuf};

use harness_spec::PublicKey;
use minisign_verify::{Error, Signature};

use crate::Refusal;

/// Most bytes of a signature.
const MOST_BYTES: u64 = 64 << 10;

/// Who signed a pack.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Signer {
    /// Nobody: there is no signature beside it.
    #[default]
    Nobody,
    /// A key that nobody here knows, so that nothing is known of the signature either.
    Stranger,
    /// This key, and the signature holds.
    Key(PublicKey),
}

impl Signer {
    /// The key, where it is known.
    pub fn key(&self) -> Option<&PublicKey> {
        match self {
            Self::Key(key) => Some(key),
            Self::Nobody | Self::Stranger => None,
        }
    }
}

/// Where the signature of a file is: `FILE.minisig`.
pub fn signature_path(file: &Path) -> PathBuf {
    let mut path = file.as_os_str().to_owned();
    path.push(".minisig");
    path.into()
}

/// Who of those whose keys are known signed `bytes`, the content of `file`.
///
/// # Errors
///
/// [`Refusal::Signature`] when the signature cannot be read, or is one of a known key and does not hold.
pub fn signer<'a>(
    file: &Path,
    bytes: &[u8],
    known: impl IntoIterator<Item = &'a PublicKey>,
) -> Result<Signer, Refusal> {
    let text = match harness_files::read_text(&signature_path(file), MOST_BYTES) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Signer::Nobody),
        Err(error) => return Err(Refusal::Signature(format!("it cannot be read: {error}"))),
    };
    let bad = |error: Error| Refusal::Signature(error.to_string());
    let signature = Signature::decode(&text).map_err(bad)?;
    for key in known {
        let public = minisign_verify::PublicKey::from_base64(key.as_str()).map_err(bad)?;
        match public.verify(bytes, &signature, false) {
            Ok(()) => return Ok(Signer::Key(key.clone())),
            Err(Error::UnexpectedKeyId) => {}
            Err(Error::InvalidSignature) => {
                return Err(Refusal::Signature(format!(
                    "it was made with the key {key}, and the file is not the one that was signed"
                )));
            }
            Err(error) => return Err(bad(error)),
        }
    }
    Ok(Signer::Stranger)
}
