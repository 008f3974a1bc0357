//! The engine behind the model interface of the plugin ABI.
//!
//! One set of weights is loaded per (file, options) and process, however many instances are made of the module.

use crate::config::Config;
use crate::engine::constrain::{Automaton, compile};
use crate::engine::error::EngineError;
use crate::engine::generate::{Finish as Ended, Generated, Request, generate};
use crate::engine::sample::Sampling;
use crate::engine::score::{Chosen, Pair, choose, score};
use crate::engine::{Model as Engine, Options};
use crate::tools;
use harness_abi::{
    ChatReply, ChatRequest, ChatSink, ChoiceScore, Constraint, DeltaKind, ErrorClass, Finish, Message, Model,
    ModelInfo, ModuleError, Part, ReplyExtra, Role, Score, ScoreReply, ScoreRequest, ScoreSink, TokenLogprob, ToolSpec,
    Usage, stable::RString,
};
use serde_json::Value;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

/// Compiled schemas kept; beyond that all are dropped.
const MAX_SCHEMAS: usize = 256;

/// A model as the host sees it.
pub struct GgufModel {
    engine: Arc<Engine>,
    info: ModelInfo,
    schemas: Mutex<HashMap<(String, bool), Arc<Automaton>>>,
}

impl From<EngineError> for ModuleError {
    fn from(error: EngineError) -> Self {
        let class = match &error {
            EngineError::Cancelled => ErrorClass::CANCELLED,
            EngineError::Schema { .. } => ErrorClass::UNSUPPORTED,
            EngineError::Io { .. }
            | EngineError::Malformed { .. }
            | EngineError::Unsupported { .. }
            | EngineError::CacheTooSmall { .. } => ErrorClass::CONFIG,
            _ => ErrorClass::INPUT,
        };
        Self::new(class, error)
    }
}

/// Loads the weights, or shares those that are loaded. Each file has a lock of its own: loading one holds up nobody who wants another.
fn shared(path: &Path, options: Options) -> Result<Arc<Engine>, EngineError> {
    type Loaded = HashMap<(PathBuf, Options), Arc<Mutex<Weak<Engine>>>>;
    static LOADED: OnceLock<Mutex<Loaded>> = OnceLock::new();
    let key = (path.canonicalize().unwrap_or_else(|_| path.into()), options.clone());
    let all = LOADED.get_or_init(Mutex::default);
    let place = all.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_default().clone();
    let mut place = place.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(engine) = place.upgrade() {
        return Ok(engine);
    }
    let engine = Arc::new(Engine::load(path, &options)?);
    *place = Arc::downgrade(&engine);
    Ok(engine)
}

impl GgufModel {
    /// Loads the weights the configuration names.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or holds no model that this pack runs.
    pub fn open(config: &Config) -> Result<Self, ModuleError> {
        let path = config.file().map_err(ModuleError::config)?;
        let engine = shared(&path, config.options()).map_err(|error| match error {
            EngineError::Io { .. } if config.path.is_empty() => {
                let fetch = if config.model.is_empty() {
                    "fetch the weights with `harness model pull smollm2`"
                } else {
                    "`harness model list` says how to fetch the weights"
                };
                ModuleError::config(format_args!("{error}; {fetch}, or set `path` to a GGUF file"))
            }
            other => other.into(),
        })?;
        let stem = path.file_stem().map_or_else(String::new, |s| s.to_string_lossy().into_owned());
        let capabilities = ["tools", "json_schema", "choice", "logprobs", "score", "completion", "token_ids"];
        let info = ModelInfo {
            name: if engine.name().is_empty() { stem } else { engine.name().to_owned() },
            // The engine's arithmetic is part of what a recorded call depends on.
            digest: format!("gguf-{}-{}", env!("CARGO_PKG_VERSION"), engine.digest()),
            context_length: engine.context() as u64,
            deterministic: true,
            seeded: false,
            simulated: engine.simulated(),
            unpriced: false,
            capabilities: capabilities.map(String::from).to_vec(),
        };
        Ok(Self { engine, info, schemas: Mutex::default() })
    }

