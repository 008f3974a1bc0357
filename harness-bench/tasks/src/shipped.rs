//! Rows that come with the program. Refuses a name that it does not know, with those it does.

use std::path::Path;

use harness_abi::ModuleError;

use crate::row::{self, Row};

/// By name. Written for this program; nothing is taken from published sets.
const SHIPPED: [(&str, &[u8]); 1] = [("everyday", include_bytes!("../data/everyday.jsonl"))];

/// The rows of that name.
pub(crate) fn rows(name: &str) -> Result<Vec<Row>, ModuleError> {
    let found = SHIPPED.iter().find(|(known, _)| *known == name);
    let Some((name, bytes)) = found else {
        let known = SHIPPED.map(|(known, _)| known).join(", ");
        return Err(ModuleError::config(format_args!("no rows `{name}` come with the program; there are {known}")));
    };
    row::parse(bytes, Path::new(name)).map_err(ModuleError::input)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    #[test]
    fn everyday_holds_what_it_promises() {
        let rows = rows("everyday").unwrap();
        let ids: BTreeSet<&str> = rows.iter().map(|row| row.id.as_str()).collect();
        assert_eq!((ids.len(), rows.iter().filter(|row| row.options.len() == 4).count()), (rows.len(), 458));
        assert_eq!(rows.iter().filter(|row| row.options.len() == 2).count(), 306);
        // No two rows ask the same, and no option stands in its question.
        let asked: BTreeSet<(&str, &[String])> =
            rows.iter().map(|row| (row.prompt.as_str(), row.options.as_slice())).collect();
        assert_eq!(asked.len(), rows.len());
        let mut right = BTreeMap::<&str, usize>::new();
        for row in &rows {
            *right.entry(row.answer.as_str().unwrap()).or_default() += 1;
        }
        assert!(right.values().all(|times| *times <= 4), "one answer is right too often: {right:?}");
        assert!(super::rows("nothing").unwrap_err().message.contains("there are everyday"));
    }
}
