//! Weights in memory: the file's own blocks, of sixteen rows side by side, with the bits the file has.
//!
//! A matrix that stays at 4 bits is half as many bytes to read for every generated token as one of 8 bits, and
//! nothing is rounded a second time. The bits of a weight lie in planes of 4, 2 and 1 of them, so that every
//! width comes apart by the same few shifts; the order within is that of the AVX-512 `vpdpbusd` instruction:
//! sixteen rows side by side and four inputs deep. What comes apart is one form for all formats:
//! `weight = scale · (quant − zero) + minimum`, the quants unsigned, the scales and minima in f32.

use super::blocks::{Format, bits_at, five_bits, q3_level, q4_levels};
use super::kernels::row::per_isa;
use super::lanes::LANES;
use super::matrix::{BLOCK, GROUP_BLOCK};

/// Inputs between two whole blocks of any format.
pub const STEP: usize = 256;

/// The form of a format's blocks once sixteen rows of them are interleaved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Form {
    /// Bits of a quant.
    pub bits: usize,
    /// What is taken from a quant before it is scaled.
    pub zero: i32,
    /// Weights that share a scale: 16 or 32.
    pub span: usize,
    /// Whether a minimum is added.
    pub minimum: bool,
    /// Whether 256 weights are one block, whose scales are products of a small integer with one number for all.
    pub nested: bool,
    /// Whether the small integers of scale and minimum share a byte.
    pub nibbles: bool,
}

impl Form {
    /// The form of a format; of numbers in floating point that of Q8_0, to which they are rounded.
    pub const fn of(format: Format) -> Self {
        let (bits, zero, span, minimum, nested) = match format {
            Format::Q4_0 => (4, 8, 32, false, false),
            Format::Q4_1 => (4, 0, 32, true, false),
            Format::Q5_0 => (5, 16, 32, false, false),
            Format::Q5_1 => (5, 0, 32, true, false),
            Format::Q2K => (2, 0, 16, true, true),
            Format::Q3K => (3, 4, 16, false, true),
            Format::Q4K => (4, 0, 32, true, true),
            Format::Q5K => (5, 0, 32, true, true),
            Format::Q6K => (6, 32, 16, false, true),
            Format::Q8_0 | Format::F32 | Format::F16 | Format::BF16 => (8, 128, 32, false, false),
        };
        Self { bits, zero, span, minimum, nested, nibbles: matches!(format, Format::Q2K) }
    }

    /// Weights of a block.
    pub const fn weights(self) -> usize {
        if self.nested { STEP } else { BLOCK }
    }

    /// Bytes that the quants of 32 inputs of sixteen rows take.
    const fn planes(self) -> usize {
        GROUP_BLOCK / 8 * self.bits
    }

    /// Bytes of scales and minima before the quants of a block of sixteen rows.
    const fn head(self) -> usize {
        let numbers = 1 + self.minimum as usize;
        let levels = if !self.nested {
            0
        } else if self.nibbles {
            STEP / self.span
        } else {
            numbers * STEP / self.span
        };
        LANES * (2 * numbers + levels)
    }

    /// Bytes of a block of sixteen rows.
    pub const fn bytes(self) -> usize {
        self.head() + self.weights() / BLOCK * self.planes()
    }

    /// Scales in so many inputs of sixteen rows.
    pub const fn scales(self, inputs: usize) -> usize {
        inputs / self.span * LANES
    }
}

/// Where the blocks of sixteen rows go when they are taken apart.
pub struct Apart<'a> {
    /// `[32 inputs][input/4][row][input%4]`.
    pub quants: &'a mut [u8],
    /// `[inputs/span][row]`.
    pub scales: &'a mut [f32],
    /// As the scales; left alone where the form has none.
    pub minima: &'a mut [f32],
}

