//! Tool names as the protocol allows them: letters, digits, `_` and `-`, at most 64. Ours may hold more; each gets a name of its own.

/// Both names of every tool of a request.
#[derive(Debug, Default)]
pub struct Names(Vec<(String, String)>);

impl Names {
    /// Names for `ours`, in order.
    pub fn new<'a>(ours: impl IntoIterator<Item = &'a str>) -> Self {
        let mut names = Self::default();
        for name in ours {
            let plain: String = name
                .chars()
                .map(|c| if c.is_ascii_alphanumeric() || c == '_' || c == '-' { c } else { '_' })
                .take(60)
                .collect();
            let theirs = names.spare(&plain);
            names.0.push((name.to_owned(), theirs));
        }
        names
    }

    /// This name, or one like it, that no tool has.
    pub fn spare(&self, plain: &str) -> String {
        let mut theirs = plain.to_owned();
        let mut number = 2;
        while self.0.iter().any(|(_, taken)| *taken == theirs) {
            theirs = format!("{plain}_{number}");
            number += 1;
        }
        theirs
    }

    /// The name the server sees.
    pub fn theirs(&self, ours: &str) -> String {
        // A call of the history may be of a tool that is not offered now.
        let known = self.0.iter().find(|(name, _)| name == ours).map(|(_, theirs)| theirs.clone());
        known.unwrap_or_else(|| Self::new([ours]).0.swap_remove(0).1)
    }

    /// Our name for one of the server's; one it made up stays.
    pub fn ours(&self, theirs: &str) -> String {
        self.0.iter().find(|(_, name)| name == theirs).map_or(theirs, |(ours, _)| ours).to_owned()
    }
}
