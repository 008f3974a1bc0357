//! The block formats in which ggml stores weights, decoded to f32.
//!
//! A tensor is a row of blocks; a block holds 32 or 256 small integers and the scales that make numbers of them.
//! Source of every layout and formula: ggml `src/ggml-common.h` (`block_q4_0` … `block_q6_K`) and
//! `src/ggml-quants.c` (`dequantize_row_*`). Multiplication comes before addition and nothing is fused, so the
//! values are those of ggml bit for bit.

use half::{bf16, f16};

/// Weights of a block of the K formats.
const SUPER: usize = 256;
/// Weights of a block of the older formats.
const SMALL: usize = 32;

/// How the weights of a tensor are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// IEEE single precision.
    F32,
    /// IEEE half precision.
    F16,
    /// The upper half of a single.
    BF16,
    /// 4 bits, scale.
    Q4_0,
    /// 4 bits, scale and minimum.
    Q4_1,
    /// 5 bits, scale.
    Q5_0,
    /// 5 bits, scale and minimum.
    Q5_1,
    /// 8 bits, scale.
    Q8_0,
    /// 2 bits, 16 sub-blocks with a scale and a minimum of 4 bits each.
    Q2K,
    /// 3 bits, 16 sub-blocks with a scale of 6 bits each.
    Q3K,
    /// 4 bits, 8 sub-blocks with a scale and a minimum of 6 bits each.
    Q4K,
    /// 5 bits, 8 sub-blocks with a scale and a minimum of 6 bits each.
    Q5K,
    /// 6 bits, 16 sub-blocks with a scale of 8 bits each.
    Q6K,
}

impl Format {
    /// The format that a file names by this number (`enum ggml_type`); none where it is not decoded here.
    pub fn numbered(number: u32) -> Option<Self> {
        Some(match number {
            0 => Self::F32,
            1 => Self::F16,
            2 => Self::Q4_0,
            3 => Self::Q4_1,
            6 => Self::Q5_0,
            7 => Self::Q5_1,
            8 => Self::Q8_0,
            10 => Self::Q2K,
            11 => Self::Q3K,
            12 => Self::Q4K,
            13 => Self::Q5K,
            14 => Self::Q6K,
            30 => Self::BF16,
            _ => return None,
        })
    }

    /// What ggml calls the format of a number, whether it is decoded here or not.
    pub fn name(number: u32) -> String {
        let name = match number {
            9 => "Q8_1",
            15 => "Q8_K",
            16 => "IQ2_XXS",
            17 => "IQ2_XS",
            18 => "IQ3_XXS",
            19 => "IQ1_S",
            20 => "IQ4_NL",
            21 => "IQ3_S",
            22 => "IQ2_S",
            23 => "IQ4_XS",
            29 => "IQ1_M",
            34 => "TQ1_0",
            35 => "TQ2_0",
            39 => "MXFP4",
            _ => return format!("ggml type {number}"),
        };
        format!("{name} (ggml type {number})")
    }

    /// The formats that are decoded here, for an error.
    pub fn known() -> &'static str {
        "F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q2_K, Q3_K, Q4_K, Q5_K and Q6_K"
    }

    /// Weights per block.
    pub const fn weights(self) -> usize {
        match self {
            Self::F32 | Self::F16 | Self::BF16 => 1,
            Self::Q4_0 | Self::Q4_1 | Self::Q5_0 | Self::Q5_1 | Self::Q8_0 => SMALL,
            Self::Q2K | Self::Q3K | Self::Q4K | Self::Q5K | Self::Q6K => SUPER,
        }
    }

    /// Bytes per block.
    pub const fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::BF16 => 2,
            Self::Q4_0 => 18,
            Self::Q4_1 => 20,
            Self::Q5_0 => 22,
            Self::Q5_1 => 24,
            Self::Q8_0 => 34,
            Self::Q2K => 84,
            Self::Q3K => 110,
            Self::Q4K => 144,
            Self::Q5K => 176,
            Self::Q6K => 210,
        }
    }

    /// Decodes whole blocks, in order; bytes of a last block that is not whole are left out.
    pub fn decode(self, blocks: &[u8]) -> Vec<f32> {
        match self {
            Self::F32 => blocks.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect(),
            Self::F16 => blocks.as_chunks().0.iter().map(|b| f16::from_le_bytes(*b).to_f32()).collect(),
            Self::BF16 => blocks.as_chunks().0.iter().map(|b| bf16::from_le_bytes(*b).to_f32()).collect(),
            Self::Q4_0 => each(blocks, q4_0),
            Self::Q4_1 => each(blocks, q4_1),
            Self::Q5_0 => each(blocks, q5_0),
            Self::Q5_1 => each(blocks, q5_1),
            Self::Q8_0 => each(blocks, q8_0),
            Self::Q2K => each(blocks, q2_k),
            Self::Q3K => each(blocks, q3_k),
            Self::Q4K => each(blocks, q4_k),
            Self::Q5K => each(blocks, q5_k),
            Self::Q6K => each(blocks, q6_k),
        }
    }
}

