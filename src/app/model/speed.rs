//! How fast a model is on this machine, by asking it: what a list of models can say when it was measured once.

use std::{
    path::{Path, PathBuf},
    sync::mpsc::{Sender, channel},
    time::Instant,
};

use harness_abi::{
    ChatReply, ChatRequest, Constraint, DeltaKind, Message, ModuleError, RawChatSink, Sampling, Usage, chat_sink, kit,
    stable::{RResult, RStr},
};
use harness_host::LoadedModel;
use harness_spec::ModelSpec;
use serde::{Deserialize, Serialize};

use super::super::{App, model_named};
use crate::{Control, Event, Failure, Workspace};

/// Prompts that are timed; the quickest counts, because whatever else a machine does only takes time away.
const ROUNDS: usize = 3;
/// Words of a prompt, none of which the model has seen.
const WORDS: usize = 400;
/// Tokens that are generated.
const GENERATED: u32 = 48;

/// How fast a model was.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Speed {
    /// Tokens of a prompt a second.
    pub prompt: f64,
    /// Generated tokens a second.
    pub generation: f64,
    /// Most memory the process of the model had, in bytes, where the system says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<u64>,
    /// Cores of the machine.
    pub cores: usize,
}

/// What was measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Measured {
    /// The model as it was named.
    pub name: String,
    /// How fast it was.
    pub speed: Speed,
    /// Tokens of the prompts.
    pub prompt_tokens: u64,
    /// Tokens that were generated.
    pub generated_tokens: u64,
    /// Seconds until the model was loaded.
    pub load_seconds: f64,
    /// Whether a list of models will show it: where the weights are a file of the folder of models.
    pub kept: bool,
}

/// Asks a model and takes the time.
///
/// # Errors
///
/// No model has this name, it cannot be loaded or does not answer, or it was cancelled.
pub fn measure(app: &App, name: &str, control: &Control) -> Result<Measured, Failure> {
    let spec = model_named(app.workspace(), name)?;
    let host = app.host()?;
    control.tell(&Event::Started { what: format!("timing {name}"), total: 2 * ROUNDS as u64 });
    let began = Instant::now();
    let model = host.model(&spec.module, &spec.config)?;
    let load_seconds = began.elapsed().as_secs_f64();
    let (mut prompt, mut generation) = (0f64, 0f64);
    let (mut prompt_tokens, mut generated_tokens) = (0, 0);
    for round in 0..ROUNDS {
        control.check()?;
        let (usage, seconds) = ask(&model, &words(round), 1)?;
        let new = usage.input_tokens.saturating_sub(usage.cached_tokens);
        prompt = prompt.max(new as f64 / seconds);
        prompt_tokens += new;
        control.tell(&Event::Advanced { by: 1 });
        control.check()?;
        // The same conversation twice: the second time its prompt is remembered, so that the difference is the tokens.
        let counting = format!("Count from {} to 300, with a comma after every number.", round + 1);
        ask(&model, &counting, 1)?;
        let (one, first) = ask(&model, &counting, 1)?;
        let (many, all) = ask(&model, &counting, GENERATED)?;
        let more = many.output_tokens.saturating_sub(one.output_tokens);
        if more > 0 {
            generation = generation.max(more as f64 / (all - first).max(1e-9));
            generated_tokens += more;
        }
        control.tell(&Event::Advanced { by: 1 });
    }
    if prompt_tokens == 0 || generated_tokens == 0 {
        return Err(Failure::new(format!(
            "`{name}` does not say how many tokens it read and wrote, so nothing can be timed"
        )));
    }
    let memory = peak(host.resolve(&spec.module, &spec.config)?.process_id());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let speed = Speed { prompt, generation, memory, cores };
    let kept = match weights(app.workspace(), &spec) {
        Some(path) => write(&path, speed).map(|()| true)?,
        None => false,
    };
    Ok(Measured { name: name.to_owned(), speed, prompt_tokens, generated_tokens, load_seconds, kept })
}

/// A text that no other round begins with, of words that are mostly one token.
fn words(round: usize) -> String {
    const COMMON: [&str; 16] = [
        "water", "kitchen", "table", "light", "green", "paper", "street", "music", "garden", "winter", "letter",
        "market", "river", "window", "doctor", "silver",
    ];
    let word = |i: usize| COMMON[(i * 7 + i / 16 + round * 5) % COMMON.len()];
    let text: Vec<&str> = (0..WORDS).map(word).collect();
    format!("{round} {}. Which of these words came first?", text.join(" "))
}

/// Waits for the reply of a model.
struct Waiting(Sender<RResult<ChatReply, ModuleError>>);

impl RawChatSink for Waiting {
    fn delta(&self, _: DeltaKind, _: RStr<'_>) -> bool {
        true
    }

    fn cancelled(&self) -> bool {
        false
    }

    fn finish(self, reply: RResult<ChatReply, ModuleError>) {
        // Nobody waits any more only if the measurement has ended.
        let _ = self.0.send(reply);
    }
}

/// Asks with a limit of tokens; gives what was used and the seconds it took.
fn ask(model: &LoadedModel, prompt: &str, max_tokens: u32) -> Result<(Usage, f64), Failure> {
    let messages = [Message::user(prompt)];
    let sampling = kit::json(&Sampling { max_tokens, ..Sampling::default() });
    let constraint = kit::json(&Constraint::Free);
    let request = ChatRequest {
        messages: messages[..].into(),
        tools_json: "".into(),
        constraint_json: constraint.as_rstr(),
        sampling_json: sampling.as_rstr(),
        extra: "".into(),
    };
    let (send, receive) = channel();
    let began = Instant::now();
    model.chat(&request, chat_sink(Waiting(send)));
    let reply = receive.recv().map_err(|_| Failure::new("the model never answered"))?;
    let seconds = began.elapsed().as_secs_f64();
    let reply = reply.into_result().map_err(|error| Failure::new(format!("the model does not answer: {error}")))?;
    Ok((reply.usage, seconds))
}

/// Most bytes that were resident, in this process or that of the model.
fn peak(process: Option<u32>) -> Option<u64> {
    let process = process.map_or_else(|| "self".to_owned(), |id| id.to_string());
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}

/// The file of the folder of models that a model is, if it is one.
fn weights(workspace: &Workspace, spec: &ModelSpec) -> Option<PathBuf> {
    let text = |key: &str| spec.config.get(key).and_then(|value| value.as_str()).filter(|text| !text.is_empty());
    let folder = super::folder(workspace);
    if spec.module.pack != "gguf" {
        return None;
    }
    let path = match (text("path"), text("model")) {
        (Some(path), _) => PathBuf::from(path),
        (None, Some(stem)) => folder.join(format!("{stem}.gguf")),
        (None, None) => folder.join(format!("{}.gguf", super::stem_of("smollm2")?)),
    };
    (path.parent() == Some(folder.as_path()) && path.is_file()).then_some(path)
}

/// Where the speed of weights is kept.
fn beside(weights: &Path) -> PathBuf {
    weights.with_extension("speed.json")
}

/// What was measured of these weights, if anything was.
pub(super) fn read(weights: &Path) -> Option<Speed> {
    serde_json::from_slice(&std::fs::read(beside(weights)).ok()?).ok()
}

fn write(weights: &Path, speed: Speed) -> Result<(), Failure> {
    let text = serde_json::to_string(&speed).map_err(Failure::new)?;
    crate::replace::replace(&beside(weights), &text)
}
