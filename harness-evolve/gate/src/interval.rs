//! Intervals for the report: cluster bootstrap for means over groups, Clopper–Pearson for proportions. Refuses to call
//! ten siblings ten observations: whole groups are resampled.

use serde::{Deserialize, Serialize};
use statrs::distribution::{Beta, ContinuousCDF};

use crate::stream::Stream;

/// How an interval was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Percentiles of the mean over resampled groups (Davison & Hinkley 1997, section 3.8).
    ClusterBootstrap,
    /// All groups agree to the last bit, where a bootstrap would say "no doubt": the exact bound on the share of
    /// groups that would not have agreed (Clopper & Pearson 1934).
    ClopperPearson,
}

/// A mean with its two-sided interval and both counts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Mean over tasks.
    pub mean: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Groups: what the width rests on.
    pub groups: usize,
    /// Tasks (or task × seed) in them.
    pub tasks: usize,
    /// How it was made.
    pub method: Method,
}

/// Interval for the mean of scores in [0, 1], one inner list per group. `level` is two-sided, e.g. 0.95. `None`
/// without any score.
pub fn mean_interval(seed: u64, groups: &[Vec<f64>], level: f64, resamples: usize) -> Option<Interval> {
    interval(seed, groups, level, resamples, 0.0, 1.0)
}

/// Interval for the mean of paired differences in [−1, 1], one inner list per group. `None` without any.
pub fn difference_interval(seed: u64, groups: &[Vec<f64>], level: f64, resamples: usize) -> Option<Interval> {
    interval(seed, groups, level, resamples, -1.0, 1.0)
}

fn interval(
    seed: u64,
    groups: &[Vec<f64>],
    level: f64,
    resamples: usize,
    floor: f64,
    ceiling: f64,
) -> Option<Interval> {
    let sums: Vec<(f64, usize)> =
        groups.iter().filter(|group| !group.is_empty()).map(|group| (group.iter().sum(), group.len())).collect();
    let tasks: usize = sums.iter().map(|(_, count)| count).sum();
    let &(first_sum, first_count) = sums.first()?;
    let mean = sums.iter().map(|(sum, _)| sum).sum::<f64>() / tasks as f64;
    let tail = ((1.0 - level) / 2.0).clamp(0.0, 0.5);
    let first = first_sum / first_count as f64;
    let (low, high, method) = if sums.iter().all(|&(sum, count)| sum / count as f64 == first) {
        // With `tail` in each direction, up to this share of groups may differ, by the whole range at worst.
        let other = clopper_pearson_upper(0, sums.len() as u64, 1.0 - tail);
        let low = first + other * (floor - first);
        let high = first + other * (ceiling - first);
        (low, high, Method::ClopperPearson)
    } else {
        let (low, high) = percentiles(seed, &sums, tail, resamples.max(1));
        (low, high, Method::ClusterBootstrap)
    };
    Some(Interval { mean, low, high, groups: sums.len(), tasks, method })
}

fn percentiles(seed: u64, sums: &[(f64, usize)], tail: f64, resamples: usize) -> (f64, f64) {
    let mut stream = Stream::new("cluster bootstrap", &[&seed.to_le_bytes()]);
    let mut means: Vec<f64> = (0..resamples)
        .map(|_| {
            let (mut sum, mut count) = (0.0, 0);
            for _ in 0..sums.len() {
                let (group_sum, group_count) = sums[stream.below(sums.len())];
                sum += group_sum;
                count += group_count;
            }
            sum / count as f64
        })
        .collect();
    means.sort_by(f64::total_cmp);
    let cut = ((tail * resamples as f64) as usize).min((resamples - 1) / 2);
    (means[cut], means[resamples - 1 - cut])
}

/// One-sided upper Clopper–Pearson bound at confidence `level` for a proportion seen as `hits` of `trials`: the
/// `level` quantile of Beta(hits + 1, trials − hits). 1 when every trial hit or there were none.
pub fn clopper_pearson_upper(hits: u64, trials: u64, level: f64) -> f64 {
    if hits >= trials {
        return 1.0;
    }
    Beta::new(hits as f64 + 1.0, (trials - hits) as f64).map_or(1.0, |beta| beta.inverse_cdf(level.clamp(0.0, 1.0)))
}

/// One-sided lower Clopper–Pearson bound at confidence `level`: the 1 − `level` quantile of Beta(hits, trials − hits
/// + 1). 0 when no trial hit.
pub fn clopper_pearson_lower(hits: u64, trials: u64, level: f64) -> f64 {
    let hits = hits.min(trials);
    if hits == 0 {
        return 0.0;
    }
    Beta::new(hits as f64, (trials - hits) as f64 + 1.0)
        .map_or(0.0, |beta| beta.inverse_cdf((1.0 - level).clamp(0.0, 1.0)))
}
