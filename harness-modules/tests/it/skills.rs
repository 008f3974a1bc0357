//! Words that come from files: skills, and the instructions of a project.

use harness_abi::{Decision, Hook, ModuleError, stable::RResult};
use harness_host::testing::FakeContext;
use serde_json::{Value, json};

use crate::support::{call, processor, refused, tool};

/// A folder with two skills.
pub fn skill_folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let put = |path: &str, text: &str| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("folder");
        std::fs::write(path, text).expect("file");
    };
    put(
        "pdf/SKILL.md",
        "---\nname: pdf\ndescription: >\n  Reads PDF files.\n  Use it for PDFs.\n---\n# How\nSee scripts/run.md.\n",
    );
    put("pdf/scripts/run.md", "Run it.");
    put("mail/SKILL.md", "---\nname: mail\ndescription: \"Writes mail: short.\"\n---\nBe short.");
    folder
}

#[test]
fn skills_are_listed_and_read_when_they_are_needed() {
    let folder = skill_folder();
    let at = folder.path().to_str().expect("a path");
    let mut module = processor("skills", json!({"folder": at, "header": "Skills:"}));
    let mut cx = FakeContext::default();
    cx.system = "Be good.".into();
    let decisions = call(&mut module, &mut cx, Hook::TaskStart);
    let text = "Be good.\n\nSkills:\n- mail: Writes mail: short.\n- pdf: Reads PDF files. Use it for PDFs.";
    assert_eq!(decisions[1], Decision::system(text));
    let mut module = processor("skills", json!({"folder": at, "header": "Skills:", "only": ["pdf"]}));
    let only = call(&mut module, &mut FakeContext::default(), Hook::TaskStart);
    assert_eq!(only[1], Decision::system("Skills:\n- pdf: Reads PDF files. Use it for PDFs."));
    assert!(refused("skills", json!({"folder": at, "only": ["xls"]})).contains("no skill `xls`; there are mail, pdf"));

    let link = |to: &str, at: &str| std::os::unix::fs::symlink(to, folder.path().join(at)).expect("link");
    link("../mail/SKILL.md", "pdf/link.md");
    let skill = tool("skill", json!({"folder": at, "max_bytes": 256})).expect("tool");
    let read = |arguments: Value| {
        let (to, output) = std::sync::mpsc::channel();
        let arguments = arguments.to_string();
        let request = harness_abi::ToolRequest {
            id: "1".into(),
            name: "skill".into(),
            arguments: arguments.as_str().into(),
            seed: 0,
            extra: "".into(),
        };
        skill.call(&request, harness_abi::tool_sink(Slip(to)));
        output.recv().expect("an answer")
    };
    assert_eq!(read(json!({"name": "pdf"})), ("# How\nSee scripts/run.md.".to_owned(), false));
    assert_eq!(read(json!({"name": "pdf", "file": "scripts/run.md"})), ("Run it.".to_owned(), false));
    for (file, says) in
        [("../mail/SKILL.md", "leaves"), ("/etc/passwd", "leaves"), ("link.md", "no file"), ("none", "no file")]
    {
        let (text, is_error) = read(json!({"name": "pdf", "file": file}));
        assert!(is_error && text.contains(says), "{file}: {text}");
    }
    assert!(read(json!({"name": "xls"})).0.contains("there are mail, pdf"));
    link("/etc/passwd", "pdf/since.md");
    assert!(read(json!({"name": "pdf", "file": "since.md"})).0.contains("no file"));
}

