//! Every way a file can be bad gets its own words, and none of them kills the process.

use crate::support::{Folder, hello, patched, refusal};

#[test]
fn each_bad_file_is_named_for_what_it_is() {
    let folder = Folder::new();
    let hello = hello();
    let mut other_machine = hello.clone();
    other_machine[18] = 0xf3; // e_machine: RISC-V
    let other_abi = patched(hello.clone(), "abi = \"1.0.0\"", "abi = \"9.0.0\"");
    let cases: [(&str, Vec<u8>, &str); 7] = [
        ("empty", Vec::new(), "is not a shared library"),
        ("text", b"not a library at all, only text".to_vec(), "is not a shared library"),
        ("executable", std::fs::read("/proc/self/exe").unwrap(), "section .harness.manifest"),
        ("other_machine", other_machine, "is built for Riscv64, this host runs on x86_64"),
        ("no_section", patched(hello.clone(), ".harness.manifest", ".harness.manifesT"), "section .harness.manifest"),
        ("other_abi", other_abi, "is built against interface 9.0.0, this host serves 1.0.0"),
        ("bad_manifest", patched(hello.clone(), "dimension", "dimensiom"), "has a bad manifest"),
    ];
    for (name, bytes, expected) in cases {
        let found = refusal(&folder.put(name, &bytes));
        assert!(found.contains(expected), "{name}: {found}");
    }
    let half = folder.put("half", &hello[..hello.len() / 2]);
    assert!(refusal(&half).contains("is truncated"), "{}", refusal(&half));
    assert!(refusal(folder.0.path()).contains("cannot be read"));
    assert!(refusal(&folder.0.path().join("missing.so")).contains("cannot be read"));
}

#[test]
fn a_file_truncated_at_any_length_is_refused_or_harmless() {
    let folder = Folder::new();
    let hello = hello();
    // All of the headers, then a sample of the rest.
    let lengths = (0..1024).chain((1024..hello.len()).step_by(hello.len() / 199));
    for length in lengths {
        let path = folder.put("cut.so", &hello[..length]);
        // Only section tables may be missing without the loader noticing, and then the manifest is gone with them.
        assert!(harness_host::inspect(&path).is_err(), "cut at {length} of {}", hello.len());
    }
}

#[test]
fn a_bad_file_does_not_keep_the_good_ones_out() {
    let folder = Folder::new();
    folder.put("a.so", b"junk");
    folder.put("b.so", &hello());
    folder.put("notes.txt", b"not looked at");
    let host = folder.host();
    let packs: Vec<&str> = host.catalogue().packs().map(|pack| pack.pack.name.as_str()).collect();
    assert_eq!(packs, ["hello"]);
    assert_eq!(host.refused().len(), 1);
}
