//! Fault × place × isolation: a pack that does everything wrong, as a real `.so` in a child that is the real binary. What must
//! survive survives, what was recorded stays, the pack ends up in quarantine with its reason, other episodes finish.

use std::{path::Path, sync::Arc, time::Duration};

use harness_abi::{Hook, ProcessorBox, Role, Task, kit, stable::RString};
use harness_core::{EpisodeSpec, Start, assemble};
use harness_host::{ChildSettings, Host, Isolation, QuarantineFiles, is_lost, testing::FakeContext};
use harness_spec::{Config, Harness};
use harness_trace::{Entry, EpisodeStart, Outcome, Store};

use crate::support::{Workspace, library, ran};

/// What a fault must come to in a child: words of the record, and whether the process ends with it.
const FAULTS: &[(&str, &str, bool)] = &[
    ("error", "it was told to fail", false),
    ("panic", "it was told to panic", false),
    ("abort", "SIGABRT", true),
    ("exit", "ended itself with code 0", true),
    ("segfault", "SIGSEGV", true),
    ("overflow", "stack overflow", true),
    ("loop", "did not answer within", true),
    ("late", "did not answer within", true),
    ("wait", "did not answer within", true),
    ("leak", "memory allocation of", true),
    ("hoard", "memory allocation of 68719476736 bytes failed", true),
    ("garbage", "broke the protocol", true),
    ("read", "tried to open a file, /etc/hostname, without the permission `fs`", true),
    ("write", "tried to open a file, /etc/hostname, without the permission `fs`", true),
    ("socket", "tried to use the network (system call", true),
    ("exec", "its permissions do not allow (SIGSYS)", true),
    ("fork", "tried to start a process (system call", true),
    ("patricide", "tried to signal a process (system call", true),
    ("vanish", "tried to signal a process (system call", true),
    ("freeze", "tried to signal a process (system call", true),
    ("sigio", "tried to say whom a file signals (system call", true),
    ("starve", "tried to change the limits of another process (system call", true),
    ("type", "tried to type into a terminal (system call", true),
    ("chmod", "tried to change files (system call", true),
];

/// A model that calls the tool once, then ends: every hook is called.
const SCRIPT: &str = "[model.main]\nuse = \"std/scripted\"\nconfig.replies = [ { text = \"I call.\", calls = [ { name = \"faulty\", arguments = {} } ] }, \"The end.\" ]\n";

fn faulty(kind: &str, fault: &str, at: &str) -> String {
    let table = if kind == "model" { "[model.main]".to_owned() } else { format!("[[{kind}]]\nid = \"culprit\"") };
    format!("{table}\nuse = \"faulty/{kind}\"\nconfig = {{ fault = \"{fault}\", at = \"{at}\" }}\n")
}

fn with_processor(fault: &str, at: &str) -> String {
    [SCRIPT, &faulty("tool", "none", "call"), &faulty("processor", fault, at)].concat()
}

struct Bench {
    host: Host,
    store: Arc<Store>,
    runtime: tokio::runtime::Runtime,
    episodes: u32,
    workspace: Workspace,
}

/// An episode that was played.
struct Played {
    outcome: Outcome,
    reason: String,
    entries: Vec<Entry>,
}

impl Bench {
    fn new(isolation: Isolation, most_ends: u32) -> Self {
        Self::with_deadline(isolation, most_ends, Duration::from_secs(20))
    }

    /// For one fault in a child: what never answers is not waited for long, everything else is, however busy the machine.
    fn of(fault: &str, most_ends: u32) -> Self {
        let deadline = if matches!(fault, "loop" | "late" | "wait") { 400 } else { 20_000 };
        Self::with_deadline(Isolation::Process, most_ends, Duration::from_millis(deadline))
    }

