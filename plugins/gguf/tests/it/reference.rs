//! Every architecture against a reference that shares no code with the engine, and real files against llama.cpp.

use crate::common;
use plugin_gguf::engine::evaluate::{Query, Want};
use plugin_gguf::engine::kernels::Isa;
use plugin_gguf::engine::{Model, Options};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

fn options() -> Options {
    Options { threads: 1, cache_mb: 64, ..Options::default() }
}

/// What `tests/reference/tiny.py` writes beside a model.
#[derive(Deserialize)]
struct Fixture {
    tokens: Vec<u32>,
    /// Positions after which logits are given.
    asked: Vec<usize>,
    /// Mean distance of the logits from those of a network in which one thing is computed wrongly.
    off_if: BTreeMap<String, f64>,
    logits: Vec<Vec<f64>>,
}

/// Mean distance of the logits that 8-bit activations may cause, by architecture; the spread of the logits is 2.4. What is
/// normalised more often is rounded to less effect.
const MEAN: [(&str, f64); 4] = [("llama", 0.1), ("qwen2", 0.1), ("qwen3", 0.1), ("gemma3", 0.033)];
/// Greatest distance.
const MOST: f64 = 0.7;

#[test]
fn logits_are_those_of_a_reference_in_double_precision() {
    for (architecture, bound) in MEAN {
        let fixture: Fixture = serde_json::from_slice(&common::tiny_file(&format!("{architecture}.json"))).unwrap();
        for isa in Isa::available() {
            let model = common::tiny(architecture, &options(), isa);
            let wants = fixture.asked.iter().map(|i| (*i, Want::Logits)).collect();
            let query = Query { tokens: fixture.tokens.clone(), wants, keep: 0 };
            let got = model.evaluate(&[query], &|| false).unwrap().0.remove(0);
            let distances: Vec<f64> = got
                .iter()
                .zip(&fixture.logits)
                .flat_map(|(got, want)| got.iter().zip(want).map(|(g, w)| (f64::from(*g) - w).abs()))
                .collect();
            let mean = distances.iter().sum::<f64>() / distances.len() as f64;
            let most = distances.iter().copied().fold(0.0, f64::max);
            eprintln!("{architecture}, {isa:?}: off by {mean:.4} in the mean, {most:.3} at most");
            assert!(mean < bound && most < MOST, "{architecture}, {isa:?}: off by {mean} in the mean, {most} at most");
        }
        for (wrong, off) in fixture.off_if {
            assert!(off > 2.0 * bound, "the bound would not tell {wrong} of {architecture}: off by {off}");
        }
    }
}

/// What `tests/reference/against_llama_cpp.py` writes.
#[derive(Deserialize)]
struct Peer {
    tokens: Vec<u32>,
    /// After every token, the most probable ones with their log-probabilities; empty where llama.cpp gave none.
    top: Vec<Vec<(u32, f64)>>,
    splits: Vec<(String, Vec<u32>)>,
}

/// By how much a token must be more probable than the next to llama.cpp for its choice to be decided: rounding activations to 8 bits
/// moves log-probabilities by 0.2 at 95 of 100 places, there and here, each in its own way.
const DECIDED: f64 = 0.4;

/// Real files beside llama.cpp, where `HARNESS_TEST_LLAMA_CPP=MODEL.gguf=PEER.json,…` says where they are.
#[test]
fn top_tokens_are_those_of_llama_cpp() {
    let Ok(pairs) = std::env::var("HARNESS_TEST_LLAMA_CPP") else {
        eprintln!("skipped: HARNESS_TEST_LLAMA_CPP names no files (tests/reference/against_llama_cpp.py makes them)");
        return;
    };
    for (weights, peer) in pairs.split(',').filter_map(|pair| pair.split_once('=')) {
        let peer: Peer = serde_json::from_str(&std::fs::read_to_string(peer).unwrap()).unwrap();
        let model = Model::load(Path::new(weights), &Options { threads: 2, cache_mb: 256, ..options() }).unwrap();
        for (text, ids) in &peer.splits {
            assert_eq!(&model.tokenizer.encode(text), ids, "{weights}: {text:?}");
        }
        let asked: Vec<usize> = (0..peer.top.len()).filter(|i| !peer.top[*i].is_empty()).collect();
        let wants = asked.iter().map(|i| (*i, Want::Logits)).collect();
        let query = Query { tokens: peer.tokens.clone(), wants, keep: 0 };
        let logits = model.evaluate(&[query], &|| false).unwrap().0.remove(0);
        let (mut same, mut decided, mut same_decided) = (0, 0, 0);
        let (mut differences, mut others) = (Vec::new(), Vec::new());
        for (i, logits) in asked.iter().zip(&logits) {
            let peak = logits.iter().copied().fold(f32::MIN, f32::max);
            let sum = logits.iter().map(|l| f64::from(l - peak).exp()).sum::<f64>().ln() + f64::from(peak);
            let best = (0..logits.len()).max_by(|a, b| logits[*a].total_cmp(&logits[*b])).unwrap() as u32;
            let top = &peer.top[*i];
            let ours = |id: u32| f64::from(logits[id as usize]) - sum;
            let clear = top[0].1 - top[1].1 >= DECIDED;
            decided += u32::from(clear);
            if best == top[0].0 {
                same += 1;
                same_decided += u32::from(clear);
            } else {
                others.push(ours(best) - ours(top[0].0));
            }
            // Tokens that either would ever draw.
            differences.extend(top.iter().filter(|t| t.1 > -4.0).map(|(id, theirs)| (ours(*id) - theirs).abs()));
        }
        differences.sort_by(f64::total_cmp);
        let share = f64::from(same) / asked.len() as f64;
        let of_decided = f64::from(same_decided) / f64::from(decided);
        let apart = others.iter().copied().fold(0.0, f64::max);
        let at = |q: f64| differences[((differences.len() - 1) as f64 * q) as usize];
        eprintln!(
            "{weights}: {same} of {} top tokens ({:.2} %), {same_decided} of the {decided} decided ones; the others at most \
             {apart:.3} apart; log-probabilities above -4 differ by {:.3} (median), {:.3} (95 %), {:.3} (most) over {}",
            asked.len(),
            share * 100.0,
            at(0.5),
            at(0.95),
            at(1.0),
            differences.len()
        );
        assert!(model.simulated() || (of_decided >= 0.99 && share >= 0.9), "{weights}: {of_decided}, {share}");
    }
}