#[test]
fn a_skill_folder_that_leads_elsewhere_is_not_read() {
    let outside = tempfile::tempdir().expect("a folder");
    let skill = "---\nname: mine\ndescription: d\n---\nsecret";
    std::fs::create_dir(outside.path().join("mine")).expect("folder");
    std::fs::write(outside.path().join("mine/SKILL.md"), skill).expect("file");
    for (at, to, says) in [
        ("mine", outside.path().join("mine"), "is a link out of"),
        ("pdf/SKILL.md", outside.path().join("mine/SKILL.md"), "is a link out of"),
        ("pdf/scripts/deep", outside.path().to_owned(), "is a link out of"),
        ("pdf/zero", "/dev/zero".into(), "is a link out of"),
        ("pdf/none", "nowhere".into(), "cannot be read"),
        ("pdf/round", "../pdf".into(), "too deep"),
    ] {
        let folder = skill_folder();
        let at = folder.path().join(at);
        let _ = std::fs::remove_file(&at);
        std::os::unix::fs::symlink(to, &at).expect("link");
        let (config, name) = (json!({"folder": folder.path()}), at.file_name().expect("a name").to_string_lossy());
        let error = refused("skills", config.clone());
        assert!(error.contains(says) && error.contains(&*name), "{error} should say {says} of {name}");
        assert!(tool("skill", config).is_err_and(|error| error.to_string().contains(says)), "{name}");
    }
    let folder = skill_folder();
    let _socket = std::os::unix::net::UnixListener::bind(folder.path().join("pdf/socket")).expect("a socket");
    assert!(refused("skills", json!({"folder": folder.path()})).contains("neither a file nor a folder"));
}

/// Where a tool's answer goes.
struct Slip(std::sync::mpsc::Sender<(String, bool)>);

impl harness_abi::RawToolSink for Slip {
    fn cancelled(&self) -> bool {
        false
    }
    fn finish(self, output: RResult<harness_abi::stable::RString, ModuleError>) {
        let said = output.into_result().map_or_else(|error| error.message.to_string(), Into::into);
        self.0.send((said, true)).expect("somebody listens");
    }
    fn finish_text(self, text: harness_abi::stable::RString, is_error: bool) {
        self.0.send((text.into(), is_error)).expect("somebody listens");
    }
}

#[test]
fn a_skill_that_is_wrong_or_changed_is_refused() {
    let cases = [
        ("no head", "does not begin with a head"),
        ("---\nname: [\n---\n", "no YAML"),
        ("---\nname: Pdf\ndescription: d\n---\n", "lower-case letters"),
        ("---\nname: other\ndescription: d\n---\n", "its folder is not"),
        ("---\nname: pdf\n---\n", "needs a description"),
    ];
    for (text, says) in cases {
        let folder = skill_folder();
        std::fs::write(folder.path().join("pdf/SKILL.md"), text).expect("file");
        let error = refused("skills", json!({"folder": folder.path()}));
        assert!(error.contains(says), "{error} should say {says}");
    }
    let folder = skill_folder();
    let changed = refused("skills", json!({"folder": folder.path(), "sha256": "0".repeat(64)}));
    let digest =
        changed.split("digest is ").nth(1).and_then(|rest| rest.split(',').next()).expect("a digest").to_owned();
    processor("skills", json!({"folder": folder.path(), "sha256": digest}));
    std::fs::write(folder.path().join("pdf/scripts/run.md"), "Run it twice.").expect("file");
    assert!(refused("skills", json!({"folder": folder.path(), "sha256": digest})).contains("was made for"));
    assert!(refused("skills", json!({"folder": "/nowhere/at/all"})).contains("put one folder for each skill there"));
}

#[test]
fn instructions_are_what_the_file_says() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("AGENTS.md");
    std::fs::write(&path, "Use tabs.\n").expect("file");
    let mut module = processor("instructions", json!({"file": path}));
    let mut cx = FakeContext::default();
    cx.system = "Be good.".into();
    assert_eq!(call(&mut module, &mut cx, Hook::TaskStart)[1], Decision::system("Be good.\n\nUse tabs."));
    assert!(refused("instructions", json!({"file": path, "sha256": "0"})).contains("was made for 0"));
    std::fs::write(&path, "x".repeat(300)).expect("file");
    assert!(refused("instructions", json!({"file": path, "max_bytes": 256})).contains("more than max_bytes = 256"));
    assert!(refused("instructions", json!({"file": folder.path().join("NONE.md")})).contains("take this module out"));
}