    fn with_deadline(isolation: Isolation, most_ends: u32, deadline: Duration) -> Self {
        let workspace = Workspace::with(&["faulty", "hello"]);
        let settings = ChildSettings {
            program: Some(env!("CARGO_BIN_EXE_harness").into()),
            hook_deadline: deadline,
            call_deadline: deadline,
            memory: 1 << 30,
            rest: Duration::ZERO,
            most_ends,
            quarantine: QuarantineFiles { own: Some(workspace.path("quarantine.json")), former: None },
            ..ChildSettings::default()
        };
        let host = Host::builder()
            .linked(harness_modules::pack())
            .search([workspace.path(".harness/plugins")])
            .store(workspace.path("store"))
            .isolation(move |_| Ok(isolation))
            .children(settings)
            .build()
            .unwrap();
        let store = Store::open(workspace.path("record.sqlite")).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        Self { host, store, runtime, episodes: 0, workspace }
    }

    /// Plays a harness to its end; the error is that of assembling it.
    fn play(&mut self, harness: &str) -> Result<Played, String> {
        let agent = assemble(&Harness::parse(harness).unwrap(), &self.host).map_err(|error| error.to_string())?;
        self.episodes += 1;
        let episode = format!("episode-{}", self.episodes);
        let meta = EpisodeStart { episode: episode.clone(), run: "run".into(), ..EpisodeStart::default() };
        let mut spec = EpisodeSpec::new(meta, Start::Prompt("Go.".into()), self.store.clone());
        spec.replay = false;
        spec.workspace = Some(harness_abi::Workspace { path: "/srv/project".into(), at: "/workspace".into() });
        let end = self.runtime.block_on(agent.run(spec)).unwrap().end;
        self.store.flush().unwrap();
        let row = self.store.episodes(&Default::default()).unwrap();
        let row = row.into_iter().find(|row| row.start.episode == episode).unwrap();
        let entries = self.store.entries(&row).unwrap().map(|entry| entry.unwrap().1).collect();
        Ok(Played { outcome: end.outcome, reason: end.reason, entries })
    }

    fn store_of_packs(&self) -> std::path::PathBuf {
        self.workspace.path("store")
    }

    fn quarantine(&self) -> Vec<String> {
        self.host.quarantined().unwrap().into_iter().map(|pack| format!("{}: {}", pack.name, pack.reason)).collect()
    }

    /// An episode of a harness that has nothing of the faulty pack but uses another one finishes.
    fn others_finish(&mut self) {
        let harness = [SCRIPT, "[[processor]]\nuse = \"hello/greeter\"\n[[tool]]\nuse = \"hello/dice\"\n"].concat();
        let played = self.play(&harness).unwrap();
        assert_eq!(played.outcome, Outcome::Done, "{}", played.reason);
    }
}

impl Played {
    /// It ended as a fault of the culprit that says this, and the record says so too.
    fn is_fault(&self, words: &str, context: &str) {
        assert_eq!(self.outcome, Outcome::Fault, "{context}: {}", self.reason);
        assert!(self.reason.contains(words), "{context}: {}", self.reason);
        let fault = |entry: &Entry| matches!(entry, Entry::Fault { message, .. } if message.contains(words));
        assert_eq!(self.entries.iter().filter(|entry| fault(entry)).count(), 1, "{context}: {:?}", self.entries);
        let first = self.entries.first();
        assert!(matches!(first, Some(Entry::Message { .. })), "{context}: what was before is recorded: {first:?}");
    }
}

/// Every fault at every hook, one after another in one host: the pack comes back as often as it may, then never again.
fn walk(faults: &[(&str, &str, bool)]) {
    for (fault, words, ends) in faults {
        let mut bench = Bench::of(fault, Hook::ALL.len() as u32);
        for hook in Hook::ALL.map(Hook::name) {
            let played = bench.play(&with_processor(fault, hook)).unwrap();
            played.is_fault(words, &format!("{fault} at {hook}"));
        }
        bench.others_finish();
        let quarantine = bench.quarantine();
        assert_eq!(quarantine.len(), usize::from(*ends), "{fault}: {quarantine:?}");
        if *ends {
            assert!(quarantine[0].starts_with("faulty: ended 8 times"), "{quarantine:?}");
            assert!(quarantine[0].contains(words), "{quarantine:?}");
            let refused = bench.play(&with_processor("none", "task_start")).err().unwrap();
            assert!(refused.contains("is in quarantine") && refused.contains(words), "{refused}");
        } else {
            let played = bench.play(&with_processor("none", "task_start")).unwrap();
            assert_eq!(played.outcome, Outcome::Done, "{}", played.reason);
        }
    }
}

