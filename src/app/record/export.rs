//! Episodes for other programs: written, or sent to an OpenTelemetry collector.

use std::io::Write;

use harness_trace::{Collector, EpisodeRow, ModelName, ModelNames, OtlpRequest, OtlpSpan, Store};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{super::looks, App, Which, unknown};
use crate::{Control, Failure};

/// Which episodes, in which form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportRequest {
    /// Which.
    #[serde(default)]
    pub which: Which,
    /// Only this episode, whatever `which` says: its id, or how it alone begins.
    #[serde(default)]
    pub episode: Option<String>,
    /// The form.
    pub form: Form,
    /// The base address of a collector that spans are sent to; read for [`Form::Otlp`] alone. Without one the workspace's
    /// `OTEL_EXPORTER_OTLP_ENDPOINT` names it, and without either spans are written. Headers come from `OTEL_EXPORTER_OTLP_HEADERS`.
    #[serde(default)]
    pub endpoint: Option<String>,
}

/// What episodes are written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// JSON Lines: an episode, then its entries.
    Jsonl,
    /// Agent Trajectory Interchange Format (Harbor): a trajectory a line.
    Atif,
    /// OpenTelemetry spans with the names of the GenAI conventions, as OTLP/HTTP in JSON.
    Otlp,
}

/// What was exported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Exported {
    /// Episodes.
    pub sent: usize,
    /// Where they were sent; `None`: they were written.
    pub to: Option<String>,
    /// What the collector said beside taking them.
    pub warnings: Vec<String>,
}

/// Episodes in one request to a collector.
const BATCH: usize = 32;

/// Writes the episodes to `out`, or sends them.
///
/// # Errors
///
/// There is no record or no such episode, `out` or the collector takes no more, or it was cancelled.
pub fn export(app: &App, request: &ExportRequest, out: &mut dyn Write, control: &Control) -> Result<Exported, Failure> {
    let store = app.record_to_read()?;
    let rows = match &request.episode {
        Some(id) => vec![store.episode(id).map_err(unknown)?],
        None => store.episodes(&request.which.filter())?,
    };
    looks::reading(app, &store, rows.iter().map(Into::into), control)?;
    let written = Exported { sent: rows.len(), to: None, warnings: Vec::new() };
    let variable = |name: &str| app.workspace().var_os(name).map(ToOwned::to_owned);
    let collector = match request.form {
        Form::Otlp => Collector::named(request.endpoint.as_deref(), variable).map_err(Failure::input)?,
        Form::Atif | Form::Jsonl => None,
    };
    match (request.form, collector) {
        (Form::Jsonl, _) => store.export_rows(&rows, &mut *out)?,
        (Form::Atif, _) => {
            for row in &rows {
                control.check()?;
                line(out, &store.atif(row, &names(&store, row)?)?)?;
            }
        }
        (Form::Otlp, None) => {
            for rows in rows.chunks(BATCH) {
                control.check()?;
                line(out, &OtlpRequest::new(spans(&store, rows)?).json()?)?;
            }
        }
        (Form::Otlp, Some(collector)) => {
            let warnings = send(app, &store, &rows, &collector, control)?;
            return Ok(Exported { to: Some(collector.url), warnings, ..written });
        }
    }
    out.flush()?;
    Ok(written)
}

fn line(out: &mut dyn Write, text: &dyn std::fmt::Display) -> Result<(), Failure> {
    Ok(writeln!(out, "{text}")?)
}

/// Sends the episodes; gives what the collector said beside taking them.
fn send(
    app: &App,
    store: &Store,
    rows: &[EpisodeRow],
    collector: &Collector,
    control: &Control,
) -> Result<Vec<String>, Failure> {
    let Collector { url, headers, timeout, encoding } = collector;
    let mut warnings = Vec::new();
    for rows in rows.chunks(BATCH) {
        control.check()?;
        let spans = spans(store, rows)?;
        let count = spans.len();
        let body = OtlpRequest::new(spans).body(*encoding)?;
        let post = harness_models::post(url, headers, encoding.media_type(), body, *timeout);
        let answer = app.runtime()?.block_on(post);
        let answer = answer
            .map_err(|error| Failure::new(error.message).hint("is a collector for OTLP over HTTP listening there?"))?;
        warnings.extend(collector.answered(&answer, count).map_err(Failure::new)?);
    }
    Ok(warnings)
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