    /// The engine, for direct use.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    fn prompt(&self, messages: &[Message], tools: &[ToolSpec]) -> Result<Vec<u32>, ModuleError> {
        let template = &self.engine.template;
        let (conversation, tools) = if template.tools {
            (tools::structured(messages), tools::offered(tools))
        } else {
            (tools::conversation(messages, tools), Value::Null)
        };
        Ok(template.encode(&self.engine.tokenizer, &conversation, &tools)?)
    }

    /// The tokens of a prompt that is plain text: the texts of its messages one after another. What looks like a special token in them
    /// is text.
    fn plain(&self, messages: &[Message]) -> Result<Vec<u32>, ModuleError> {
        let tokenizer = &self.engine.tokenizer;
        let text: String = messages.iter().map(Message::text).collect();
        let begin = tokenizer.bos.filter(|_| tokenizer.add_bos);
        let prompt: Vec<u32> = begin.into_iter().chain(tokenizer.encode(&text)).collect();
        match prompt.is_empty() {
            true => Err(ModuleError::input("a plain prompt is empty; a completion follows at least one token")),
            false => Ok(prompt),
        }
    }

    fn automaton(&self, schema: &Value, led_by_space: bool) -> Result<Arc<Automaton>, ModuleError> {
        let key = (schema.to_string(), led_by_space);
        let mut schemas = self.schemas.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(automaton) = schemas.get(&key) {
            return Ok(Arc::clone(automaton));
        }
        let automaton = Arc::new(Automaton::new(compile(schema, led_by_space)?));
        if schemas.len() >= MAX_SCHEMAS {
            schemas.clear();
        }
        schemas.insert(key, Arc::clone(&automaton));
        Ok(automaton)
    }

    fn choice(
        &self,
        prompt: &[u32],
        choices: &[String],
        whole: bool,
        sampling: Sampling,
        sink: &ChatSink,
    ) -> Result<Chosen, ModuleError> {
        let end = [self.engine.tokenizer.eos];
        let end = if whole { &end[..] } else { &[] };
        Ok(choose(&self.engine, prompt, choices, end, sampling, &|| sink.cancelled())?)
    }

    fn tool_call(&self, turn: &Turn<'_>, tools: &[ToolSpec], with_arguments: bool) -> Result<ChatReply, ModuleError> {
        let tag = tools::tag(self.engine.template.tools);
        let openings: Vec<String> = tools.iter().map(|t| tools::naming(tag, &t.name)).collect();
        if openings.is_empty() {
            return Err(ModuleError::input("a tool call is demanded but no tools are offered"));
        }
        let chosen = self.choice(&turn.prompt, &openings, false, turn.sampling, turn.sink)?;
        let tool = &tools[chosen.index];
        let names = tools.iter().map(|t| t.name.clone());
        let mut extra = extra_of(&chosen, names);
        let mut usage = turn.usage(chosen.ids[chosen.index].len());
        let mut arguments = "{}".to_owned();
        let mut finish = Finish::TOOL_CALLS;
        if with_arguments {
            let automaton = self.automaton(&tool.input_schema, true)?;
            let head = self.engine.tokenizer.encode(&tools::opening(tag, &tool.name));
            let prompt = [turn.prompt.as_slice(), &head].concat();
            let generated = self.generate(turn, &prompt, Some(&automaton), DeltaKind::ARGUMENTS)?;
            usage.output_tokens += generated.tokens.len() as u64;
            extra.tokens.extend(tokens_of(&generated));
            if generated.finish == Ended::Length {
                finish = Finish::LENGTH;
            }
            arguments = generated.text.trim_start().to_owned();
        }
        let message = Message::new(Role::Assistant, [Part::tool_call("call-0", &tool.name, arguments)]);
        Ok(ChatReply { message, finish, usage, extra: RString::new() }.with_extra(&extra))
    }

    fn generate(
        &self,
        turn: &Turn<'_>,
        prompt: &[u32],
        automaton: Option<&Automaton>,
        kind: DeltaKind,
    ) -> Result<Generated, ModuleError> {
        let request = Request {
            prompt,
            sampling: turn.sampling,
            max_tokens: turn.max_tokens,
            stop: if automaton.is_some() { &[] } else { &turn.stop },
            automaton,
        };
        let sink = turn.sink;
        let mut piece = |text: &str| sink.delta(kind, text.into());
        Ok(generate(&self.engine, &request, &mut piece, &|| sink.cancelled())?)
    }
}

/// What is common to all ways of answering a request.
struct Turn<'a> {
    prompt: Vec<u32>,
    /// Prompt tokens remembered when the request came.
    cached: usize,
    sampling: Sampling,
    max_tokens: usize,
    stop: Vec<String>,
    sink: &'a ChatSink,
}

impl Turn<'_> {
    fn usage(&self, output: usize) -> Usage {
        Usage {
            input_tokens: self.prompt.len() as u64,
            cached_tokens: self.cached as u64,
            output_tokens: output as u64,
            cost_micros: 0,
        }
    }
}

fn tokens_of(generated: &Generated) -> impl Iterator<Item = TokenLogprob> + '_ {
    let pairs = generated.tokens.iter().zip(&generated.logprobs);
    pairs.map(|(id, logprob)| TokenLogprob { id: *id, logprob: f64::from(*logprob) })
}