// In two halves, so that they run side by side.
#[test]
fn every_fault_at_every_hook_is_contained_in_a_child() {
    walk(&FAULTS[..FAULTS.len() / 2]);
}

#[test]
fn every_other_fault_at_every_hook_is_contained_in_a_child() {
    walk(&FAULTS[FAULTS.len() / 2..]);
}

#[test]
fn a_flood_is_bounded_wherever_something_can_be_said() {
    let mut bench = Bench::new(Isolation::Process, Hook::ALL.len() as u32);
    for hook in Hook::ALL.map(Hook::name) {
        bench.play(&with_processor("flood", hook)).unwrap().is_fault("flooded its host", hook);
    }
    assert_eq!(bench.quarantine().len(), 1);
    let mut bench = Bench::new(Isolation::Process, 1);
    let played = bench.play(&faulty("model", "flood", "call")).unwrap();
    assert!(matches!(played.outcome, Outcome::Fault | Outcome::Infrastructure), "{}", played.reason);
    assert_eq!(bench.quarantine().len(), 1, "{}", played.reason);
    bench.others_finish();
}

#[test]
fn every_fault_of_tools_and_models_is_contained_in_a_child() {
    for (fault, words, _) in FAULTS {
        let mut bench = Bench::of(fault, u32::MAX);
        let tool = bench.play(&[SCRIPT, &faulty("tool", fault, "call")].concat()).unwrap();
        if *fault == "error" {
            // The model is told, and may do better.
            assert_eq!(tool.outcome, Outcome::Done, "{}", tool.reason);
        } else {
            tool.is_fault(words, &format!("{fault} of a tool"));
        }
        let model = bench.play(&faulty("model", fault, "call")).unwrap();
        assert!(model.reason.contains(words), "{fault} of a model: {}", model.reason);
        assert!(matches!(model.outcome, Outcome::Fault | Outcome::Infrastructure), "{}", model.reason);
        // Models serve all episodes: there they are again, whatever became of their process.
        assert_eq!(bench.play(&faulty("model", "none", "call")).unwrap().outcome, Outcome::Done);
        bench.others_finish();
    }
}

