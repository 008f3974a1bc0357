//! Prints the speed of a GGUF file: prompt, generation, and a growing household-like episode in which every
//! step chooses among thirty actions, and the most memory there was. Usage: `speed [MODEL.gguf] [THREADS]`; each line is the best of several
//! runs. `tests/reference/speed_llama_cpp.py` prints the first lines for llama.cpp.

use plugin_gguf::engine::evaluate::{Query, Want};
use plugin_gguf::engine::sample::Sampling;
use plugin_gguf::engine::score::choose;
use plugin_gguf::engine::template::Message;
use plugin_gguf::engine::{EngineError, Model, Options};
use std::time::Instant;

const RUNS: usize = 3;

/// Prompt of `n` tokens, then `generated` greedy ones; tokens per second of both.
fn text(model: &Model, n: usize, generated: usize) -> Result<(f64, f64), EngineError> {
    let mut sequence: Vec<u32> = (0..n as u32).map(|i| (i * 7919 + 13) % 49_000).collect();
    let ask = |sequence: &[u32]| -> Result<Vec<f32>, EngineError> {
        let wants = vec![(sequence.len() - 1, Want::Logits)];
        let query = Query { tokens: sequence.to_vec(), wants, keep: sequence.len() };
        Ok(model.evaluate(&[query], &|| false)?.0.remove(0).remove(0))
    };
    model.forget();
    let start = Instant::now();
    let mut logits = ask(&sequence)?;
    let prompt = n as f64 / start.elapsed().as_secs_f64();
    let start = Instant::now();
    for _ in 0..generated {
        let best = (0..logits.len()).max_by(|a, b| logits[*a].total_cmp(&logits[*b])).unwrap_or(0);
        sequence.push(best as u32);
        logits = ask(&sequence)?;
    }
    Ok((prompt, generated as f64 / start.elapsed().as_secs_f64()))
}

struct Step {
    context: usize,
    reused: usize,
    computed: usize,
    seconds: f64,
}

/// Thirty steps: an observation comes, one of thirty actions is chosen, both join the conversation.
fn episode(model: &Model) -> Result<Vec<Step>, EngineError> {
    let places: Vec<String> = ["cabinet", "drawer", "countertop", "shelf", "stove"]
        .iter()
        .flat_map(|p| (1..=6).map(move |i| format!("{p} {i}")))
        .collect();
    let message = |role: &str, content: String| Message { role: role.into(), content, ..Message::default() };
    let mut messages = vec![
        message("system", "You are in a household. Reply with one of the possible actions.".into()),
        message("user", format!("You see {}. Your task is to: put a clean mug on the shelf.", places.join(", "))),
    ];
    let mut steps = Vec::new();
    model.forget();
    for i in 0..30 {
        let actions: Vec<String> = places
            .iter()
            .enumerate()
            .map(|(k, p)| if (k + i) % 4 == 0 { format!("open {p}") } else { format!("go to {p}") })
            .collect();
        let prompt = model.template.encode(&model.tokenizer, &messages, &serde_json::Value::Null)?;
        let reused = model.remembered(&prompt);
        let start = Instant::now();
        let end = [model.tokenizer.eos];
        let chosen = choose(model, &prompt, &actions, &end, Sampling::GREEDY, &|| false)?;
        let seconds = start.elapsed().as_secs_f64();
        steps.push(Step { context: prompt.len(), reused, computed: chosen.reuse.computed, seconds });
        messages.push(message("assistant", actions[chosen.index].clone()));
        messages.push(message("user", format!("You arrive at {}. On it, you see a mug 1 and a plate 2.", places[i])));
    }
    Ok(steps)
}

#[expect(clippy::print_stdout, reason = "a program whose purpose is to print")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let path = args.next().map_or_else(plugin_gguf::default_path, Into::into);
    let threads = args.next().map_or(Ok(0), |t| t.parse())?;
    let start = Instant::now();
    let model = Model::load(&path, &Options { threads, ..Options::default() })?;
    let megabytes = model.weight_bytes() / 1_000_000;
    let in_file = std::fs::metadata(&path)?.len() / 1_000_000;
    println!(
        "{:?}, weights {megabytes} MB ({in_file} MB in the file), loaded in {:.2} s",
        model.isa(),
        start.elapsed().as_secs_f64()
    );
    for n in [37, 128, 512, 1024] {
        let (mut prompt, mut generation) = (0f64, 0f64);
        for _ in 0..RUNS {
            let (p, g) = text(&model, n, 32)?;
            (prompt, generation) = (prompt.max(p), generation.max(g));
        }
        println!("prompt of {n} tokens: {prompt:.0} tok/s, then generation: {generation:.1} tok/s");
    }
    let mut best: Vec<Step> = episode(&model)?;
    for _ in 1..RUNS {
        for (best, step) in best.iter_mut().zip(episode(&model)?) {
            best.seconds = best.seconds.min(step.seconds);
        }
    }
    for (i, s) in best.iter().enumerate().filter(|(i, _)| i % 5 == 0 || *i == 29) {
        let Step { context, reused, computed, seconds } = s;
        let ms = seconds * 1000.0;
        println!("step {i}: prompt {context} ({reused} reused), {computed} tokens computed for 30 choices, {ms:.1} ms");
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    if let Some(peak) = status.lines().find_map(|line| line.strip_prefix("VmHWM:")) {
        println!("most memory: {}", peak.trim());
    }
    println!("episode of 30 steps: {:.2} s", best.iter().map(|s| s.seconds).sum::<f64>());
    Ok(())
}
