//! From scores to the tools that are shown.

/// Indices of the `k` best scores, best first; equal ones in their own order.
pub fn best(scores: &[f64], k: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
    order.truncate(k);
    order
}

/// Scores as multiples of their standard deviation around their mean, so that scores of two sources can be added; zeros when all
/// are equal.
pub fn standardised(scores: &[f64]) -> Vec<f64> {
    #[expect(clippy::cast_precision_loss, reason = "a count of tools")]
    let count = scores.len().max(1) as f64;
    let mean = scores.iter().sum::<f64>() / count;
    let deviation = (scores.iter().map(|score| (score - mean).powi(2)).sum::<f64>() / count).sqrt();
    let scale = if deviation > 1e-12 { 1.0 / deviation } else { 0.0 };
    scores.iter().map(|score| (score - mean) * scale).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_and_scales() {
        assert_eq!(best(&[1.0, 3.0, 3.0, -1.0], 3), [1, 2, 0]);
        assert!(best(&[], 2).is_empty());
        assert_eq!(standardised(&[2.0, 2.0]), [0.0, 0.0]);
        assert_eq!(standardised(&[1.0, 3.0]), [-1.0, 1.0]);
    }
}
