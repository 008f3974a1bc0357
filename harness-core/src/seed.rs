//! Seeds derived from the episode's: the only randomness there is. Refuses to draw from anything else.

/// The seed of one use: the episode's seed, where it is used, and what for. BLAKE3, so that neighbours share nothing.
pub(crate) fn derive(episode: u64, step: u64, index: u64, purpose: &str) -> u64 {
    let mut hasher = blake3::Hasher::new();
    let mut head = [0; 24];
    head[..8].copy_from_slice(&episode.to_le_bytes());
    head[8..16].copy_from_slice(&step.to_le_bytes());
    head[16..].copy_from_slice(&index.to_le_bytes());
    hasher.update(&head);
    hasher.update(purpose.as_bytes());
    let mut seed = [0; 8];
    hasher.finalize_xof().fill(&mut seed);
    // 63 bits: seeds travel through formats whose integers are signed.
    u64::from_le_bytes(seed) >> 1
}
