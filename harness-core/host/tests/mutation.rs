//! Mutated packs: a good file with bytes flipped, runs overwritten, moved and cut off, from a seed. Whatever became of it, a lock
//! refuses it by its hash, a trusted publisher's signature by its key; inspection refuses or admits it without running it; and in a
//! child it can do what it likes: the host goes on.
//!
//! A few dozen here; `cargo xtask mutate` does a thousand (`MUTANTS`, `MUTANT_SEED`) and shows what became of them. This program is
//! its own child, as `harness` is.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a check stops where it fails, and tells what it saw"
)]

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use harness_host::{ChildSettings, Host, HostBuilder, HostError, Isolation, Lock, Policy, Refusal, signature_path};
use harness_spec::{LockedPack, Publisher};

#[path = "../../abi/tests/growth/exercise.rs"]
mod exercise;

/// SplitMix64 (Steele, Lea and Flood 2014): a generator of six lines, so that a seed means the same for ever.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }
}

/// `good` with one to three wounds; never the same bytes.
fn mutant(good: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = good.to_vec();
    for _ in 0..=random.below(3) {
        // Half of the wounds lie where the headers and the dynamic section are, which decide what is mapped and linked.
        let end = if random.below(2) == 0 { bytes.len().min(4096) } else { bytes.len() };
        let at = random.below(end);
        let run = 1 + random.below(64).min(bytes.len().saturating_sub(at + 1));
        match random.below(7) {
            0 | 1 => bytes[at] ^= 1 << random.below(8),
            2 => bytes[at..at + run].iter_mut().for_each(|byte| *byte = random.next() as u8),
            3 => bytes[at..at + run].fill(if random.below(2) == 0 { 0 } else { 0xff }),
            4 => {
                let from = random.below(bytes.len() - run);
                bytes.copy_within(from..from + run, at);
            }
            5 if random.below(4) == 0 => bytes.truncate(at.max(1)),
            _ => {
                let number = [0, 1, 0x7fff_ffff, 0xffff_ffff, u64::MAX, random.next()][random.below(6)].to_le_bytes();
                let width = [1, 2, 4, 8][random.below(4)].min(bytes.len() - at);
                bytes[at..at + width].copy_from_slice(&number[..width]);
            }
        }
    }
    if bytes == good {
        bytes[good.len() / 2] ^= 1;
    }
    bytes
}

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().unwrap())
}

/// What a good pack comes with, and what its owner decided.
struct Good {
    name: String,
    bytes: Vec<u8>,
    /// What its modules answer.
    lines: Vec<String>,
    lock: Lock,
    signature: String,
    policy: Policy,
}

impl Good {
    fn new() -> Self {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../abi/tests/growth");
        let file = folder.join(format!("fixture-{}.so", harness_abi::ABI_VERSION.replace('.', "-")));
        let inspected = harness_host::inspect(&file).unwrap();
        let name = inspected.manifest.pack.name;
        let expected = std::fs::read_to_string(folder.join("this-host.txt")).unwrap();
        let lines = expected.lines().filter(|line| line.starts_with(&name)).map(str::to_owned).collect();
        let mut lock = Lock::default();
        lock.insert(LockedPack {
            name: name.clone(),
            version: inspected.manifest.pack.version,
            sha256: inspected.sha256,
            publisher: None,
            permissions: Vec::new(),
            shown: BTreeMap::new(),
        });
        let bytes = std::fs::read(file).unwrap();
        let keys = minisign::KeyPair::generate_unencrypted_keypair().unwrap();
        let signature = minisign::sign(None, &keys.sk, bytes.as_slice(), None, None).unwrap().into_string();
        let key = keys.pk.to_base64().parse().unwrap();
        let publisher = Publisher { name: "Vendor".into(), key, isolation: Isolation::InProcess };
        Self {
            name,
            bytes,
            lines,
            lock,
            signature,
            policy: Policy { publishers: vec![publisher], ..Policy::default() },
        }
    }
}

/// Why the one file of a host's folder was refused; `None` if it was let in.
fn refusal(host: &Host) -> Option<&'static str> {
    let [HostError::Refused { refusal, .. }] = host.refused() else {
        assert!(host.refused().is_empty(), "{:?}", host.refused());
        return None;
    };
    assert_eq!(host.catalogue().packs().count(), 0);
    Some(match refusal {
        Refusal::NotElf(_) => "no shared library",
        Refusal::Architecture { .. } => "another processor's",
        Refusal::Truncated { .. } => "segments or tables beyond its end",
        Refusal::NotAPack => "no manifest",
        Refusal::Manifest(_) => "a bad manifest",
        Refusal::AbiVersion { .. } => "another interface's",
        Refusal::Unlocked => "not in the lock",
        Refusal::Changed { .. } => "not the bytes in the lock",
        Refusal::Signature(_) => "not what was signed",
        other => panic!("inspection cannot say this: {other}"),
    })
}

