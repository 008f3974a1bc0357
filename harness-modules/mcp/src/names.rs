//! The names under which tools are offered to models: the server's name, two underscores, the tool's name. Servers may use letters and
//! lengths that models refuse; such a name is changed, and no two tools get one name.

use std::collections::HashMap;

/// Characters of a name that every model takes.
const LONGEST: usize = 64;

/// A name for each tool of `server`, in their order.
pub fn offered(server: &str, tools: &[&str]) -> Vec<String> {
    let whole: Vec<String> = tools.iter().map(|tool| format!("{server}__{tool}")).collect();
    let taken: Vec<String> = whole.iter().map(|name| cut(&replaced(name), LONGEST)).collect();
    let mut times = HashMap::<&str, usize>::new();
    taken.iter().for_each(|name| *times.entry(name).or_default() += 1);
    let named = |(whole, taken): (&String, &String)| match whole == taken || times.get(taken.as_str()) == Some(&1) {
        true => taken.clone(),
        // Names that became alike are told apart by what they were.
        false => format!("{}_{:08x}", cut(taken, LONGEST - 9), fingerprint(whole)),
    };
    whole.iter().zip(&taken).map(named).collect()
}

fn replaced(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect()
}

/// All characters are ASCII by now.
fn cut(name: &str, most: usize) -> String {
    name.chars().take(most).collect()
}

/// FNV-1a of 32 bits: the same on every machine and for ever.
fn fingerprint(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tool_has_a_name_that_models_take() {
        assert_eq!(offered("s", &["read", "read-all", "a_b"]), ["s__read", "s__read-all", "s__a_b"]);
        assert_eq!(offered("s", &["files.read", "files/list"]), ["s__files_read", "s__files_list"]);
        let long = "x".repeat(100);
        let other = format!("{}y", "x".repeat(99));
        let names = offered("s", &["a.b", "a/b", "a_b", &long, &other]);
        assert_eq!(names[2], "s__a_b", "a name that needs no change keeps it");
        let mut unique = names.clone();
        unique.sort();
        unique.dedup();
        assert_eq!(unique.len(), names.len(), "{names:?}");
        assert!(names.iter().all(|name| name.len() <= LONGEST && name.is_ascii()), "{names:?}");
        assert_eq!(names, offered("s", &["a.b", "a/b", "a_b", &long, &other]), "the same each time");
    }
}
