//! Orders drawn before the first outcome exists, from H(run seed, what it is for). The gate has one for all candidates, so
//! that they read one stream. Refuses to know any outcome.

use crate::stream::hasher;

/// What the order of the gate groups is drawn for.
pub(crate) const GATE: &str = "gate";

/// A uniformly random permutation of `groups` fixed by the run's seed and what it is for alone: the groups sorted by their
/// keyed hash, so that the order in which they are given does not matter, and a part of them keeps the order it has in
/// the whole. `key` names a group.
pub fn draw_order<T>(run_seed: u64, purpose: &str, groups: Vec<T>, key: impl Fn(&T) -> &str) -> Vec<T> {
    let key_of_draw = hasher("order", &[&run_seed.to_le_bytes(), purpose.as_bytes()]).finalize();
    let place = |group: &T| *blake3::keyed_hash(key_of_draw.as_bytes(), key(group).as_bytes()).as_bytes();
    let mut keyed: Vec<_> = groups.into_iter().map(|group| (place(&group), group)).collect();
    keyed.sort_by_key(|(place, _)| *place);
    keyed.into_iter().map(|(_, group)| group).collect()
}

/// BLAKE3 (hex) of an order: what a certificate pins before the first outcome.
pub fn order_digest<'a>(groups: impl IntoIterator<Item = &'a str>) -> String {
    let parts: Vec<&[u8]> = groups.into_iter().map(str::as_bytes).collect();
    hasher("order digest", &parts).finalize().to_hex().to_string()
}