per_isa! {
    /// Takes whole interleaved blocks apart, as many as `blocks` holds.
    pub fn take_apart(format: Format, blocks: &[u8], out: Apart<'_>) {
        match format {
            Format::Q4_0 => apart::<4>(const { Form::of(Format::Q4_0) }, blocks, out),
            Format::Q4_1 => apart::<4>(const { Form::of(Format::Q4_1) }, blocks, out),
            Format::Q5_0 => apart::<5>(const { Form::of(Format::Q5_0) }, blocks, out),
            Format::Q5_1 => apart::<5>(const { Form::of(Format::Q5_1) }, blocks, out),
            Format::Q2K => apart::<2>(const { Form::of(Format::Q2K) }, blocks, out),
            Format::Q3K => apart::<3>(const { Form::of(Format::Q3K) }, blocks, out),
            Format::Q4K => apart::<4>(const { Form::of(Format::Q4K) }, blocks, out),
            Format::Q5K => apart::<5>(const { Form::of(Format::Q5K) }, blocks, out),
            Format::Q6K => apart::<6>(const { Form::of(Format::Q6K) }, blocks, out),
            _ => apart::<8>(const { Form::of(Format::Q8_0) }, blocks, out),
        }
    }
}

/// `BITS` is the form's, said once more because the planes are told apart when this is compiled.
#[inline(always)]
fn apart<const BITS: usize>(form: Form, blocks: &[u8], out: Apart<'_>) {
    let per_block = form.scales(form.weights());
    let scales = out.scales.chunks_exact_mut(per_block);
    let mut minima = out.minima.chunks_exact_mut(per_block);
    let quants = out.quants.chunks_exact_mut(form.weights() * LANES);
    for ((block, quants), scales) in blocks.chunks_exact(form.bytes()).zip(quants).zip(scales) {
        let (head, planes) = block.split_at(form.head());
        for (planes, quants) in planes.chunks_exact(form.planes()).zip(quants.as_chunks_mut().0) {
            quants_of::<BITS>(planes, quants);
        }
        let (scale, rest) = halves(head);
        let (minimum, levels) = if form.minimum { halves(rest) } else { ([0.0; LANES], rest) };
        let minima: &mut [f32] = if form.minimum { minima.next().unwrap_or_default() } else { &mut [] };
        if !form.nested {
            scales.copy_from_slice(&scale);
            minima.copy_from_slice(&minimum[..minima.len()]);
            continue;
        }
        let (low, high) = levels.split_at(per_block);
        for (at, (scales, low)) in
            scales.as_chunks_mut::<LANES>().0.iter_mut().zip(low.as_chunks::<LANES>().0).enumerate()
        {
            for ((out, scale), level) in scales.iter_mut().zip(scale).zip(low) {
                *out = scale
                    * if form.nibbles {
                        f32::from(level & 15)
                    } else if form.minimum {
                        f32::from(*level)
                    } else {
                        f32::from(*level as i8)
                    };
            }
            if form.minimum {
                let levels = if form.nibbles { low } else { &high.as_chunks::<LANES>().0[at] };
                let minima = &mut minima[at * LANES..][..LANES];
                for ((out, minimum), level) in minima.iter_mut().zip(minimum).zip(levels) {
                    let level = if form.nibbles { level >> 4 } else { *level };
                    *out = -(minimum * f32::from(level));
                }
            }
        }
    }
}

/// The sixteen half-precision numbers at the beginning, and what follows them.
#[inline(always)]
fn halves(bytes: &[u8]) -> ([f32; LANES], &[u8]) {
    let (head, rest) = bytes.split_at(2 * LANES);
    let mut out = [0.0; LANES];
    for (out, half) in out.iter_mut().zip(head.as_chunks::<2>().0) {
        *out = half_to_f32(u16::from_le_bytes(*half));
    }
    (out, rest)
}

