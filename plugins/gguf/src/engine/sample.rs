//! Drawing the next token: greedy, or temperature and nucleus with a seed.
//!
//! Temperature 0 takes the first of the most probable tokens. Otherwise the draw depends on the logits,
//! the seed and the number of draws before it, and on nothing else.

use rand::RngExt;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// How tokens are drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sampling {
    /// 0 is greedy; otherwise logits are divided by it.
    pub temperature: f64,
    /// Smallest set of tokens whose probability reaches this is drawn from; 1 keeps all.
    pub top_p: f64,
    /// Seed of the draws.
    pub seed: u64,
}

impl Sampling {
    /// Most probable token always.
    pub const GREEDY: Self = Self { temperature: 0.0, top_p: 1.0, seed: 0 };
}

/// A source of draws.
pub struct Sampler {
    sampling: Sampling,
    random: ChaCha8Rng,
}

impl Sampler {
    /// Starts at the first draw of the seed.
    pub fn new(sampling: Sampling) -> Self {
        Self { sampling, random: ChaCha8Rng::seed_from_u64(sampling.seed) }
    }

    /// Index drawn from unnormalised log-weights; `-inf` is never drawn while anything else is there.
    /// `None` when nothing can be drawn.
    pub fn draw(&mut self, weights: impl Iterator<Item = f64>) -> Option<usize> {
        let mut items: Vec<(usize, f64)> = weights.enumerate().filter(|(_, w)| *w > f64::NEG_INFINITY).collect();
        let best = items.iter().copied().reduce(|a, b| if b.1 > a.1 { b } else { a })?;
        if self.sampling.temperature <= 0.0 {
            return Some(best.0);
        }
        for (_, w) in &mut items {
            *w = ((*w - best.1) / self.sampling.temperature).exp();
        }
        let mut total: f64 = items.iter().map(|i| i.1).sum();
        if self.sampling.top_p < 1.0 {
            nucleus(&mut items, self.sampling.top_p.max(0.0) * total);
            total = items.iter().map(|i| i.1).sum();
        }
        let mut left = self.random.random::<f64>() * total;
        let drawn = items.iter().find(|i| {
            left -= i.1;
            left < 0.0
        });
        drawn.or(items.last()).map(|i| i.0)
    }
}

/// Keeps the smallest set of heaviest items whose weights reach `limit`, at least one, heaviest first.
fn nucleus(items: &mut Vec<(usize, f64)>, limit: f64) {
    let heavier = |a: &(usize, f64), b: &(usize, f64)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
    // A vocabulary is long and a nucleus mostly short: only as many as needed are sorted.
    let mut head = 64;
    while head < items.len() {
        items.select_nth_unstable_by(head, heavier);
        if items[..head].iter().map(|i| i.1).sum::<f64>() > limit {
            items.truncate(head);
        }
        head *= 8;
    }
    items.sort_unstable_by(heavier);
    let mut sum = 0.0;
    let kept = items.iter().take_while(|i| {
        let before = sum;
        sum += i.1;
        before < limit
    });
    let kept = kept.count().max(1);
    items.truncate(kept);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_follow_the_probabilities_and_the_seed() {
        let weights = [0.5f64, 0.3, 0.2].map(f64::ln);
        let run = |seed, top_p| {
            let mut s = Sampler::new(Sampling { temperature: 1.0, top_p, seed });
            (0..4000).map(|_| s.draw(weights.into_iter()).unwrap()).collect::<Vec<_>>()
        };
        let a = run(7, 1.0);
        assert_eq!(a, run(7, 1.0));
        assert_ne!(a, run(8, 1.0));
        for (i, p) in [0.5, 0.3, 0.2].into_iter().enumerate() {
            let share = a.iter().filter(|d| **d == i).count() as f64 / 4000.0;
            assert!((share - p).abs() < 0.03, "{i}: {share}");
        }
        assert!(run(7, 0.7).iter().all(|d| *d < 2));
        let mut wide: Vec<(usize, f64)> = (0..5000).map(|i| (i, 1.0 + ((i * 7919) % 5000) as f64)).collect();
        let mut sorted = wide.clone();
        sorted.sort_by(|a, b| b.1.total_cmp(&a.1));
        let limit = sorted[..700].iter().map(|i| i.1).sum();
        nucleus(&mut wide, limit);
        assert_eq!(wide, sorted[..700]);
        let mut greedy = Sampler::new(Sampling::GREEDY);
        assert_eq!(greedy.draw([1.0, 3.0, 3.0].into_iter()), Some(1));
        assert_eq!(greedy.draw([f64::NEG_INFINITY].into_iter()), None);
    }
}