#[test]
fn every_fault_of_environments_and_graders_is_contained_in_a_child() {
    let resolve = |bench: &Bench, kind: &str, fault: &str, at: &str| {
        let config: Config = [("fault", fault), ("at", at)].map(|(key, value)| (key.to_owned(), value.into())).into();
        bench.host.resolve(&format!("faulty/{kind}").parse().unwrap(), &config).unwrap()
    };
    let (task, action) = (kit::json(&Task::default()), RString::from(r#"{"type": "text", "text": "go"}"#));
    let judge = |bench: &Bench, fault: &str| {
        let grader = resolve(bench, "grader", fault, "call").grader().unwrap();
        grader.grade(task.as_rstr(), "null".into(), Default::default()).into_result()
    };
    for (fault, words, _) in FAULTS {
        let bench = Bench::of(fault, u32::MAX);
        for at in ["tasks", "reset", "step", "state"] {
            let mut world = resolve(&bench, "environment", fault, at).environment().unwrap();
            let answers = [
                ("tasks", world.tasks("{}".into())),
                ("reset", world.reset(task.as_rstr(), 1)),
                ("step", world.step(action.as_rstr())),
                ("state", world.state()),
            ];
            let failed = answers.into_iter().find_map(|(at, answer)| Some((at, answer.into_result().err()?)));
            let (where_, error) = failed.unwrap_or_else(|| panic!("{fault} at {at} went unnoticed"));
            assert_eq!(where_, at, "{fault}: {error}");
            assert!(error.to_string().contains(words), "{fault} at {at}: {error}");
        }
        let error = judge(&bench, fault).unwrap_err();
        assert!(error.to_string().contains(words), "{fault} of a grader: {error}");
        judge(&bench, "none").unwrap();
    }
}

#[test]
fn every_fault_of_a_module_that_is_built_is_contained_in_a_child() {
    for (fault, words, _) in FAULTS {
        let mut bench = Bench::of(fault, u32::MAX);
        let played = bench.play(&with_processor(fault, "make")).unwrap();
        assert_eq!(played.outcome, Outcome::Fault, "{fault}: {}", played.reason);
        assert!(played.reason.contains(words), "{fault}: {}", played.reason);
        assert_eq!(bench.play(&with_processor("none", "make")).unwrap().outcome, Outcome::Done);
        bench.others_finish();
    }
}

/// Dropping happens behind the episode's back: a later call of the pack finds its process gone.
#[test]
fn every_fault_of_a_module_that_is_dropped_is_contained_in_a_child() {
    for (fault, words, ends) in FAULTS {
        let (words, ends) = match *fault {
            "loop" | "late" | "wait" => ("dropping a module took longer than 400 ms", true),
            _ => (*words, *ends),
        };
        let mut bench = Bench::of(fault, 1);
        let played = bench.play(&with_processor(fault, "drop")).unwrap();
        assert_eq!(played.outcome, Outcome::Done, "{fault}: {}", played.reason);
        let deadline = std::time::Instant::now() + Duration::from_secs(20);
        let noticed = loop {
            match bench.play(&with_processor("none", "make")) {
                Ok(played) if played.outcome == Outcome::Done && !ends => break String::new(),
                Ok(played) if played.outcome == Outcome::Done => {}
                Ok(played) => break played.reason,
                Err(refused) => break refused,
            }
            assert!(std::time::Instant::now() < deadline, "nobody noticed that {fault} is never dropped");
        };
        assert!(!ends || noticed.contains(words), "{fault}: {noticed}");
        assert_eq!(bench.quarantine().len(), usize::from(ends), "{fault}");
        bench.others_finish();
    }
}

/// The child that runs a copy of a pack out of this store, as a folder of the kernel's.
fn child_of(store: &Path) -> std::path::PathBuf {
    let is_child = |process: &std::path::PathBuf| {
        std::fs::read_to_string(process.join("maps")).is_ok_and(|maps| maps.contains(store.to_str().unwrap()))
    };
    let own = Path::new("/proc").join(std::process::id().to_string());
    let processes = std::fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
    processes.filter(|process| *process != own).find(is_child).unwrap()
}

/// How many threads of a process may run on one core alone.
fn held(process: &Path) -> usize {
    let cores = |thread: std::fs::DirEntry| {
        let status = std::fs::read_to_string(thread.path().join("status")).ok()?;
        let mask = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed:"))?;
        Some(mask.chars().filter_map(|digit| digit.to_digit(16)).map(u32::count_ones).sum::<u32>())
    };
    let threads = std::fs::read_dir(process.join("task")).unwrap().flatten();
    threads.filter_map(cores).filter(|cores| *cores == 1).count()
}

#[test]
fn quick_calls_are_served_on_the_callers_core() {
    if std::thread::available_parallelism().unwrap().get() == 1 {
        return eprintln!("skipped: this machine has one core");
    }
    let bench = Bench::new(Isolation::Process, 1);
    let module = || bench.host.resolve(&"hello/greeter".parse().unwrap(), &Config::new()).unwrap().processor().unwrap();
    let mut greeter = module();
    let child = child_of(&bench.store_of_packs());
    let deadline = std::time::Instant::now() + Duration::from_secs(60);
    let mut calls = 0;
    while held(&child) == 0 {
        assert!(std::time::Instant::now() < deadline, "the thread that serves quick calls is held nowhere");
        FakeContext::default().call_hook(&mut greeter, Hook::StepEnd, |_| unreachable!()).unwrap();
        calls += 1;
    }
    assert!(calls > 8 && held(&child) == 1, "{calls} calls");
    // Building a module may take long and may start threads.
    drop(module());
    assert_eq!(held(&child), 0);
}

#[test]
fn an_episode_whose_process_ended_in_another_call_is_to_be_repeated() {
    let mut bench = Bench::new(Isolation::Process, u32::MAX);
    let module = |fault: &str| {
        let config: Config = [("fault", fault), ("at", "step_end")].map(|(k, v)| (k.to_owned(), v.into())).into();
        bench.host.resolve(&"faulty/processor".parse().unwrap(), &config).unwrap().processor().unwrap()
    };
    let (mut innocent, mut guilty) = (module("none"), module("abort"));
    let call =
        |processor: &mut ProcessorBox| FakeContext::default().call_hook(processor, Hook::StepEnd, |_| unreachable!());
    call(&mut innocent).unwrap();
    let error = call(&mut guilty).unwrap_err();
    assert!(!is_lost(&error) && error.message.contains("SIGABRT"), "{error}");
    let error = call(&mut innocent).unwrap_err();
    assert!(is_lost(&error) && error.message.contains("SIGABRT"), "{error}");
    bench.others_finish();
}

#[test]
fn a_tool_in_a_child_receives_what_it_would_in_process() {
    let tool_results = |isolation| {
        let played = Bench::new(isolation, 1).play(&[SCRIPT, &faulty("tool", "none", "call")].concat()).unwrap();
        let result = played.entries.iter().find_map(|entry| match entry {
            Entry::Message { message } if message.role() == Role::Tool => Some(message.text().into_owned()),
            _ => None,
        });
        result.unwrap_or_else(|| panic!("no result: {}", played.reason))
    };
    let here = tool_results(Isolation::InProcess);
    assert!(here.contains("/srv/project") && here.contains("/workspace") && here.contains("seed: "), "{here}");
    assert_eq!(tool_results(Isolation::Process), here);
}

#[test]
fn what_can_be_contained_in_process_is() {
    for (fault, words) in
        [("error", "it was told to fail"), ("panic", "it was told to panic"), ("nonsense", "carries no JSON")]
    {
        for isolation in [Isolation::InProcess, Isolation::Process] {
            let mut bench = Bench::new(isolation, 1);
            for hook in Hook::ALL.map(Hook::name) {
                bench.play(&with_processor(fault, hook)).unwrap().is_fault(words, &format!("{fault} at {hook}"));
            }
            // No error can leave a destructor; nor can the panic.
            assert_eq!(bench.play(&with_processor(fault, "drop")).unwrap().outcome, Outcome::Done);
            bench.others_finish();
            assert_eq!(bench.quarantine(), Vec::<String>::new());
        }
    }
}

/// The command line, with a policy that runs everything here or everything in children.
fn run(workspace: &Workspace, isolation: &str, fault: &str, file: &str) -> std::process::Command {
    let policy = workspace.put("home/policy.toml", format!("isolation = \"{isolation}\"\n"));
    let harness = with_processor(fault, "before_model")
        .replace("at = \"before_model\"", &format!("at = \"before_model\", file = \"{file}\""));
    let harness = workspace.put("my.toml", harness);
    let mut command = workspace.command(&["run", harness.to_str().unwrap(), "--prompt", "Go."]);
    command.env("HARNESS_POLICY", policy);
    command
}

#[test]
fn in_process_a_pack_has_full_trust() {
    use std::os::unix::process::ExitStatusExt;
    let workspace = Workspace::with(&["faulty"]);
    for (fault, signal) in [("abort", 6), ("segfault", 11), ("overflow", 6)] {
        let status = run(&workspace, "in-process", fault, "/etc/hostname").output().unwrap().status;
        assert_eq!(status.signal(), Some(signal), "{fault}: {status:?}");
    }
    // The record of a workspace outlives that: the next run works with it.
    ran(&mut run(&workspace, "in-process", "none", "")).success();
    let file = workspace.path("written");
    for fault in ["write", "read", "socket", "exec", "fork"] {
        ran(&mut run(&workspace, "in-process", fault, file.to_str().unwrap())).success();
    }
    assert_eq!(std::fs::read_to_string(file).unwrap(), "it was here");
}

#[test]
fn a_malicious_pack_is_not_let_in_and_in_its_child_is_stopped_recorded_and_given_up() {
    let workspace = Workspace::with(&["faulty"]);
    let (written, secret) = (workspace.path("written"), workspace.put("secret", "hush"));
    for (fault, file, what) in [
        ("read", &secret, "open a file"),
        ("write", &written, "open a file"),
        ("socket", &written, "use the network"),
        ("exec", &written, "SIGSYS"),
    ] {
        // Without a policy nobody is trusted: the pack that would have its way in this process never comes there.
        let mut command = run(&workspace, "process", fault, file.to_str().unwrap());
        ran(command.env_remove("HARNESS_POLICY")).failure(1, &[what]);
        let trace = workspace.json(&["trace", "list"]);
        let newest = trace["episodes"].as_array().unwrap().iter().max_by_key(|row| row["start"]["started_ms"].as_u64());
        let id = newest.unwrap()["start"]["episode"].as_str().unwrap().to_owned();
        let shown = workspace.run(&["trace", "show", &id]).success().out;
        assert!(shown.contains(what) && !shown.contains("hush"), "{shown}");
    }
    assert!(!written.exists());
    let list = workspace.json(&["plugin", "list"]);
    let pack = list["packs"].as_array().unwrap().iter().find(|pack| pack["name"] == "faulty").unwrap();
    assert_eq!(pack["isolation"], "process");
    // A workspace cannot ask for more: neither its lock nor a harness has a word for it.
    workspace.run(&["plugin", "lock"]).success();
    let lock =
        workspace.read("harness.lock").replace("name = \"faulty\"", "name = \"faulty\"\nisolation = \"in-process\"");
    workspace.put("harness.lock", lock);
    workspace.run(&["plugin", "list"]).failure(2, &["isolation"]);
}

/// The processor of `faulty` with a permission, its harness in a folder of its own below which it may work.
pub fn permitted(workspace: &Workspace, permission: &str, fault: &str, file: &Path) -> std::process::Command {
    let (room, none) = ("permissions = [      ]".as_bytes(), String::new());
    let wanted = if permission.is_empty() { none } else { format!("\"{permission}\"") };
    let wanted = format!("permissions = [{wanted:<6}]");
    let mut bytes = std::fs::read(library("faulty")).unwrap();
    let places: Vec<usize> = (0..bytes.len() - room.len()).filter(|at| bytes[*at..].starts_with(room)).collect();
    places.into_iter().for_each(|at| bytes[at..at + room.len()].copy_from_slice(wanted.as_bytes()));
    workspace.put("packs/faulty.so", bytes);
    let mut command = run(workspace, "process", fault, file.to_str().unwrap());
    command.current_dir(workspace.path("inside")).env("TMPDIR", workspace.path("scratch"));
    command.env("HARNESS_PLUGINS", workspace.path("packs"));
    command
}

#[test]
fn a_permission_gives_what_it_names_and_nothing_more() {
    let workspace = Workspace::new();
    let (inside, outside) = (workspace.put("inside/file", "mine"), workspace.put("outside", "hush"));
    let (scratch, local) = (workspace.put("scratch/file", ""), workspace.path("socket"));
    let _listener = std::os::unix::net::UnixListener::bind(&local).unwrap();
    let denied = "the system said no: Permission denied";
    for (permission, fault, file, words) in [
        ("", "environ", &inside, "it sees no variable"),
        ("env", "environ", &inside, ""),
        ("env", "read", &inside, "without the permission `fs`"),
        ("fs", "read", &outside, ""),
        ("fs", "write", &inside, ""),
        ("fs", "write", &scratch, ""),
        ("fs", "write", &outside, denied),
        ("fs", "chmod", &inside, "the system said no: Operation not permitted"),
        ("fs", "socket", &inside, "without the permission `net`"),
        ("fs", "exec", &inside, "SIGSYS"),
        ("net", "socket", &inside, ""),
        ("net", "local", &local, "the system said no: Address family not supported"),
        ("net", "read", &outside, denied),
        ("net", "exec", &inside, "SIGSYS"),
        ("exec", "exec", &inside, ""),
        ("exec", "write", &inside, denied),
        ("exec", "socket", &inside, "without the permission `net`"),
        ("exec", "sigio", &inside, "tried to say whom a file signals"),
    ] {
        let ran = ran(&mut permitted(&workspace, permission, fault, file));
        match words {
            "" => ran.success(),
            words => ran.failure(1, &[words]),
        };
    }
    assert_eq!(
        [&inside, &scratch, &outside].map(|file| std::fs::read_to_string(file).unwrap()),
        ["it was here", "it was here", "hush"]
    );
    // The user's own folder lies in this one: nothing is written here at all.
    let mut command = permitted(&workspace, "fs", "write", &outside);
    ran(command.current_dir(workspace.path("."))).failure(1, &[denied]);
    assert_eq!(std::fs::read_to_string(&outside).unwrap(), "hush");
}

#[test]
fn quarantine_is_listed_lasts_and_is_lifted_by_a_person() {
    let workspace = Workspace::with(&["faulty"]);
    for _ in 0..3 {
        ran(&mut run(&workspace, "process", "segfault", "")).failure(1, &["SIGSEGV"]);
    }
    let listed = workspace.run(&["plugin", "list"]).success().out;
    assert!(!listed.contains("in quarantine"), "three runs, each with one end: {listed}");
    let quarantine = serde_json::json!([{
        "name": "faulty", "version": "0.1.0", "reason": "it crashed",
        "sha256": workspace.json(&["plugin", "inspect", "faulty"])["sha256"],
    }]);
    // Where versions before kept it.
    workspace.put(".harness/quarantine.json", quarantine.to_string());
    assert!(workspace.run(&["plugin", "list"]).success().out.contains("in quarantine: it crashed"));
    ran(&mut run(&workspace, "process", "none", "")).failure(2, &["is in quarantine: it crashed"]);
    workspace.run(&["plugin", "release", "hello"]).failure(2, &["no pack `hello` is in quarantine"]);
    workspace.run(&["plugin", "release", "faulty"]).success();
    ran(&mut run(&workspace, "process", "none", "")).success();
}

#[test]
fn where_the_kernel_cannot_confine_a_pack_does_not_start_unless_told_otherwise() {
    use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, TargetArch};
    const LANDLOCK_CREATE_RULESET: i64 = 444;
    let resolve = |unconfined: bool| {
        let workspace = Workspace::with(&["hello"]);
        let program = Some(env!("CARGO_BIN_EXE_harness").into());
        let settings = ChildSettings { program, unconfined, ..ChildSettings::default() };
        let host = Host::builder()
            .search([workspace.path(".harness/plugins")])
            .store(workspace.path("store"))
            .isolation(|_| Ok(Isolation::Process))
            .children(settings)
            .build()
            .unwrap();
        host.resolve(&"hello/greeter".parse().unwrap(), &Config::new()).map(drop).map_err(|error| error.to_string())
    };
    // A thread for which the kernel is one without Landlock, and so are the processes it starts.
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let rules = [(LANDLOCK_CREATE_RULESET, Vec::new())].into_iter().collect();
            let errno = SeccompAction::Errno(38); // ENOSYS
            let target = TargetArch::try_from(std::env::consts::ARCH).unwrap();
            let filter = SeccompFilter::new(rules, SeccompAction::Allow, errno, target).unwrap();
            let program: BpfProgram = filter.try_into().unwrap();
            seccompiler::apply_filter(&program).unwrap();
            let error = resolve(false).unwrap_err();
            assert!(error.contains("this kernel cannot confine it (Landlock"), "{error}");
            assert_eq!(resolve(true), Ok(()));
        });
    });
    assert_eq!(resolve(false), Ok(()));
}