/// Half to single precision, exactly, without a branch: the loop over sixteen of them becomes vector code.
#[inline(always)]
fn half_to_f32(half: u16) -> f32 {
    let (sign, rest) = (u32::from(half & 0x8000) << 16, u32::from(half & 0x7FFF));
    let finite = (f32::from_bits(rest << 13) * f32::from_bits(0x7780_0000)).to_bits(); // times 2^112
    let special = 0x7F80_0000 | (rest << 13);
    f32::from_bits(sign | if rest >= 0x7C00 { special } else { finite })
}

/// The quants of 32 inputs of sixteen rows.
#[inline(always)]
fn quants_of<const BITS: usize>(planes: &[u8], out: &mut [u8; GROUP_BLOCK]) {
    if BITS == 8 {
        out.copy_from_slice(planes);
        return;
    }
    let (fours, rest) = planes.split_at(if BITS & 4 == 0 { 0 } else { 256 });
    let (twos, ones) = rest.split_at(if BITS & 2 == 0 { 0 } else { 128 });
    vector::<BITS, 0>(fours, twos, ones, out);
    vector::<BITS, 1>(fours, twos, ones, out);
    vector::<BITS, 2>(fours, twos, ones, out);
    vector::<BITS, 3>(fours, twos, ones, out);
    vector::<BITS, 4>(fours, twos, ones, out);
    vector::<BITS, 5>(fours, twos, ones, out);
    vector::<BITS, 6>(fours, twos, ones, out);
    vector::<BITS, 7>(fours, twos, ones, out);
}

/// The `K`-th 64 quants: four inputs of sixteen rows.
#[inline(always)]
fn vector<const BITS: usize, const K: usize>(fours: &[u8], twos: &[u8], ones: &[u8], out: &mut [u8; GROUP_BLOCK]) {
    let out = &mut out.as_chunks_mut::<64>().0[K];
    let fours = if BITS & 4 == 0 { &[0; 64] } else { &fours.as_chunks::<64>().0[K % 4] };
    let twos = if BITS & 2 == 0 { &[0; 64] } else { &twos.as_chunks::<64>().0[K % 2] };
    let ones = if BITS & 1 == 0 { &[0; 64] } else { &ones.as_chunks::<64>().0[0] };
    for i in 0..64 {
        let four = (fours[i] >> (4 * (K / 4))) & 15;
        let two = ((twos[i] >> (2 * (K / 2))) & 3) << (BITS & 4);
        let one = ((ones[i] >> K) & 1) << (BITS & 6);
        out[i] = four | two | one;
    }
}

/// Interleaves the blocks of up to sixteen rows, which lie one after the other in `rows`, each `bytes` long;
/// rows that are not there are zero. `out` is `[block][interleaved block]`.
pub fn interleave(format: Format, rows: &[u8], bytes: usize, out: &mut [u8]) {
    let form = Form::of(format);
    let planes = form.planes();
    for (b, out) in out.chunks_exact_mut(form.bytes()).enumerate() {
        let (head, quants) = out.split_at_mut(form.head());
        let mut apart = [[form.zero as u8; GROUP_BLOCK]; STEP / BLOCK];
        for (lane, row) in rows.chunks_exact(bytes).take(LANES).enumerate() {
            let block = &row[b * format.bytes()..][..format.bytes()];
            put_head(format, form, block, lane, head);
            for (sub, apart) in apart[..form.weights() / BLOCK].iter_mut().enumerate() {
                let mut natural = [0; BLOCK];
                quants_in_file(format, block, sub, &mut natural);
                for (k, four) in natural.as_chunks::<4>().0.iter().enumerate() {
                    apart[k * 64 + lane * 4..][..4].copy_from_slice(four);
                }
            }
        }
        for (apart, quants) in apart.iter().zip(quants.chunks_exact_mut(planes)) {
            put_planes(form.bits, apart, quants);
        }
    }
}