/// Has a child run every module of what was let in; what became of it.
fn ran(good: &Good, host: HostBuilder) -> &'static str {
    let host = host
        .isolation(|_| Ok(Isolation::Process))
        .children(ChildSettings {
            hook_deadline: Duration::from_secs(5),
            call_deadline: Duration::from_secs(5),
            memory: 1 << 30,
            rest: Duration::ZERO,
            most_ends: 1,
            ..ChildSettings::default()
        })
        .build()
        .unwrap();
    let lines = exercise::lines(&host, &good.name).map(|mut lines| {
        lines.sort_unstable();
        lines
    });
    match (host.quarantined().unwrap().as_slice(), lines) {
        ([given_up, ..], _) if given_up.reason.contains("permissions do not allow") => "ended: it did what it may not",
        ([given_up, ..], _) if given_up.reason.contains("it did not") => "ended: it did not answer in time",
        ([_, ..], _) => "died",
        ([], Ok(lines)) if lines == good.lines => "answers as the good one",
        ([], Ok(_)) => "answers otherwise",
        ([], Err(error)) if error.is::<HostError>() => "does not start: linker, layout, names, two manifests",
        ([], Err(_)) => "a module fails",
    }
}

/// One mutant before every reader; what became of it at each.
fn fates(good: &Good, name: &str, bytes: &[u8]) -> [String; 3] {
    let folder = tempfile::tempdir().unwrap();
    let (packs, store) = (folder.path().join("packs"), folder.path().join("store"));
    let file = packs.join("mutant.so");
    std::fs::create_dir(&packs).unwrap();
    std::fs::write(&file, bytes).unwrap();
    let host = || Host::builder().search([packs.clone()]).store(&store);

    let locked = host().lock(Some(good.lock.clone())).build().unwrap();
    let by_lock = refusal(&locked).unwrap_or_else(|| panic!("{name} passed the lock"));

    std::fs::write(signature_path(&file), &good.signature).unwrap();
    let signed = host().policy(good.policy.clone()).build().unwrap();
    let by_signature = refusal(&signed).unwrap_or_else(|| panic!("{name} passed as signed"));
    std::fs::remove_file(signature_path(&file)).unwrap();

    let unknown = host().build().unwrap();
    assert!(!store.exists(), "{name} was about to be loaded, only inspected it should be");
    [
        format!("locked   refused: {by_lock}"),
        format!("signed   refused: {by_signature}"),
        match refusal(&unknown) {
            Some(why) => format!("unknown  refused: {why}"),
            None => format!("unknown  in a child: {}", ran(good, host())),
        },
    ]
}

fn main() {
    if std::env::args().nth(1).as_deref() == Some("plugin-host") {
        match harness_host::serve() {
            Ok(never) => match never {},
            Err(error) => panic!("{error}"),
        }
    }
    let (good, counts) = (Good::new(), Mutex::new(BTreeMap::<String, u64>::new()));
    let (count, seed) = (number("MUTANTS", 24), number("MUTANT_SEED", 1));
    let next = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        break;
                    }
                    // Each has a generator of its own: one can be looked at alone, whoever made it.
                    let mut random = Random(Random(seed).next().wrapping_add(number));
                    let bytes = mutant(&good.bytes, &mut random);
                    for fate in fates(&good, &format!("mutant {number} of seed {seed}"), &bytes) {
                        *counts.lock().unwrap().entry(fate).or_default() += 1;
                    }
                }
            });
        }
    });
    let counts = counts.into_inner().unwrap();
    assert_eq!(counts.values().sum::<u64>(), 3 * count);
    let of = |what: &str| counts.iter().filter(|(fate, _)| fate.contains(what)).map(|(_, count)| count).sum::<u64>();
    println!("{count} mutants of seed {seed}, and this host still runs:");
    counts.iter().for_each(|(fate, count)| println!("{count:>6} {fate}"));
    let ended = of("in a child: died") + of("in a child: ended");
    println!("{:>6} were put into a child, {ended} children died or were ended, 0 hosts", of("in a child"));
}