/// Every block of `BYTES` bytes as `WEIGHTS` numbers.
fn each<const BYTES: usize, const WEIGHTS: usize>(
    blocks: &[u8],
    decode: impl Fn(&[u8; BYTES], &mut [f32; WEIGHTS]),
) -> Vec<f32> {
    let blocks = blocks.as_chunks::<BYTES>().0;
    let mut out = vec![0.0; blocks.len() * WEIGHTS];
    for (block, out) in blocks.iter().zip(out.as_chunks_mut().0) {
        decode(block, out);
    }
    out
}

/// The half-precision number at a place of a block.
fn half_at(block: &[u8], at: usize) -> f32 {
    f16::from_le_bytes([block[at], block[at + 1]]).to_f32()
}

/// The 32 bits at a place of a block.
pub(super) fn bits_at(block: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([block[at], block[at + 1], block[at + 2], block[at + 3]])
}

fn q4_0(block: &[u8; 18], out: &mut [f32; SMALL]) {
    let scale = half_at(block, 0);
    let (low, high) = out.split_at_mut(SMALL / 2);
    for ((q, low), high) in block[2..].iter().zip(low).zip(high) {
        *low = f32::from((q & 15) as i8 - 8) * scale;
        *high = f32::from((q >> 4) as i8 - 8) * scale;
    }
}

fn q4_1(block: &[u8; 20], out: &mut [f32; SMALL]) {
    let (scale, least) = (half_at(block, 0), half_at(block, 2));
    let (low, high) = out.split_at_mut(SMALL / 2);
    for ((q, low), high) in block[4..].iter().zip(low).zip(high) {
        *low = f32::from(q & 15) * scale + least;
        *high = f32::from(q >> 4) * scale + least;
    }
}

/// The two weights of 5 bits whose lower four are byte `j` and whose fifth bits are in `fifth`.
pub(super) fn five_bits(byte: u8, fifth: u32, j: usize) -> (u8, u8) {
    let low = ((fifth >> j) << 4) & 16;
    let high = (fifth >> (j + 12)) & 16;
    ((byte & 15) | low as u8, (byte >> 4) | high as u8)
}

fn q5_0(block: &[u8; 22], out: &mut [f32; SMALL]) {
    let (scale, fifth) = (half_at(block, 0), bits_at(block, 2));
    for (j, q) in block[6..].iter().enumerate() {
        let (low, high) = five_bits(*q, fifth, j);
        out[j] = f32::from(low as i8 - 16) * scale;
        out[j + SMALL / 2] = f32::from(high as i8 - 16) * scale;
    }
}

fn q5_1(block: &[u8; 24], out: &mut [f32; SMALL]) {
    let (scale, least, fifth) = (half_at(block, 0), half_at(block, 2), bits_at(block, 4));
    for (j, q) in block[8..].iter().enumerate() {
        let (low, high) = five_bits(*q, fifth, j);
        out[j] = f32::from(low) * scale + least;
        out[j + SMALL / 2] = f32::from(high) * scale + least;
    }
}

fn q8_0(block: &[u8; 34], out: &mut [f32; SMALL]) {
    let scale = half_at(block, 0);
    for (q, out) in block[2..].iter().zip(out) {
        *out = f32::from(*q as i8) * scale;
    }
}

/// Scales and minima (16 bytes), 2-bit weights (64), scale of the scales, scale of the minima.
fn q2_k(block: &[u8; 84], out: &mut [f32; SUPER]) {
    let (scale, least) = (half_at(block, 80), half_at(block, 82));
    for (sub, out) in out.as_chunks_mut::<16>().0.iter_mut().enumerate() {
        let (half, plane, side) = (sub / 8, sub % 8 / 2, sub % 2);
        let packed = block[sub];
        let (scale, least) = (scale * f32::from(packed & 15), least * f32::from(packed >> 4));
        let from = 16 + 32 * half + 16 * side;
        for (q, out) in block[from..from + 16].iter().zip(out) {
            *out = scale * f32::from((q >> (2 * plane)) & 3) - least;
        }
    }
}

