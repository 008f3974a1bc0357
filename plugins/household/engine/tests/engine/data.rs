//! Real games and transcripts, when they lie beside the workspace.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;

/// The folder of recorded games, or `None` with the reason printed.
pub fn folder() -> Option<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../../shared/data/alfworld");
    if folder.join("games.tar.xz").is_file() {
        return Some(folder);
    }
    println!("skipped: no recorded games in ../shared/data/alfworld");
    None
}

fn unpack(path: PathBuf) -> Vec<u8> {
    let mut packed = std::io::BufReader::new(std::fs::File::open(path).unwrap());
    let mut data = Vec::new();
    lzma_rs::xz_decompress(&mut packed, &mut data).unwrap();
    data
}

/// Every game file by its path.
pub fn games() -> Option<BTreeMap<String, String>> {
    let data = unpack(folder()?.join("games.tar.xz"));
    let mut archive = tar::Archive::new(data.as_slice());
    let mut games = BTreeMap::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().to_string_lossy().into_owned();
        if path.ends_with("game.tw-pddl") {
            let mut json = String::new();
            entry.read_to_string(&mut json).unwrap();
            games.insert(path.trim_start_matches("./").to_owned(), json);
        }
    }
    Some(games)
}

/// The recorded transcripts, one JSON object per line.
pub fn transcripts() -> Option<String> {
    Some(String::from_utf8(unpack(folder()?.join("transcripts.jsonl.xz"))).unwrap())
}
