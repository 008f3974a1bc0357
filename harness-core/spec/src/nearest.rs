//! The valid name nearest to a wrong one. Refuses to guess when nothing is near.

/// The candidate closest to `name` by Damerau-Levenshtein distance, if it is near enough to be what was meant: at most a third
/// of the longer name's letters differ, or one is the other with something appended (`loop` for `loop_guard`). Ties go to the
/// first in order of `candidates`.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .filter_map(|candidate| {
            let distance = strsim::damerau_levenshtein(name, candidate);
            let longer = name.chars().count().max(candidate.chars().count());
            let prefix =
                name.len() >= 3 && (candidate.starts_with(name) || name.starts_with(candidate) && candidate.len() >= 3);
            (distance * 3 <= longer.max(3) || prefix).then_some((distance, candidate))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// "; did you mean `x`?" or, when nothing is near, "; valid are `a`, `b`, `c`" (at most twelve), or nothing when the list is empty.
pub(crate) fn hint<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str> + Clone) -> String {
    if let Some(near) = nearest(name, candidates.clone()) {
        return format!("; did you mean `{near}`?");
    }
    let mut all = candidates.into_iter();
    let shown: Vec<String> = all.by_ref().take(12).map(|c| format!("`{c}`")).collect();
    if shown.is_empty() {
        return String::new();
    }
    let rest = all.count();
    let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
    format!("; valid are {}{more}", shown.join(", "))
}