/// Third bits (32 bytes), lower two bits (64), 16 scales of 6 bits (12), scale of the scales.
fn q3_k(block: &[u8; 110], out: &mut [f32; SUPER]) {
    let (thirds, scales, scale) = (&block[..32], &block[96..108], half_at(block, 108));
    for (sub, out) in out.as_chunks_mut::<16>().0.iter_mut().enumerate() {
        let (half, plane, side) = (sub / 8, sub % 8 / 2, sub % 2);
        let scale = scale * f32::from(q3_level(scales, sub));
        let from = 32 + 32 * half + 16 * side;
        for ((q, third), out) in block[from..from + 16].iter().zip(&thirds[16 * side..]).zip(out) {
            let below = if (third >> (4 * half + plane)) & 1 == 0 { 4 } else { 0 };
            *out = scale * f32::from(((q >> (2 * plane)) & 3) as i8 - below);
        }
    }
}

/// Scale and minimum, 6 bits each, of one of the eight sub-blocks of Q4_K and Q5_K (ggml `get_scale_min_k4`).
pub(super) fn q4_levels(packed: &[u8], sub: usize) -> (u8, u8) {
    if sub < 4 {
        return (packed[sub] & 63, packed[sub + 4] & 63);
    }
    let both = packed[sub + 4];
    ((both & 15) | ((packed[sub - 4] >> 6) << 4), (both >> 4) | ((packed[sub] >> 6) << 4))
}

/// Scale, 6 bits less 32, of one of the sixteen sub-blocks of Q3_K.
pub(super) fn q3_level(packed: &[u8], sub: usize) -> i8 {
    let low = if sub < 8 { packed[sub] & 15 } else { packed[sub - 8] >> 4 };
    let high = (packed[8 + sub % 4] >> (2 * (sub / 4))) & 3;
    (low | (high << 4)) as i8 - 32
}

/// Scale of the scales, scale of the minima, both (12 bytes), 4-bit weights (128).
fn q4_k(block: &[u8; 144], out: &mut [f32; SUPER]) {
    let (d, m) = (half_at(block, 0), half_at(block, 2));
    for (sub, out) in out.as_chunks_mut::<32>().0.iter_mut().enumerate() {
        let (scale, least) = q4_levels(&block[4..16], sub);
        let (scale, least) = (d * f32::from(scale), m * f32::from(least));
        let from = 16 + 32 * (sub / 2);
        let shift = 4 * (sub % 2);
        for (q, out) in block[from..from + 32].iter().zip(out) {
            *out = scale * f32::from((q >> shift) & 15) - least;
        }
    }
}

/// As Q4_K, with the fifth bits (32 bytes) before the weights.
fn q5_k(block: &[u8; 176], out: &mut [f32; SUPER]) {
    let (d, m) = (half_at(block, 0), half_at(block, 2));
    let fifths = &block[16..48];
    for (sub, out) in out.as_chunks_mut::<32>().0.iter_mut().enumerate() {
        let (scale, least) = q4_levels(&block[4..16], sub);
        let (scale, least) = (d * f32::from(scale), m * f32::from(least));
        let from = 48 + 32 * (sub / 2);
        let shift = 4 * (sub % 2);
        for ((q, fifth), out) in block[from..from + 32].iter().zip(fifths).zip(out) {
            let weight = ((q >> shift) & 15) | (((fifth >> sub) & 1) << 4);
            *out = scale * f32::from(weight) - least;
        }
    }
}

/// Lower four bits (128 bytes), upper two (64), 16 signed scales, scale of the scales.
fn q6_k(block: &[u8; 210], out: &mut [f32; SUPER]) {
    let d = half_at(block, 208);
    for (sub, out) in out.as_chunks_mut::<16>().0.iter_mut().enumerate() {
        let (half, plane, side) = (sub / 8, sub % 8 / 2, sub % 2);
        let scale = d * f32::from(block[192 + sub] as i8);
        let low = 64 * half + 32 * (plane % 2) + 16 * side;
        let high = 128 + 32 * half + 16 * side;
        let (low_shift, high_shift) = (4 * (plane / 2), 2 * plane);
        for ((low, high), out) in block[low..low + 16].iter().zip(&block[high..high + 16]).zip(out) {
            let weight = ((low >> low_shift) & 15) | (((high >> high_shift) & 3) << 4);
            *out = scale * f32::from(weight as i8 - 32);
        }
    }
}
