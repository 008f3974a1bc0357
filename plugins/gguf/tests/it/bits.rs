//! The same bits however a number is computed: batch, reuse, threads, instruction set, concurrency, eviction.

use crate::common;
use plugin_gguf::engine::evaluate::{Query, Want};
use plugin_gguf::engine::kernels::Isa;
use plugin_gguf::engine::{EngineError, Model, Options};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn options(threads: usize) -> Options {
    Options { threads, cache_mb: 16, ..Options::default() }
}

fn tokens(seed: u64, n: usize) -> Vec<u32> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    (0..n).map(|_| random.random_range(0..271)).collect()
}

/// Logits after every token of the sequence, asked for in one query.
fn all_at_once(tokens: &[u32]) -> Query {
    let wants = (0..tokens.len()).map(|i| (i, Want::Logits)).collect();
    Query { tokens: tokens.to_vec(), wants, keep: tokens.len() }
}

fn bits(answers: &[Vec<f32>]) -> Vec<Vec<u32>> {
    answers.iter().map(|a| a.iter().map(|v| v.to_bits()).collect()).collect()
}

fn run(model: &Model, queries: &[Query]) -> Vec<Vec<Vec<u32>>> {
    let (answers, _) = model.evaluate(queries, &|| false).unwrap();
    answers.iter().map(|a| bits(a)).collect()
}

#[test]
fn logits_do_not_depend_on_how_they_came_about() {
    let sequence = tokens(1, 150);
    let model = common::model(&options(1), Isa::detect());
    let want = run(&model, &[all_at_once(&sequence)]).remove(0);
    assert!(want.iter().flatten().all(|b| f32::from_bits(*b).is_finite()));
    assert_ne!(want[0], want[1]);

    // With everything remembered: computed again, or from the last token on.
    assert_eq!(run(&model, &[all_at_once(&sequence)]).remove(0), want);

    // Token by token.
    model.forget();
    for i in 0..sequence.len() {
        let query = Query { tokens: sequence[..=i].to_vec(), wants: vec![(i, Want::Logits)], keep: i + 1 };
        assert_eq!(run(&model, &[query]).remove(0)[0], want[i], "token {i}");
    }

    // After a prefix of any length, which another sequence left behind, in uneven steps.
    for prefix in [1, 15, 16, 17, 40, 149] {
        model.forget();
        let mut other = sequence[..prefix].to_vec();
        other.extend(tokens(2, 20));
        run(&model, &[all_at_once(&other)]);
        let (answers, reuse) = model.evaluate(&[all_at_once(&sequence)], &|| false).unwrap();
        assert_eq!(bits(&answers[0]), want, "prefix {prefix}");
        assert_eq!(reuse[0].total, 150);
    }

    // Together with others that branch off it anywhere, in any order, with many rows at once.
    model.forget();
    let mut queries = vec![all_at_once(&sequence)];
    for (k, cut) in [3, 3, 31, 32, 33, 100, 149].into_iter().enumerate() {
        let mut other = sequence[..cut].to_vec();
        other.extend(tokens(10 + k as u64, 60));
        queries.insert(k % 3, all_at_once(&other));
    }
    let batched = run(&model, &queries);
    let at = queries.iter().position(|q| q.tokens == sequence).unwrap();
    assert_eq!(batched[at], want);
    for (query, batched) in queries.iter().zip(&batched) {
        model.forget();
        assert_eq!(&run(&model, std::slice::from_ref(query))[0], batched);
    }

    // On other numbers of threads and every instruction set of this machine.
    for isa in Isa::available() {
        for threads in [1, 2, 3] {
            let model = common::model(&options(threads), isa);
            assert_eq!(run(&model, &[all_at_once(&sequence)])[0], want, "{isa:?}, {threads} threads");
        }
    }
}

