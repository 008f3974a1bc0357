//! `harness trace export`: episodes for other programs, to standard output or to an OpenTelemetry collector.

use std::io::{ErrorKind, Write};

use clap::{Args, ValueEnum};
use harness_terminal::stream::JsonLines;
use harness_trace::{Collector, EpisodeRow, Filter, ModelName, ModelNames, OtlpRequest, OtlpSpan, Store, TraceError};
use serde_json::{Value, json};

use super::{Global, Which, told, unknown};
use crate::{failure::Failure, output, wire};

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

/// Episodes in one request to a collector.
const BATCH: usize = 32;

/// Writes or sends them.
pub fn run(global: &Global, store: &Store, args: ExportArgs) -> Result<(), Failure> {
    let filter: Filter = args.which.into();
    let rows = match &args.episode {
        Some(id) => vec![store.episode(id).map_err(unknown)?],
        None => store.episodes(&filter)?,
    };
    told(global, store, rows.iter().map(Into::into))?;
    if args.form == Form::Jsonl {
        return match store.export_rows(&rows, JsonLines::default()) {
            // The reader has seen enough.
            Err(TraceError::Export(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            other => Ok(other?),
        };
    }
    let mut out = JsonLines::default();
    let mut line = |text: &dyn std::fmt::Display| output::finish(writeln!(out, "{text}"));
    let variable = |name: &str| std::env::var(name).ok();
    let collector = match args.form {
        Form::Otlp => Collector::named(args.endpoint.as_deref(), variable).map_err(Failure::input)?,
        Form::Atif | Form::Jsonl => None,
    };
    match collector {
        None if args.form == Form::Otlp => {
            for rows in rows.chunks(BATCH) {
                line(&OtlpRequest::new(spans(store, rows)?).json()?)?;
            }
        }
        None => {
            for row in &rows {
                line(&store.atif(row, &names(store, row)?)?)?;
            }
        }
        Some(collector) => {
            let Collector { url, headers, timeout, encoding } = &collector;
            let runtime = wire::runtime()?;
            let mut warnings = Vec::new();
            for rows in rows.chunks(BATCH) {
                let spans = spans(store, rows)?;
                let count = spans.len();
                let body = OtlpRequest::new(spans).body(*encoding)?;
                let post = harness_models::post(url, headers, encoding.media_type(), body, *timeout);
                let answer = runtime.block_on(post);
                let answer = answer.map_err(|error| {
                    Failure::new(error.message).hint("is a collector for OTLP over HTTP listening there?")
                })?;
                warnings.extend(collector.answered(&answer, count).map_err(Failure::new)?);
            }
            match global.json {
                true => line(&json!({"sent": rows.len(), "to": url, "warnings": warnings}))?,
                false => {
                    line(&format_args!("sent {} episodes to {url}", rows.len()))?;
                    warnings.iter().try_for_each(|warning| line(&format_args!("it says: {warning}")))?;
                }
            }
        }
    }
    output::finish(out.flush())
}

fn spans(store: &Store, rows: &[EpisodeRow]) -> Result<Vec<OtlpSpan>, Failure> {
    let mut spans = Vec::new();
    for row in rows {
        spans.extend(store.otlp_spans(row, &names(store, row)?)?);
    }
    Ok(spans)
}

/// What served the roles of an episode, where its run says so.
fn names(store: &Store, row: &EpisodeRow) -> Result<ModelNames, Failure> {
    let harness = store.harness_of(row)?;
    let named = |model: &Value| {
        let module = model["use"].as_str().unwrap_or_default();
        let (pack, module) = module.split_once('/').unwrap_or(("", module));
        let module = module.split('@').next().unwrap_or_default();
        let name = model["config"]["model"].as_str().unwrap_or(module).to_owned();
        let provider = if pack == "models" { module } else { pack };
        ModelName { provider: provider.to_owned(), model: name }
    };
    let models = harness["model"].as_object().into_iter().flatten();
    Ok(models.map(|(role, model)| (role.clone(), named(model))).collect())
}
