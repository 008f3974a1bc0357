//! What reads bytes from outside, and what must hold of it: no reader panics, and what was read and written again reads as the
//! same. The fuzzer runs these over bytes it makes up, `harness-host`'s tests over the seeds.

use harness_spec::{Catalogue, Lock, PackManifest, Policy, Pool};

/// Whether the bytes are worth keeping.
pub type Reader = fn(&[u8]) -> bool;

/// The readers, by name; seeds of each lie in the folder of that name.
pub const READERS: [(&str, Reader); 11] = [
    ("pack", pack),
    ("manifest", manifest),
    ("harness", harness),
    ("lock", lock),
    ("policy", policy),
    ("child_protocol", child_protocol),
    ("benchmark", benchmark),
    ("skill", skill),
    ("reply", reply),
    ("request", request),
    ("mcp", mcp),
];

/// A pack's file up to the dynamic linker.
fn pack(bytes: &[u8]) -> bool {
    let _ = harness_host::manifest(bytes);
    true
}

/// What a child and its host say to each other.
fn child_protocol(bytes: &[u8]) -> bool {
    harness_host::fuzz(bytes).unwrap_or_else(|error| panic!("{error}")) > 0
}

/// What a person writes for a benchmark: `suite.toml`, rows, tables, Harbor's `task.toml` and Dockerfile.
fn benchmark(bytes: &[u8]) -> bool {
    harness_bench::fuzz(bytes) | (bench_tasks::fuzz(bytes).unwrap_or_else(|error| panic!("{error}")) > 0)
}

/// A skill of a stranger's: a `SKILL.md`.
fn skill(bytes: &[u8]) -> bool {
    harness_modules::fuzz(bytes)
}

/// What a model's server answers in each of three protocols, streamed and whole; and a list of prices.
fn reply(bytes: &[u8]) -> bool {
    harness_models::fuzz(bytes).unwrap_or_else(|error| panic!("{error}")) > 0
}

/// What a client asks of a served harness.
fn request(bytes: &[u8]) -> bool {
    harness_serve::fuzz(bytes).unwrap_or_else(|error| panic!("{error}")) > 0
}

/// What an MCP server says of its tools and answers to calls.
fn mcp(bytes: &[u8]) -> bool {
    harness_mcp::fuzz(bytes).unwrap_or_else(|error| panic!("{error}")) > 0
}

fn text(bytes: &[u8], read: impl FnOnce(&str)) -> bool {
    std::str::from_utf8(bytes).map(read).is_ok()
}

fn manifest(bytes: &[u8]) -> bool {
    text(bytes, |text| {
        let Ok(manifest) = PackManifest::parse(text) else { return };
        // What an admitted manifest is asked next: its defaults, its place in the catalogue.
        for module in &manifest.modules {
            module.defaults();
        }
        let mut catalogue = Catalogue::new();
        catalogue.insert(manifest.clone());
        let found: Vec<_> = catalogue.modules().map(|entry| entry.reference()).collect();
        for reference in &found {
            catalogue.lookup(reference).expect("what is listed is found");
        }
        assert_eq!(found.len(), manifest.modules.len());
    })
}

fn harness(bytes: &[u8]) -> bool {
    text(bytes, |text| {
        let Ok(pool) = Pool::parse(text) else { return };
        let catalogue = Catalogue::new();
        for harness in pool.variants.values() {
            let _ = harness_spec::check(harness, &catalogue);
        }
        let Ok(written) = pool.to_toml() else { return };
        let again = Pool::parse(&written).unwrap_or_else(|error| panic!("{error}\n{written}"));
        assert_eq!(again, pool, "{written}");
        for (name, harness) in &pool.variants {
            assert_eq!(again.variants[name].variant_id(&catalogue), harness.variant_id(&catalogue));
        }
    })
}

fn lock(bytes: &[u8]) -> bool {
    text(bytes, |text| {
        let Ok(lock) = Lock::parse(text) else { return };
        let written = lock.to_toml();
        assert_eq!(Lock::parse(&written).unwrap_or_else(|error| panic!("{error}\n{written}")), lock);
    })
}

fn policy(bytes: &[u8]) -> bool {
    text(bytes, |text| {
        let Ok(policy) = Policy::parse(text) else { return };
        let written = policy.to_toml();
        assert_eq!(Policy::parse(&written).unwrap_or_else(|error| panic!("{error}\n{written}")), policy);
    })
}
