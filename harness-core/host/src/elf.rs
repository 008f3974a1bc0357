//! Reads a pack's file without running a byte of it.

use object::{Architecture, Object, ObjectSection, ObjectSegment};
use sha2::Digest;

use crate::Refusal;

/// The section a pack keeps its manifest in.
pub const SECTION: &str = ".harness.manifest";

const HOST: (Architecture, &str) =
    if cfg!(target_arch = "aarch64") { (Architecture::Aarch64, "aarch64") } else { (Architecture::X86_64, "x86_64") };

/// The text of the manifest section of a shared library, once its headers hold together.
pub fn manifest(bytes: &[u8]) -> Result<String, Refusal> {
    let (need, have) = (section_table_end(bytes), bytes.len() as u64);
    if need > have {
        return Err(Refusal::Truncated { need, have });
    }
    let file = object::File::parse(bytes).map_err(|error| Refusal::NotElf(error.to_string()))?;
    if file.kind() != object::ObjectKind::Dynamic {
        return Err(Refusal::NotElf(format!("it is of kind {:?}", file.kind())));
    }
    if file.architecture() != HOST.0 {
        return Err(Refusal::Architecture { found: format!("{:?}", file.architecture()), host: HOST.1 });
    }
    // The dynamic linker maps segments without looking at the file's length: touching one past the end is SIGBUS.
    let need = file.segments().map(|segment| {
        let (offset, size) = segment.file_range();
        offset.saturating_add(size)
    });
    let need = need.max().unwrap_or(0);
    if need > have {
        return Err(Refusal::Truncated { need, have });
    }
    let section = file.section_by_name(SECTION).ok_or(Refusal::NotAPack)?;
    let text = section.data().map_err(|error| Refusal::NotElf(error.to_string()))?;
    String::from_utf8(text.to_vec()).map_err(|error| Refusal::Manifest(format!("it is not UTF-8: {error}")))
}

/// Where a 64-bit little-endian ELF file says its section table ends; 0 for anything else. Linkers put the table last, so
/// a file that was cut off is recognised by it before anything else of it is read.
fn section_table_end(bytes: &[u8]) -> u64 {
    let word = |at: usize| bytes.get(at..at + 2).map_or(0, |b| u64::from(u16::from_le_bytes([b[0], b[1]])));
    let table = bytes.get(0x28..0x30).and_then(|b| b.try_into().ok()).map_or(0, u64::from_le_bytes);
    if !bytes.starts_with(b"\x7fELF\x02\x01") {
        return 0;
    }
    table.saturating_add(word(0x3a) * word(0x3c))
}

/// SHA-256 in hex.
pub fn sha256(bytes: &[u8]) -> String {
    sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
