//! `harness serve`: the harness behind an OpenAI-compatible endpoint.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf};

use clap::{Args, ValueEnum};
use harness::{
    App, Control, Event, Failure,
    app::{
        bounds::{AtOnce, Bytes, Seconds},
        serve::{self, ServeLimits, ServeRequest, Token},
    },
};
use serde_json::json;

use super::{Global, output, stop};

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
    #[arg(long, value_name = "N", default_value_t = defaults().concurrency)]
    concurrency: AtOnce,
    /// Connections at a time; those beyond wait
    #[arg(long, value_name = "N", default_value_t = defaults().connections)]
    connections: AtOnce,
    /// Most bytes of a request
    #[arg(long, value_name = "BYTES", default_value_t = defaults().max_body)]
    max_body: Bytes,
    /// Seconds that what is under way has to end
    #[arg(long, value_name = "SECONDS", default_value_t = defaults().drain)]
    drain: Seconds,
}

/// Where words go that are not the last.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Words {
    /// Beside the answer, in `reasoning_content`; the answer is the last reply alone, and streamed when that is whole
    Reasoning,
    /// Into the answer, which then is streamed word by word
    Content,
}

impl From<Words> for serve::Words {
    fn from(words: Words) -> Self {
        match words {
            Words::Reasoning => Self::Reasoning,
            Words::Content => Self::Content,
        }
    }
}

fn defaults() -> ServeLimits {
    ServeLimits::default()
}

/// Serves until Ctrl-C.
pub fn run(app: &App, global: &Global, args: ServeArgs) -> Result<(), Failure> {
    let (token, fresh) = token(app, &args)?;
    let request = ServeRequest {
        file: args.file,
        model: args.model,
        listen: args.listen,
        name: args.name,
        token,
        workspace: args.workspace,
        commentary: args.commentary.into(),
        limits: ServeLimits {
            concurrency: args.concurrency,
            connections: args.connections,
            max_body: args.max_body,
            drain: args.drain,
        },
    };
    let announcement = Announcement { json: global.json, request: request.clone(), fresh, token_env: args.token_env };
    let control = Control::new(stop::on_ctrl_c(), move |event: &Event| {
        if let Event::Serving { url, run, variants } = event {
            // Whoever reads this may have left; those who call it have not.
            let _ = announcement.say(url, run, variants);
        }
    });
    serve::serve(app, &request, &control)
}

/// What clients must show, and whether it was made just now, so that nobody knows it yet.
fn token(app: &App, args: &ServeArgs) -> Result<(Option<Token>, bool), Failure> {
    if args.no_token {
        return Ok((None, false));
    }
    let name = &args.token_env;
    let Some(value) = app.workspace().var_os(name) else { return Ok((Some(Token::fresh()?), true)) };
    let text =
        value.to_str().ok_or_else(|| Failure::input(format!("${name} is not UTF-8")).hint("a token is plain text"))?;
    let token = Token::new(text).map_err(|_| {
        Failure::input(format!("${name} is empty"))
            .hint("put a token in it, unset it to have one made, or --no-token on loopback")
    })?;
    Ok((Some(token), false))
}

/// What is said once requests are answered.
struct Announcement {
    json: bool,
    request: ServeRequest,
    fresh: bool,
    token_env: String,
}

impl Announcement {
    fn say(&self, url: &str, run: &str, variants: &BTreeMap<String, String>) -> Result<(), Failure> {
        let token = self.request.token.as_ref();
        let fresh = token.filter(|_| self.fresh).map(Token::text);
        let name = &self.request.name;
        if self.json {
            return output::json(&json!({"url": url, "model": name, "run": run, "variants": variants, "token": fresh}));
        }
        output::line(format_args!("{name} is served at {url}; its run is {run}"))?;
        match (token, fresh) {
            (_, Some(fresh)) => output::line(format_args!("token, shown once: {fresh}"))?,
            (Some(_), None) => output::line(format_args!("the token is the one in ${}", self.token_env))?,
            (None, _) => output::line("no token is asked for")?,
        }
        if !self.request.listen.ip().is_loopback() {
            output::line("words and token travel unencrypted: put a proxy that speaks TLS in front")?;
        }
        Ok(())
    }
}
