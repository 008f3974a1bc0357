//! Products of matrices in every format of weights: the definition in double precision, and the same bits by
//! every instruction set, for few rows and for many.

use crate::common::Writer;
use plugin_gguf::engine::blocks::Format;
use plugin_gguf::engine::gguf::Gguf;
use plugin_gguf::engine::kernels::Isa;
use plugin_gguf::engine::matrix::{Activations, Matrix, multiply};
use plugin_gguf::engine::threads::Pool;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::path::Path;

/// ggml's numbers of the formats, and where their blocks have half-precision scales.
const FORMATS: [(u32, &[usize]); 13] = [
    (0, &[]),
    (1, &[]),
    (30, &[]),
    (2, &[0]),
    (3, &[0, 2]),
    (6, &[0]),
    (7, &[0, 2]),
    (8, &[0]),
    (10, &[80, 82]),
    (11, &[108]),
    (12, &[0, 2]),
    (13, &[0, 2]),
    (14, &[208]),
];

/// Two tensors of random blocks in a file, with scales near 1/64.
fn file(number: u32, halves: &[usize], rows: [usize; 2], cols: usize, random: &mut ChaCha8Rng) -> Gguf {
    let format = Format::numbered(number).unwrap();
    let mut w = Writer::default();
    for (name, rows) in ["a", "b"].into_iter().zip(rows) {
        let blocks = rows * cols / format.weights();
        let mut bytes: Vec<u8> = (0..blocks * format.bytes()).map(|_| random.random()).collect();
        for block in bytes.chunks_exact_mut(format.bytes()) {
            for at in halves {
                // A half of exponent 7 to 10 (2^-8 to 2^-5), sign and fraction at random.
                block[at + 1] = (block[at + 1] & 0x83) | ((7 + (block[at + 1] >> 2) % 4) << 2);
            }
            let small = || (random.random::<f32>() - 0.5) / 4.0;
            let mut small = small;
            match format {
                Format::F32 => block.copy_from_slice(&small().to_le_bytes()),
                Format::F16 => block.copy_from_slice(&half::f16::from_f32(small()).to_le_bytes()),
                Format::BF16 => block.copy_from_slice(&half::bf16::from_f32(small()).to_le_bytes()),
                _ => {}
            }
        }
        w.raw(name, &[cols, rows], number, bytes);
    }
    Gguf::parse(Path::new("weights.gguf"), w.bytes()).unwrap()
}

#[test]
fn products_are_those_of_the_definition_in_every_format() {
    let mut random = ChaCha8Rng::seed_from_u64(3);
    // 2560 inputs are more than a product takes apart at a time; the second tensor ends within a group of sixteen.
    let (sizes, cols) = ([32, 43], 2560);
    let total = sizes[0] + sizes[1];
    let pool = Pool::new(2);
    for (number, halves) in FORMATS {
        let format = Format::numbered(number).unwrap();
        let file = file(number, halves, sizes, cols, &mut random);
        let tensors = [("a".to_owned(), sizes[0]), ("b".to_owned(), sizes[1])];
        let matrix = Matrix::read(&file, &tensors, cols, &pool).unwrap();
        let exact: Vec<f32> =
            tensors.iter().flat_map(|(name, rows)| file.tensor(name, &[*rows, cols]).unwrap()).collect();
        // Numbers in floating point are rounded to 8 bits; everything else is kept.
        let rounded = matches!(format, Format::F32 | Format::F16 | Format::BF16);
        let mut held = vec![0.0; total * cols];
        for (row, out) in held.chunks_mut(cols).enumerate() {
            matrix.row(Isa::detect(), row, out);
        }
        let worst = exact.iter().zip(&held).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst <= if rounded { 0.0006 } else { 0.0 } || format == Format::Q8_0, "{format:?}: {worst}");

        let rows = 19;
        let values: Vec<f32> = (0..rows * cols).map(|_| random.random::<f32>() - 0.4).collect();
        let mut activations = Activations::default();
        activations.reshape(rows, cols);
        activations.writers().zip(values.chunks(cols)).for_each(|(mut writer, row)| writer.write(row));
        let mut seen: Option<Vec<u32>> = None;
        for isa in Isa::available() {
            let stride = total.next_multiple_of(16);
            let mut out = vec![f32::NAN; rows * stride];
            multiply(isa, &pool, &matrix, &activations, &mut out, stride);
            for (row, out) in out.chunks(stride).enumerate() {
                let x = &values[row * cols..(row + 1) * cols];
                for (i, got) in out[..total].iter().enumerate() {
                    let w = &held[i * cols..(i + 1) * cols];
                    let want: f64 = w.iter().zip(x).map(|(w, x)| f64::from(*w) * f64::from(*x)).sum();
                    // Rounding an activation to 8 bits moves it by at most 0.6/254.
                    let room: f64 = w.iter().map(|w| f64::from(*w).powi(2)).sum::<f64>().sqrt() * 0.6 / 254.0 * 4.0;
                    assert!((f64::from(*got) - want).abs() < room, "{format:?}, {isa:?}: {got} for {want} +- {room}");
                }
            }
            // A row alone takes another way through the kernels.
            let mut alone = vec![f32::NAN; stride];
            let mut one = Activations::default();
            one.reshape(1, cols);
            one.writers().for_each(|mut writer| writer.write(&values[7 * cols..8 * cols]));
            multiply(isa, &pool, &matrix, &one, &mut alone, stride);
            let bits = |out: &[f32]| out.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(&alone[..total]), bits(&out[7 * stride..7 * stride + total]), "{format:?}, {isa:?}");
            let all: Vec<u32> = out.chunks(stride).flat_map(|row| bits(&row[..total])).collect();
            match &seen {
                None => seen = Some(all),
                Some(seen) => assert!(seen == &all, "{format:?}: {isa:?} gives other bits"),
            }
        }
    }
}
