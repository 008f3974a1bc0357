//! Weights in every format decode to the same bits as candle 0.11 decodes them to (ggml's own formulas), on pseudo-random blocks.

use crate::common;
use plugin_gguf::engine::blocks::Format;
use serde::Deserialize;

/// Blocks of each format: 64 of them, out of BLAKE3's output for the format's number; digest of the decoded numbers, with every
/// NaN replaced by the same one.
const EXPECTED: [(u32, Format, usize, usize, &str); 13] = [
    (0, Format::F32, 1, 4, "afd163254c8e9acfde952805bb5af14f1e9d44affc9a642e0fd33ff767aaf083"),
    (1, Format::F16, 1, 2, "37cb77cf0af82e0d8e506bfcc95153624dec42f1bdc83fb18f1ae73eece3d958"),
    (2, Format::Q4_0, 32, 18, "3cc5465eaaaeb1ad47b3cb0f1d8a9012c399678e67a0b52dbcffe47ffa698957"),
    (3, Format::Q4_1, 32, 20, "9a9181233453de6b8ef8a854c02d71388e776b9e36fcfe18245cf8cc0bbb8c3e"),
    (6, Format::Q5_0, 32, 22, "54692d58a760b195fede65517c1a88d7f68842aba3dd2412df4b1b1ddace5282"),
    (7, Format::Q5_1, 32, 24, "947d9051d1e0e3c661c50ee2a09e53038d692d904c056531d48b0a3a5a0941ec"),
    (8, Format::Q8_0, 32, 34, "f8643f148eaf843753126951d68604b969d81809f72a3887420df369c71465dc"),
    (10, Format::Q2K, 256, 84, "c013d3872d19b5c667f6be34f98f0ed1e2b2d089afb8014936e38c7625b862f6"),
    (11, Format::Q3K, 256, 110, "90a2331095ea70e56bc6ea27d3431dfba3b3c6327731a20a9eb69700a9e001b8"),
    (12, Format::Q4K, 256, 144, "133d56a0a4f9c3acab374068445d9d342cbfc6b8af89a25e580388c1d84509e8"),
    (13, Format::Q5K, 256, 176, "6f7f56a28a9f9fb0491c30c4d239e1e818e56fc0e0c83b3369e36deb452339c8"),
    (14, Format::Q6K, 256, 210, "9e0d32b82086885aa6b4a084b4de86a7734967dfc932605e727814d19982ec71"),
    (30, Format::BF16, 1, 2, "4b9cff2cc48c5b8ea98c7fb48286653d7963185504100ca133891f33d38bd841"),
];

fn pseudo_random(seed: u32, bytes: usize) -> Vec<u8> {
    let mut out = vec![0; bytes];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut out);
    out
}

#[test]
fn every_format_decodes_to_the_bits_of_ggml() {
    for (number, format, weights, bytes, digest) in EXPECTED {
        assert_eq!(Format::numbered(number), Some(format));
        assert_eq!((format.weights(), format.bytes()), (weights, bytes), "{format:?}");
        let numbers = format.decode(&pseudo_random(number, 64 * bytes));
        assert_eq!(numbers.len(), 64 * weights, "{format:?}");
        let mut hasher = blake3::Hasher::new();
        for number in numbers {
            hasher.update(&(if number.is_nan() { f32::NAN } else { number }).to_le_bytes());
        }
        assert_eq!(hasher.finalize().to_hex().as_str(), digest, "{format:?}");
    }
    assert_eq!(Format::numbered(39), None, "a format that is not decoded");
}

/// A case of `tiny/blocks.json`, which the readers of the Python package `gguf` 0.19 wrote (`tests/reference/tiny.py`).
#[derive(Deserialize)]
struct Case {
    ggml: u32,
    /// Hexadecimal.
    blocks: String,
    /// The numbers, as the bits of single-precision floats.
    bits: Vec<u32>,
}

#[test]
fn every_format_decodes_to_the_numbers_of_the_package_gguf() {
    let cases: Vec<Case> = serde_json::from_slice(&common::tiny_file("blocks.json")).unwrap();
    assert_eq!(cases.len(), EXPECTED.len() - 1, "all formats but F32");
    for case in cases {
        let format = Format::numbered(case.ggml).unwrap();
        let digits = case.blocks.as_bytes().chunks(2).map(|two| std::str::from_utf8(two).unwrap());
        let blocks: Vec<u8> = digits.map(|two| u8::from_str_radix(two, 16).unwrap()).collect();
        for (i, (got, want)) in format.decode(&blocks).into_iter().zip(case.bits).enumerate() {
            let want = f32::from_bits(want);
            // That package adds in another order for some formats.
            let close = (got - want).abs() <= 2e-6 * want.abs().max(1e-3);
            assert!(got == want || close || (got.is_nan() && want.is_nan()), "{format:?}, {i}: {got} for {want}");
        }
    }
}