/// Scales and minima of one row's block, into its places among those of sixteen.
fn put_head(format: Format, form: Form, block: &[u8], lane: usize, head: &mut [u8]) {
    let mut half = |number: usize, at: usize| {
        head[number * 2 * LANES + 2 * lane..][..2].copy_from_slice(&block[at..at + 2]);
    };
    let (scale, minimum) = match format {
        Format::Q2K => (80, 82),
        Format::Q3K => (108, 0),
        Format::Q6K => (208, 0),
        _ => (0, 2),
    };
    half(0, scale);
    if form.minimum {
        half(1, minimum);
    }
    if !form.nested {
        return;
    }
    let levels = &mut head[2 * LANES * (1 + usize::from(form.minimum))..];
    let spans = STEP / form.span;
    for span in 0..spans {
        let (scale, minimum) = match format {
            Format::Q2K => (block[span], 0),
            Format::Q3K => (q3_level(&block[96..108], span) as u8, 0),
            Format::Q6K => (block[192 + span], 0),
            _ => q4_levels(&block[4..16], span),
        };
        levels[span * LANES + lane] = scale;
        if form.minimum && !form.nibbles {
            levels[(spans + span) * LANES + lane] = minimum;
        }
    }
}

/// The quants of the `sub`-th 32 weights of a block as it is in a file, in the order of the weights.
fn quants_in_file(format: Format, block: &[u8], sub: usize, out: &mut [u8; BLOCK]) {
    let (half, plane) = (sub / 4, sub % 4);
    // Of the older formats: the lower four bits of each weight, of two in a byte, and the fifth ones.
    let mut older = |bytes: &[u8], fifths: u32| {
        for (j, q) in bytes.iter().enumerate() {
            (out[j], out[j + BLOCK / 2]) = five_bits(*q, fifths, j);
        }
    };
    match format {
        Format::Q4_0 => older(&block[2..18], 0),
        Format::Q4_1 => older(&block[4..20], 0),
        Format::Q5_0 => older(&block[6..22], bits_at(block, 2)),
        Format::Q5_1 => older(&block[8..24], bits_at(block, 4)),
        Format::Q2K => {
            for (out, q) in out.iter_mut().zip(&block[16 + 32 * half..]) {
                *out = (q >> (2 * plane)) & 3;
            }
        }
        Format::Q3K => {
            let low = block[32 + 32 * half..].iter().zip(&block[..32]);
            for (out, (q, third)) in out.iter_mut().zip(low) {
                *out = ((q >> (2 * plane)) & 3) | (((third >> sub) & 1) << 2);
            }
        }
        Format::Q4K => {
            for (out, q) in out.iter_mut().zip(&block[16 + 32 * (sub / 2)..]) {
                *out = (q >> (4 * (sub % 2))) & 15;
            }
        }
        Format::Q5K => {
            let low = block[48 + 32 * (sub / 2)..].iter().zip(&block[16..48]);
            for (out, (q, fifth)) in out.iter_mut().zip(low) {
                *out = ((q >> (4 * (sub % 2))) & 15) | (((fifth >> sub) & 1) << 4);
            }
        }
        Format::Q6K => {
            let low = block[64 * half + 32 * (plane % 2)..].iter().zip(&block[128 + 32 * half..]);
            for (out, (low, high)) in out.iter_mut().zip(low) {
                *out = ((low >> (4 * (plane / 2))) & 15) | (((high >> (2 * plane)) & 3) << 4);
            }
        }
        // A quant of −128, which ggml never writes, is read as −127: the AVX2 kernel multiplies signs.
        _ => {
            for (out, q) in out.iter_mut().zip(&block[2..34]) {
                *out = (*q as i8).max(-127) as u8 ^ 0x80;
            }
        }
    }
}

