//! Random streams fixed by what they are for: BLAKE3 in derive-key mode, read as an extendable output. The same
//! purpose and parts give the same numbers on every machine. Refuses ambient entropy and clocks.

/// A deterministic stream of random numbers.
#[derive(Debug)]
pub struct Stream {
    reader: blake3::OutputReader,
    block: [u8; 256],
    used: usize,
}

/// A hasher over length-prefixed parts, so that ("ab", "c") and ("a", "bc") differ.
pub(crate) fn hasher(purpose: &str, parts: &[&[u8]]) -> blake3::Hasher {
    let mut hasher = blake3::Hasher::new_derive_key(&format!("evolve-gate 1 {purpose}"));
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    hasher
}

impl Stream {
    /// The stream of a purpose (a fixed phrase, one per use) and the parts that identify the draw.
    pub fn new(purpose: &str, parts: &[&[u8]]) -> Self {
        Self { reader: hasher(purpose, parts).finalize_xof(), block: [0; 256], used: 256 }
    }

    /// The next 64 uniform bits.
    pub fn bits(&mut self) -> u64 {
        if self.used == self.block.len() {
            self.reader.fill(&mut self.block);
            self.used = 0;
        }
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&self.block[self.used..self.used + 8]);
        self.used += 8;
        u64::from_le_bytes(bytes)
    }

    /// Uniform in [0, 1), on the grid of 2⁻⁵³.
    pub fn uniform(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Uniform in 0..`n`; 0 when `n` is 0. The bias of the multiply-shift is below n/2⁶⁴.
    pub fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.bits()) * n as u128) >> 64) as usize
    }

    /// A fair coin.
    pub fn coin(&mut self) -> bool {
        self.bits() >> 63 == 1
    }
}
