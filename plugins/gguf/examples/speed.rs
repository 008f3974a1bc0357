//! Prints prompt and generation speed of a GGUF file, and what a growing episode costs per step.
//! Usage: `speed MODEL.gguf [THREADS] [IDS_FILE]`.

use plugin_gguf::engine::evaluate::{Query, Want};
use plugin_gguf::engine::{Model, Options};
use std::time::Instant;

type Outcome = Result<(), Box<dyn std::error::Error>>;

#[expect(clippy::print_stdout, reason = "a program whose purpose is to print")]
fn main() -> Outcome {
    let args: Vec<String> = std::env::args().collect();
    let path = args.get(1).ok_or("usage: speed MODEL.gguf [THREADS] [IDS_FILE]")?;
    let threads = args.get(2).map_or(Ok(0), |t| t.parse())?;
    let start = Instant::now();
    let model = Model::load(path.as_ref(), &Options { threads, ..Options::default() })?;
    println!("load {:.2} s, weights {} MB", start.elapsed().as_secs_f64(), model.weight_bytes() / 1_000_000);
    let tokens: Vec<u32> = match args.get(3) {
        Some(ids) => std::fs::read_to_string(ids)?.split_whitespace().map(str::parse).collect::<Result<_, _>>()?,
        None => (0..512u32).map(|i| (i * 7919 + 13) % 49_000).collect(),
    };
    let wants = |tokens: &[u32]| vec![(tokens.len() - 1, Want::Logits)];
    for _ in 0..4 {
        model.forget();
        let query = Query { tokens: tokens.clone(), wants: wants(&tokens), keep: tokens.len() };
        let start = Instant::now();
        let (answers, _) = model.evaluate(&[query], &|| false)?;
        let speed = tokens.len() as f64 / start.elapsed().as_secs_f64();
        println!("prompt {} tokens: {speed:.0} tok/s, logits {:?}", tokens.len(), &answers[0][0][..4]);
        let (mut sequence, mut logits) = (tokens.clone(), answers[0][0].clone());
        let start = Instant::now();
        let n = 32;
        for _ in 0..n {
            let best = (0..logits.len()).max_by(|a, b| logits[*a].total_cmp(&logits[*b])).unwrap_or(0);
            sequence.push(best as u32);
            let query = Query { wants: wants(&sequence), keep: sequence.len(), tokens: sequence.clone() };
            logits = model.evaluate(&[query], &|| false)?.0.remove(0).remove(0);
        }
        let speed = f64::from(n) / start.elapsed().as_secs_f64();
        println!("generated {n}: {speed:.0} tok/s: {:?}", &sequence[tokens.len()..][..16]);
    }
    let k = tokens.len().min(48);
    let wants = (0..k - 1).map(|i| (i, Want::LogProbs(vec![tokens[i + 1]]))).collect();
    let query = Query { tokens: tokens[..k].to_vec(), wants, keep: k };
    let answers = model.evaluate(&[query], &|| false)?.0;
    let lp: Vec<f32> = answers[0].iter().map(|a| a[0]).collect();
    println!("sum logp {:.4} {:?}", lp.iter().sum::<f32>(), &lp[..6]);
    Ok(())
}