/// The inverse of [`quants_of`].
fn put_planes(bits: usize, quants: &[u8; GROUP_BLOCK], out: &mut [u8]) {
    if bits == 8 {
        out.copy_from_slice(quants);
        return;
    }
    out.fill(0);
    let (fours, rest) = out.split_at_mut(if bits & 4 == 0 { 0 } else { 256 });
    let (twos, ones) = rest.split_at_mut(if bits & 2 == 0 { 0 } else { 128 });
    for (k, quants) in quants.as_chunks::<64>().0.iter().enumerate() {
        if bits & 4 != 0 {
            for (to, q) in fours[64 * (k % 4)..].iter_mut().zip(quants) {
                *to |= (q & 15) << (4 * (k / 4));
            }
        }
        if bits & 2 != 0 {
            for (to, q) in twos[64 * (k % 2)..].iter_mut().zip(quants) {
                *to |= ((q >> (bits & 4)) & 3) << (2 * (k / 2));
            }
        }
        if bits & 1 != 0 {
            for (to, q) in ones.iter_mut().zip(quants) {
                *to |= ((q >> (bits & 6)) & 1) << k;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::kernels::Isa;

    const QUANTISED: [Format; 10] = [
        Format::Q4_0,
        Format::Q4_1,
        Format::Q5_0,
        Format::Q5_1,
        Format::Q8_0,
        Format::Q2K,
        Format::Q3K,
        Format::Q4K,
        Format::Q5K,
        Format::Q6K,
    ];

    /// Blocks of noise, with scales that are numbers.
    fn noise(format: Format, blocks: usize, seed: u8) -> Vec<u8> {
        let mut bytes = vec![0; blocks * format.bytes()];
        blake3::Hasher::new().update(&[seed]).finalize_xof().fill(&mut bytes);
        let halves: &[usize] = match format {
            Format::Q2K => &[80, 82],
            Format::Q3K => &[108],
            Format::Q6K => &[208],
            Format::Q4_1 | Format::Q5_1 | Format::Q4K | Format::Q5K => &[0, 2],
            _ => &[0],
        };
        for block in bytes.chunks_exact_mut(format.bytes()) {
            halves.iter().for_each(|at| block[at + 1] &= 0b1011_1111);
        }
        bytes
    }

    #[test]
    fn interleaved_blocks_come_apart_into_the_weights_of_the_file() {
        for (seed, format) in QUANTISED.into_iter().enumerate() {
            let (form, inputs, there) = (Form::of(format), 512, 13);
            let bytes = inputs / format.weights() * format.bytes();
            let rows = noise(format, there * inputs / format.weights(), seed as u8);
            let mut woven = vec![0; inputs / form.weights() * form.bytes()];
            interleave(format, &rows, bytes, &mut woven);
            for isa in Isa::available() {
                let mut quants = vec![0; inputs * LANES];
                let (mut scales, mut minima) = (vec![0.0; form.scales(inputs)], vec![0.0; form.scales(inputs)]);
                let out = Apart { quants: &mut quants, scales: &mut scales, minima: &mut minima };
                take_apart(isa, format, &woven, out);
                for (lane, row) in rows.chunks_exact(bytes).enumerate() {
                    for (i, want) in format.decode(row).into_iter().enumerate() {
                        let quant = quants[i / 32 * GROUP_BLOCK + i % 32 / 4 * 64 + lane * 4 + i % 4];
                        let at = i / form.span * LANES + lane;
                        let got = scales[at] * (i32::from(quant) - form.zero) as f32 + minima[at];
                        // Quants of −128 are the one thing that is not kept.
                        let clamped = format == Format::Q8_0 && quant == 1 && want / scales[at] == -128.0;
                        assert!(
                            got == want || clamped,
                            "{format:?}, {isa:?}: weight {i} of row {lane}: {got} for {want}"
                        );
                    }
                }
            }
            let share = form.bytes() as f64 * format.weights() as f64 / (16 * format.bytes() * form.weights()) as f64;
            assert!((1.0..1.04).contains(&share), "{format:?} takes {share} of the file");
        }
    }

    #[test]
    fn halves_are_converted_exactly() {
        for bits in 0..=u16::MAX {
            let (got, want) = (half_to_f32(bits), half::f16::from_bits(bits).to_f32());
            assert!(got.to_bits() == want.to_bits() || (got.is_nan() && want.is_nan()), "{bits:#06x}");
        }
    }
}
