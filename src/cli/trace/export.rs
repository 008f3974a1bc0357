//! `harness trace export`: episodes for other programs, to standard output or to an OpenTelemetry collector.

use std::io::{ErrorKind, Write};

use clap::{Args, ValueEnum};
use harness::{
    App, Failure,
    app::record::{self, ExportRequest},
};
use harness_terminal::stream::JsonLines;

use super::Which;
use crate::cli::{Global, output, progress::watched};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  harness trace export --run bench-1f2e3d4c5b-1 > episodes.jsonl          every entry, a line each
  harness trace export atif --episode run-19a8 > trajectory.json          one trajectory
  harness trace export atif --suite tickets > trajectories.jsonl          one a line
  harness trace export otlp --endpoint http://127.0.0.1:4318 --run run-19a8
  harness trace export otlp --run run-19a8 > spans.json                   what would be sent")]
pub struct ExportArgs {
    /// The form
    #[arg(value_enum, default_value = "jsonl")]
    form: Form,
    #[command(flatten)]
    which: Which,
    /// Only this episode: its id, or the beginning of it
    #[arg(long, value_name = "ID")]
    episode: Option<String>,
    /// The collector's base address, for otlp; else $OTEL_EXPORTER_OTLP_ENDPOINT, with headers from $OTEL_EXPORTER_OTLP_HEADERS
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// JSON Lines: an episode, then its entries
    Jsonl,
    /// Agent Trajectory Interchange Format (Harbor): a trajectory a line
    Atif,
    /// OpenTelemetry spans with the names of the GenAI conventions, as OTLP/HTTP in JSON
    Otlp,
}

impl From<Form> for record::Form {
    fn from(form: Form) -> Self {
        match form {
            Form::Jsonl => Self::Jsonl,
            Form::Atif => Self::Atif,
            Form::Otlp => Self::Otlp,
        }
    }
}

/// Writes or sends them.
pub fn run(app: &App, global: &Global, args: ExportArgs) -> Result<(), Failure> {
    let request = ExportRequest {
        which: args.which.into(),
        episode: args.episode,
        form: args.form.into(),
        endpoint: args.endpoint,
    };
    let mut out = Reader { inner: JsonLines::default(), left: false };
    let exported = watched(global, |control| record::export(app, &request, &mut out, control));
    let exported = match exported {
        // The reader has seen enough.
        Err(_) if out.left => return Ok(()),
        other => other?,
    };
    match (&exported.to, global.json) {
        (None, _) => Ok(()),
        (Some(_), true) => output::json(&exported),
        (Some(url), false) => {
            output::line(format_args!("sent {} episodes to {url}", exported.sent))?;
            exported.warnings.iter().try_for_each(|warning| output::line(format_args!("it says: {warning}")))
        }
    }
}

/// Whoever reads standard output, and whether they left.
struct Reader<W> {
    inner: W,
    left: bool,
}

impl<W> Reader<W> {
    fn noticed<T>(&mut self, written: std::io::Result<T>) -> std::io::Result<T> {
        self.left |= written.as_ref().is_err_and(|error| error.kind() == ErrorKind::BrokenPipe);
        written
    }
}

impl<W: Write> Write for Reader<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.inner.write(bytes);
        self.noticed(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        let flushed = self.inner.flush();
        self.noticed(flushed)
    }
}
