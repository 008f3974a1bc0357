//! What a download says while it runs.

use bench_functions::pip;

use crate::progress::Progress;

/// Downloading, verifying, unpacking, done.
const STAGES: u64 = 4;

/// Progress of one fetch.
pub struct Download(Progress);

impl Download {
    /// Nothing is shown when `quiet`.
    pub fn new(quiet: bool) -> Self {
        Self(Progress::new(quiet, "asking pip", STAGES))
    }

    /// The next stage begins.
    pub fn show(&self, step: pip::Progress<'_>) {
        self.0.say(match step {
            pip::Progress::Downloading { package, version } => format!("pip downloads {package} {version}"),
            pip::Progress::Verifying { bytes } => format!("checking the sha256 of {} MB", bytes / 1_000_000),
            pip::Progress::Unpacking => "unpacking".to_owned(),
            pip::Progress::Done { files } => format!("{files} files are there"),
        });
        self.0.add(1);
    }
}
