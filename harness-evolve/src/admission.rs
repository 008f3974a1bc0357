//! How a candidate is made of changes: admitted by the incumbent and the catalogue, or not at all.

use harness_spec::{Change, Edit, Harness};

use crate::candidate::{Candidate, Manifest, Origin};
use crate::view::View;

/// A candidate of these changes, if the incumbent and the catalogue admit it and it changes anything. Its id is left
/// empty.
pub(crate) fn candidate(view: View<'_>, changes: Vec<Change>, origin: Origin, manifest: Manifest) -> Option<Candidate> {
    let edit = Edit::from_changes(&changes, view.incumbent).ok()?;
    let harness: Harness = edit.admit(view.incumbent, view.catalogue).ok()?;
    let variant = harness.variant_id(view.catalogue);
    let changed = variant != view.incumbent.variant_id(view.catalogue);
    changed.then(|| Candidate { id: String::new(), changes, edit, variant, origin, manifest, harness })
}