fn extra_of(chosen: &Chosen, texts: impl Iterator<Item = String>) -> ReplyExtra {
    let choices = texts.zip(chosen.ids.iter().zip(&chosen.scored)).map(|(text, (ids, scored))| ChoiceScore {
        text,
        logprob: scored.logprob(),
        tokens: ids.len() as u32,
    });
    let ids = chosen.ids[chosen.index].iter().zip(&chosen.scored[chosen.index].tokens);
    let tokens = ids.map(|(id, logprob)| TokenLogprob { id: *id, logprob: f64::from(*logprob) });
    ReplyExtra { choices: choices.collect(), tokens: tokens.collect() }
}

impl Model for GgufModel {
    fn info(&self) -> ModelInfo {
        self.info.clone()
    }

    fn chat(&self, request: &ChatRequest<'_>, sink: &ChatSink) -> Result<ChatReply, ModuleError> {
        let (tools, constraint, asked) = (request.tools()?, request.constraint()?, request.sampling()?);
        let prompt = self.prompt(request.messages.as_slice(), &tools)?;
        let turn = Turn {
            cached: self.engine.remembered(&prompt),
            prompt,
            sampling: Sampling { temperature: asked.temperature, top_p: asked.top_p, seed: asked.seed },
            max_tokens: asked.max_tokens as usize,
            stop: asked.stop,
            sink,
        };
        let automaton = match &constraint {
            Constraint::Free => None,
            Constraint::Choice { choices } => {
                let chosen = self.choice(&turn.prompt, choices, true, turn.sampling, sink)?;
                let text = choices[chosen.index].as_str();
                sink.delta(DeltaKind::TEXT, text.into());
                let usage = turn.usage(chosen.ids[chosen.index].len());
                let extra = extra_of(&chosen, choices.iter().cloned());
                return Ok(ChatReply { usage, ..ChatReply::text(text) }.with_extra(&extra));
            }
            Constraint::JsonSchema { schema } => Some(self.automaton(schema, false)?),
            Constraint::ToolCall { arguments } => return self.tool_call(&turn, &tools, *arguments),
            other => {
                return Err(ModuleError::unsupported(format_args!(
                    "this model cannot be held to {other:?}; use a choice, a JSON schema or a tool call"
                )));
            }
        };
        let generated = self.generate(&turn, &turn.prompt, automaton.as_deref(), DeltaKind::TEXT)?;
        let parts = if automaton.is_none() && !tools.is_empty() {
            tools::parse(&generated.text, &tools)
        } else {
            vec![Part::text(generated.text.as_str())]
        };
        let message = Message::new(Role::Assistant, parts);
        let finish = match generated.finish {
            Ended::Length => Finish::LENGTH,
            Ended::Stop if message.calls().next().is_some() => Finish::TOOL_CALLS,
            Ended::Stop => Finish::STOP,
        };
        let extra = ReplyExtra { tokens: tokens_of(&generated).collect(), ..ReplyExtra::default() };
        let usage = turn.usage(generated.tokens.len());
        Ok(ChatReply { message, finish, usage, extra: RString::new() }.with_extra(&extra))
    }

    fn score(&self, request: &ScoreRequest, sink: &ScoreSink) -> Result<ScoreReply, ModuleError> {
        let raw = request.extra()?.raw;
        let mut pairs = Vec::with_capacity(request.items.len());
        // Items often share their prompt: the same messages are rendered once.
        let mut prompts: Vec<(&[Message], Vec<u32>)> = Vec::new();
        for item in &request.items {
            let messages = item.prompt.as_slice();
            let prompt = match prompts.iter().find(|(m, _)| *m == messages) {
                Some((_, prompt)) => prompt.clone(),
                None => {
                    let prompt = if raw { self.plain(messages) } else { self.prompt(messages, &[]) }?;
                    prompts.push((messages, prompt.clone()));
                    prompt
                }
            };
            let completion = self.engine.tokenizer.encode(item.completion.as_str());
            pairs.push(Pair { prompt, completion });
        }
        let (scored, reuse) = score(&self.engine, &pairs, &|| sink.cancelled())?;
        let scores = scored.iter().map(|s| Score { logprob: s.logprob(), tokens: s.tokens.len() as u32 });
        let usage = Usage {
            input_tokens: reuse.total as u64,
            cached_tokens: reuse.total.saturating_sub(reuse.computed) as u64,
            output_tokens: 0,
            cost_micros: 0,
        };
        Ok(ScoreReply { scores: scores.collect(), usage, extra: RString::new() })
    }
}
