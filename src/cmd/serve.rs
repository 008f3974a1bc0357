//! `harness serve`: the harness behind an OpenAI-compatible endpoint. Refuses to be open to a network without a token.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use clap::{Args, ValueEnum};
use harness_core::{Clock, SystemClock, assemble};
use harness_serve::{Commentary, ServeLimits, Service};
use harness_spec::Pool;
use harness_trace::{RunKind, RunRecord};
use serde_json::json;

use super::Global;
use crate::{bundle, confinement, failure::Failure, output, stop, wire};

/// Serve a harness as a model, behind an OpenAI-compatible endpoint
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  harness serve out/harness.toml --model smollm2
  harness serve deploy                                a folder made by `harness bundle`
  harness serve my.toml --listen 127.0.0.1:0 --json   any free port; the address on the first line
  curl http://127.0.0.1:8080/v1/chat/completions -H \"Authorization: Bearer $HARNESS_TOKEN\" \\
    -H 'Content-Type: application/json' -d '{\"model\": \"harness\", \"messages\": [{\"role\": \"user\", \"content\": \"Hello\"}]}'

Paths: POST /v1/chat/completions (whole and streamed), GET /v1/models, POST /v1/feedback, GET /health, GET /ready. Tools of the
harness run here; tools a client sends are left to it. Every request is an episode on record: `harness trace list`. Ctrl-C lets what is under
way end; a second one does not. docs/serve.md says the rest.")]
pub struct ServeArgs {
    /// The harness, or a bundle
    #[arg(value_name = "FILE.toml|DIR")]
    file: PathBuf,
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// The name clients call it by
    #[arg(long, default_value = "harness")]
    name: String,
    /// The model that plays, in place of the file's (names as in `harness run`)
    #[arg(long, short)]
    model: Option<String>,
    /// The environment variable that holds the token; where it is not set, a token is made and shown once
    #[arg(long, value_name = "VARIABLE", default_value = "HARNESS_TOKEN")]
    token_env: String,
    /// Ask for no token; on loopback only
    #[arg(long)]
    no_token: bool,
    /// The folder that tools of files and commands work in; all requests share it. Without one they have none
    #[arg(long, value_name = "DIR")]
    workspace: Option<PathBuf>,
    /// Where words go that the model says before it calls a tool of the harness
    #[arg(long, value_name = "WHERE", default_value = "reasoning")]
    commentary: Words,
    /// Episodes at a time; requests beyond are told to try again
    #[arg(long, value_name = "N", default_value_t = ServeLimits::default().episodes, value_parser = crate::argv::at_once)]
    concurrency: usize,
    /// Connections at a time; those beyond wait
    #[arg(long, value_name = "N", default_value_t = ServeLimits::default().connections, value_parser = crate::argv::at_once)]
    connections: usize,
    /// Most bytes of a request
    #[arg(long, value_name = "BYTES", default_value_t = ServeLimits::default().body, value_parser = crate::argv::bytes)]
    max_body: usize,
    /// Seconds that what is under way has to end
    #[arg(long, value_name = "SECONDS", default_value_t = ServeLimits::default().drain.as_secs(), value_parser = crate::argv::seconds)]
    drain: u64,
}

/// Where words go that are not the last.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Words {
    /// Beside the answer, in `reasoning_content`; the answer is the last reply alone, and streamed when that is whole
    Reasoning,
    /// Into the answer, which then is streamed word by word
    Content,
}

impl From<Words> for Commentary {
    fn from(words: Words) -> Self {
        match words {
            Words::Reasoning => Self::Reasoning,
            Words::Content => Self::Content,
        }
    }
}