/// As above for every architecture: windows that slide, norms of heads and other formats of weights change nothing of it.
#[test]
fn bits_are_the_same_in_every_architecture() {
    for architecture in common::TINY {
        let model = common::tiny(architecture, &options(1), Isa::detect());
        let sequence: Vec<u32> = tokens(5, 120);
        let want = run(&model, &[all_at_once(&sequence)]).remove(0);
        for prefix in [1, 15, 17, 33, 70, 119] {
            model.forget();
            let mut other = sequence[..prefix].to_vec();
            other.extend(tokens(6, 23));
            run(&model, &[all_at_once(&other)]);
            for i in prefix..sequence.len() {
                let query = Query { tokens: sequence[..=i].to_vec(), wants: vec![(i, Want::Logits)], keep: i + 1 };
                assert_eq!(run(&model, &[query]).remove(0)[0], want[i], "{architecture}, prefix {prefix}, token {i}");
            }
        }
        // Branches of one context side by side: rows of a tile then see different stretches.
        model.forget();
        let branches: Vec<Query> = [3, 20, 31, 64, 90, 91]
            .into_iter()
            .enumerate()
            .map(|(k, cut)| all_at_once(&[&sequence[..cut], &tokens(20 + k as u64, 40)].concat()))
            .chain([all_at_once(&sequence)])
            .collect();
        let together = run(&model, &branches);
        assert_eq!(together.last(), Some(&want), "{architecture}");
        for (query, together) in branches.iter().zip(&together) {
            model.forget();
            assert_eq!(&run(&model, std::slice::from_ref(query))[0], together, "{architecture}");
        }
        for isa in Isa::available() {
            let model = common::tiny(architecture, &options(2), isa);
            assert_eq!(run(&model, &[all_at_once(&sequence)])[0], want, "{architecture}, {isa:?}");
        }
    }
}

#[test]
fn concurrent_callers_get_what_they_would_get_alone() {
    let model = common::model(&options(2), Isa::detect());
    let queries: Vec<Query> = (0..8).map(|k| all_at_once(&tokens(100 + k % 3, 40 + k as usize))).collect();
    let alone: Vec<_> = queries.iter().map(|q| run(&model, std::slice::from_ref(q))).collect();
    model.forget();
    std::thread::scope(|scope| {
        for (query, alone) in queries.iter().zip(&alone) {
            let model = &model;
            scope.spawn(move || {
                for _ in 0..5 {
                    assert_eq!(&run(model, std::slice::from_ref(query)), alone);
                }
            });
        }
    });
}

#[test]
fn eviction_changes_nothing_but_the_work() {
    // 1 MiB holds 85 pages of the simulated model: 1,360 tokens.
    let small = common::model(&Options { threads: 1, context: 0, cache_mb: 1 }, Isa::detect());
    let large = common::model(&options(1), Isa::detect());
    for round in 0..3 {
        for k in 0..6 {
            let query = all_at_once(&tokens(k, 300 + k as usize));
            let query = std::slice::from_ref(&query);
            assert_eq!(run(&small, query), run(&large, query), "round {round}, sequence {k}");
        }
    }
    // A request larger than the cache is worked off in parts.
    let many: Vec<Query> = (0..12).map(|k| all_at_once(&tokens(50 + k, 200))).collect();
    assert_eq!(run(&small, &many), run(&large, &many));
    // What is not worth keeping is dropped.
    let (prompt, tail) = (tokens(70, 64), tokens(71, 30));
    let all = [prompt.clone(), tail].concat();
    let query = Query { keep: prompt.len(), ..all_at_once(&all) };
    run(&large, &[query]);
    assert_eq!(large.remembered(&all), prompt.len());
}

#[test]
fn what_cannot_be_computed_is_refused_and_leaves_the_cache_sound() {
    let model = common::model(&Options { context: 100, ..options(1) }, Isa::detect());
    let sequence = tokens(3, 90);
    let want = run(&model, &[all_at_once(&sequence)]);
    model.forget();
    let cases = [tokens(3, 101), vec![], vec![5, 271]];
    for bad in cases {
        let query = Query { wants: Vec::new(), ..all_at_once(&bad) };
        let error = model.evaluate(&[all_at_once(&sequence), query], &|| false).unwrap_err();
        assert!(
            matches!(error, EngineError::ContextExceeded { needed: 101, limit: 100 } | EngineError::Invalid { .. }),
            "{error}"
        );
    }
    let error = model.evaluate(&[all_at_once(&sequence)], &|| true).unwrap_err();
    assert!(matches!(error, EngineError::Cancelled));
    assert_eq!(model.remembered(&sequence), 0);
    assert_eq!(run(&model, &[all_at_once(&sequence)]), want);
}