/// Serves until Ctrl-C.
pub fn run(global: &Global, args: &ServeArgs) -> Result<(), Failure> {
    let opened = bundle::open(&args.file, &global.plugins)?;
    let pool = opened.played_by(args.model.as_deref(), &args.file)?;
    let mut agents = BTreeMap::new();
    for (name, harness) in &pool.variants {
        let agent = assemble(harness, &opened.host)?;
        opened.check(name, &agent)?;
        agents.insert(name.clone(), agent);
    }
    let token = token(args)?;
    let workspace = args.workspace.as_deref().map(confinement::workspace).transpose()?;
    for harness in pool.variants.values() {
        // Nothing is served whose commands nothing would confine.
        confinement::of(harness, opened.host.catalogue())?;
    }

    let catalogue = opened.host.catalogue();
    let variants = bundle::variants(&pool, catalogue);
    let store = wire::record()?;
    let started_ms = SystemClock.unix_millis();
    let run = format!("serve-{started_ms:x}-{:x}", std::process::id());
    store.begin_run(RunRecord {
        id: run.clone(),
        kind: RunKind::Serve,
        of: String::new(),
        command: crate::argv::command_line(),
        started_ms,
        suite: String::new(),
        seed: 0,
        config: json!({"harness": harnesses(&pool, catalogue), "variants": variants, "name": args.name}),
        lock: wire::installed(&opened.host),
    })?;
    let limits = ServeLimits {
        episodes: args.concurrency,
        connections: args.connections,
        body: args.max_body,
        drain: Duration::from_secs(args.drain),
        ..ServeLimits::default()
    };
    let shown = token.as_ref().map(|token| token.text.as_str());
    let service = Service::new(&args.name, pool, agents, store.clone(), &run, shown, limits)
        .in_workspace(workspace)
        .with_commentary(args.commentary.into());

    let (runtime, stop) = (wire::runtime()?, stop::on_ctrl_c());
    let served = runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(args.listen).await.map_err(|error| {
            Failure::input(format!("cannot listen on {}: {error}", args.listen))
                .hint("another --listen, port 0 for a free one")
        })?;
        let address = listener.local_addr()?;
        let url = format!("http://{address}/v1");
        announce(global, args, &url, &run, &variants, token.as_ref())?;
        harness_serve::serve(listener, Arc::new(service), stop).await.map_err(Failure::new)
    });
    // What still runs on a blocking thread is not waited for: it was told to stop.
    runtime.shutdown_background();
    store.flush()?;
    served
}

fn harnesses(pool: &Pool, catalogue: &harness_spec::Catalogue) -> serde_json::Value {
    pool.variants.iter().map(|(name, harness)| (name.clone(), json!(harness.canonical(catalogue)))).collect()
}

/// What clients must show.
struct Token {
    text: String,
    /// Whether it was made just now, so that nobody knows it yet.
    fresh: bool,
}

fn token(args: &ServeArgs) -> Result<Option<Token>, Failure> {
    if args.no_token {
        if !args.listen.ip().is_loopback() {
            return Err(Failure::input(format!(
                "{} can be reached from elsewhere, and --no-token lets anybody in",
                args.listen
            ))
            .hint("leave --no-token out, or listen on 127.0.0.1"));
        }
        return Ok(None);
    }
    match std::env::var(&args.token_env) {
        Ok(text) if text.trim().is_empty() => Err(Failure::input(format!("${} is empty", args.token_env))
            .hint("put a token in it, unset it to have one made, or --no-token on loopback")),
        Ok(text) => Ok(Some(Token { text: text.trim().to_owned(), fresh: false })),
        Err(std::env::VarError::NotUnicode(_)) => {
            Err(Failure::input(format!("${} is not UTF-8", args.token_env)).hint("a token is plain text"))
        }
        Err(std::env::VarError::NotPresent) => {
            let mut bytes = [0; 24];
            getrandom::fill(&mut bytes).map_err(|error| Failure::new(format!("no randomness for a token: {error}")))?;
            Ok(Some(Token { text: bytes.iter().map(|byte| format!("{byte:02x}")).collect(), fresh: true }))
        }
    }
}

fn announce(
    global: &Global,
    args: &ServeArgs,
    url: &str,
    run: &str,
    variants: &BTreeMap<String, String>,
    token: Option<&Token>,
) -> Result<(), Failure> {
    let fresh = token.filter(|token| token.fresh).map(|token| token.text.as_str());
    if global.json {
        return output::json(
            &json!({"url": url, "model": args.name, "run": run, "variants": variants, "token": fresh}),
        );
    }
    output::line(format_args!("{} is served at {url}; its run is {run}", args.name))?;
    match (token, fresh) {
        (_, Some(fresh)) => output::line(format_args!("token, shown once: {fresh}"))?,
        (Some(_), None) => output::line(format_args!("the token is the one in ${}", args.token_env))?,
        (None, _) => output::line("no token is asked for")?,
    }
    if !args.listen.ip().is_loopback() {
        output::line("words and token travel unencrypted: put a proxy that speaks TLS in front")?;
    }
    Ok(())
}
