//! Commands that try to get out of their sandbox, in every sandbox this machine has. What is tried here is what a model could be persuaded
//! into; one box that is missing is skipped with its reason.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test stops where it fails, and says what it left out"
)]

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
    time::{Duration, Instant},
};

use harness_sandbox::{Choice, End, Job, Mechanism, Ran, choose, guard, run, set_program};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, TargetArch};

/// The sandboxes of this machine. One that is missing is said to be skipped; where `HARNESS_REQUIRE_SANDBOXES` is set it is a failure.
fn sandboxes() -> Vec<Mechanism> {
    set_program(Path::new(env!("CARGO_BIN_EXE_harness-sandbox")));
    let mut all = Vec::new();
    for choice in [Choice::Bubblewrap, Choice::Landlock] {
        match choose(choice) {
            Ok(mechanism) => all.push(mechanism),
            Err(error) => {
                assert!(std::env::var_os("HARNESS_REQUIRE_SANDBOXES").is_none(), "HARNESS_REQUIRE_SANDBOXES: {error}");
                eprintln!("skipped: {error}");
            }
        }
    }
    all
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn bash(script: &str, workspace: &Path) -> Job {
    let mut job = Job::new(["/bin/bash", "-c", script], workspace);
    job.limits.millis = 20_000;
    job
}

fn ran(job: &Job, mechanism: Mechanism) -> Ran {
    run(job, mechanism, &|| false).unwrap_or_else(|error| panic!("{mechanism}: {error}"))
}

fn said(ran: &Ran) -> String {
    ran.output.text(|missing| format!("[{missing} cut]"))
}

/// Whether a process with this in its command line is alive.
fn alive(mark: &str) -> bool {
    let all = fs::read_dir("/proc").unwrap().flatten();
    let lines = all.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    lines.into_iter().any(|line| {
        let line = String::from_utf8_lossy(&line);
        line.starts_with("sleep") && line.contains(mark)
    })
}

#[test]
fn it_works_in_its_workspace_and_nowhere_else() {
    for mechanism in sandboxes() {
        let (here, elsewhere) = (folder(), folder());
        fs::write(here.path().join("in.txt"), "hello").unwrap();
        fs::write(elsewhere.path().join("secret"), "s3cret").unwrap();
        symlink(elsewhere.path(), here.path().join("way-out")).unwrap();
        let outside = elsewhere.path().display();
        let script = format!(
            "cat in.txt; pwd; echo out > out.txt; echo $HOME; cat <(echo substituted); mktemp >/dev/null && echo scratch
             cat {outside}/secret; cat way-out/secret; echo x > {outside}/new; echo x > way-out/new; ln {outside}/secret hard
             rm -f {outside}/secret; mv {outside}/secret . ; echo x > /usr/new; true"
        );
        let ran = ran(&bash(&script, here.path()), mechanism);
        let text = said(&ran);
        assert_eq!(ran.end, End::Exit(0), "{mechanism}: {text}");
        let place = here.path().canonicalize().unwrap();
        let expected = format!("hello{}\n{}\nsubstituted\nscratch\n", place.display(), place.display());
        assert!(text.starts_with(&expected), "{mechanism}: {text}");
        assert!(!text.contains("s3cret"), "{mechanism}: {text}");
        assert_eq!(fs::read_to_string(here.path().join("out.txt")).unwrap(), "out\n");
        let left: Vec<_> = fs::read_dir(elsewhere.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["secret"], "{mechanism}");
        assert!(!Path::new("/usr/new").exists());
    }
}

#[test]
fn owners_modes_and_times_of_others_stay() {
    for mechanism in sandboxes() {
        let (here, elsewhere) = (folder(), folder());
        let file = elsewhere.path().join("file");
        fs::write(&file, "").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        let before = fs::metadata(&file).unwrap();
        let path = file.display();
        let script = format!("chmod 777 {path}; chown 1:1 {path}; touch -d 2001-01-01 {path}; truncate -s 9 {path}");
        ran(&bash(&script, here.path()), mechanism);
        let after = fs::metadata(&file).unwrap();
        assert_eq!(after.permissions(), before.permissions(), "{mechanism}");
        assert_eq!(after.modified().unwrap(), before.modified().unwrap(), "{mechanism}");
        assert_eq!(after.len(), 0, "{mechanism}");
    }
}

#[test]
fn its_environment_is_what_it_was_given() {
    for mechanism in sandboxes() {
        let here = folder();
        let mut job = bash("env | cut -d= -f1 | sort | tr '\\n' ' '; echo $GIVEN", here.path());
        job.env.insert("GIVEN".into(), "this".into());
        assert_eq!(said(&ran(&job, mechanism)), "GIVEN HOME LANG PATH PWD SHLVL TMPDIR _ this\n", "{mechanism}");
    }
}

#[test]
fn other_processes_are_out_of_reach() {
    for mechanism in sandboxes() {
        let here = folder();
        let own = std::process::id();
        let script = format!(
            "kill -0 {own} 2>/dev/null && echo can-signal
             for p in $PPID {own}; do cat /proc/$p/environ 2>/dev/null | tr '\\0' '\\n' | grep -c = ; done
             cat /proc/{own}/cmdline 2>/dev/null && echo can-see
             echo 99 > /proc/{own}/oom_score_adj
             renice 19 -p {own} 2>/dev/null && echo can-renice
             sleep 100 & kill -9 $! && wait $!; echo own:$?"
        );
        let text = said(&ran(&bash(&script, here.path()), mechanism));
        let text: Vec<&str> =
            text.lines().filter(|line| !line.contains("Killed") && !line.contains("denied")).collect();
        let text: Vec<&str> = text.into_iter().filter(|line| !line.contains("No such")).collect();
        // bubblewrap shows the command the supervisor's empty environment at most: its own first process.
        let harmless =
            |line: &&str| ["0", "own:137"].contains(line) || (mechanism == Mechanism::Bubblewrap && line.len() < 3);
        assert!(text.iter().all(harmless), "{mechanism}: {text:?}");
    }
}

#[test]
fn the_network_is_off_unless_allowed() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let socket = folder();
    let local = std::os::unix::net::UnixListener::bind(socket.path().join("door")).unwrap();
    for mechanism in sandboxes() {
        let here = folder();
        let script = format!("exec 3<>/dev/tcp/127.0.0.1/{port} && echo connected");
        let mut job = bash(&script, here.path());
        assert!(!said(&ran(&job, mechanism)).contains("connected\n"), "{mechanism}");
        job.network = true;
        assert_eq!(said(&ran(&job, mechanism)), "connected\n", "{mechanism}");
        // The user's other programs listen on sockets in files: no network reaches them.
        job.argv[2] = format!(
            "python3 -c 'import socket; socket.socket(socket.AF_UNIX).connect(\"{}/door\"); print(\"connected\")'",
            socket.path().display()
        );
        assert!(!said(&ran(&job, mechanism)).contains("connected\n"), "{mechanism}");
    }
    drop(local);
}

#[test]
fn nothing_is_left_running() {
    for mechanism in sandboxes() {
        let here = folder();
        for (number, leave) in [
            "sleep MARK & disown; exit 3",
            "setsid sleep MARK < /dev/null > /dev/null 2>&1 & exit 3",
            "(setsid sh -c '(setsid sleep MARK &) &' &) ; sleep 0.2; exit 3",
            "trap '' TERM HUP INT; (trap '' TERM HUP INT; nohup sleep MARK > /dev/null 2>&1 &); exit 3",
        ]
        .into_iter()
        .enumerate()
        {
            let mark = format!("{}{}", 40_000 + number, std::process::id());
            let began = Instant::now();
            let ran = ran(&bash(&leave.replace("MARK", &mark), here.path()), mechanism);
            assert_eq!(ran.end, End::Exit(3), "{mechanism}: {}", said(&ran));
            assert!(!alive(&mark), "{mechanism}: {leave}");
            assert!(began.elapsed() < Duration::from_secs(15), "{mechanism}: {leave}");
        }
    }
}

#[test]
fn a_deadline_ends_whatever_ignores_signals() {
    for mechanism in sandboxes() {
        let here = folder();
        let mark = format!("50000{}", std::process::id());
        let mut job = bash(
            &format!("trap '' TERM INT HUP; (setsid sleep {mark} &); echo begun; while :; do sleep {mark}; done"),
            here.path(),
        );
        // On a busy machine it may be over before it begins: then it gets longer.
        let begun = [700, 3_000, 12_000].into_iter().any(|millis| {
            job.limits.millis = millis;
            let ran = ran(&job, mechanism);
            assert_eq!(ran.end, End::TimedOut, "{mechanism}");
            assert!(!alive(&mark), "{mechanism}");
            said(&ran) == "begun\n"
        });
        assert!(begun, "{mechanism}");
    }
}

#[test]
fn who_loses_interest_is_noticed() {
    for mechanism in sandboxes() {
        let here = folder();
        let mark = format!("60000{}", std::process::id());
        let job = bash(&format!("echo begun > begun; sleep {mark}"), here.path());
        let begun = here.path().join("begun");
        let ran = run(&job, mechanism, &|| begun.exists()).unwrap();
        assert_eq!(ran.end, End::Cancelled, "{mechanism}");
        assert!(!alive(&mark), "{mechanism}");
    }
}

#[test]
fn a_fork_bomb_is_bounded() {
    for mechanism in sandboxes() {
        let here = folder();
        let mut job =
            bash("bomb() { [ $1 = 0 ] || { bomb $(($1 - 1)) & bomb $(($1 - 1)) & }; sleep 30; }; bomb 9", here.path());
        job.limits.processes = 64;
        let ran = ran(&job, mechanism);
        assert_eq!(ran.end, End::Limit("more than 64 processes at a time".into()), "{mechanism}");
    }
}

#[test]
fn memory_files_and_disk_are_bounded() {
    for mechanism in sandboxes() {
        let here = folder();
        let mut job = bash("head -c 40M /dev/zero > one; ls -l one | cut -d' ' -f5; exit 7", here.path());
        job.limits.file = 8 << 20;
        let file = ran(&job, mechanism);
        assert_eq!(file.end, End::Exit(7), "{mechanism}: {}", said(&file));
        assert!(fs::metadata(here.path().join("one")).unwrap().len() <= 8 << 20, "{mechanism}");

        job = bash("head -c 300M /dev/zero | tail -c 300M | wc -c; exit 7", here.path());
        job.limits.memory = 64 << 20;
        let memory = ran(&job, mechanism);
        assert!(!said(&memory).contains("314572800"), "{mechanism}: {}", said(&memory));

        job = bash(
            "for i in 1 2 3 4 5 6 7 8; do (sleep 0.1; head -c 20M /dev/zero | tail -c 20M | (sleep 20; cat)) & done; wait",
            here.path(),
        );
        job.limits.memory = 100 << 20;
        assert_eq!(ran(&job, mechanism).end, End::Limit("more than 100 MiB of memory in all".into()), "{mechanism}");

        let mut job =
            bash("for i in $(seq 1000); do head -c 4M /dev/zero > file-$i; done; sync; sleep 20", here.path());
        job.limits.written = 40 << 20;
        let began = Instant::now();
        let disk = ran(&job, mechanism);
        // File systems in memory do not count what is written to them.
        if disk.end == End::Limit("more than 40 MiB written".into()) {
            assert!(began.elapsed() < Duration::from_secs(15));
        } else {
            eprintln!("{mechanism}: writes are not counted on this file system: {:?}", disk.end);
        }
    }
}

/// Ways to keep 1.4 GiB somewhere else than in the memory of a process, each with a limit of 256 MiB.
const HOARD: &str = r#"
import mmap, os, socket, sys
way, chunk, left = sys.argv[1], bytes(8 << 20), 175
def put(to):
    global left
    while left: left -= 1; os.write(to, chunk)
try:
    if way == "memfd": put(os.memfd_create("hoard"))
    elif way == "memfds":
        kept = []
        while left:
            kept.append(os.memfd_create("hoard")); os.write(kept[-1], chunk); left -= 1
    elif way == "shared": 
        all = mmap.mmap(-1, left << 23)
        while left: all.write(chunk); left -= 1
    elif way == "removed":
        name = os.path.join(os.environ["TMPDIR"], "gone"); to = os.open(name, os.O_CREAT | os.O_WRONLY); os.unlink(name); put(to)
    else: put(os.open(os.path.join(os.path.expandvars(way), "hoard"), os.O_CREAT | os.O_WRONLY))
except OSError: pass
print("kept all of it" if left == 0 else "was stopped", flush=True)
if left == 0: __import__("time").sleep(20)
"#;

#[test]
fn memory_that_no_process_shows_is_bounded() {
    for mechanism in sandboxes() {
        for way in ["memfd", "memfds", "shared", "removed", "/", "/dev", "/dev/shm", "/tmp", "$TMPDIR", "/run", "/etc"]
        {
            let here = folder();
            fs::write(here.path().join("hoard.py"), HOARD).unwrap();
            let mut job = bash(&format!("python3 hoard.py '{way}'"), here.path());
            (job.limits.memory, job.limits.written) = (256 << 20, 256 << 20);
            let ran = ran(&job, mechanism);
            let text = said(&ran);
            if text.contains("python3: command not found") {
                eprintln!("skipped: no python3");
                return;
            }
            let ended = matches!(&ran.end, End::Limit(why) if why.contains("256 MiB"));
            assert!(ended || text.trim() == "was stopped", "{mechanism}: {way}: {:?}: {text}", ran.end);
            if ["memfd", "memfds", "shared"].contains(&way) {
                assert_eq!(
                    ran.end,
                    End::Limit("more than 256 MiB of memory in all".into()),
                    "{mechanism}: {way}: {text}"
                );
            }
        }
    }
}

#[test]
fn an_endless_output_is_cut_and_takes_no_memory() {
    for mechanism in sandboxes() {
        let here = folder();
        let mut job = bash("echo first; head -c 1G /dev/zero; echo; echo last", here.path());
        job.limits.output = 3000;
        job.limits.millis = 60_000;
        let ran = ran(&job, mechanism);
        assert_eq!(ran.output.total(), (1 << 30) + 12, "{mechanism}");
        let text = said(&ran);
        assert!(text.starts_with("first\n") && text.ends_with("last\n") && text.len() < 3100, "{mechanism}");
    }
}

#[test]
fn ways_into_the_kernel_are_shut() {
    const PROBE: &str = r#"
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
def call(name, number, *args):
    result = libc.syscall(number, *args)
    if result >= 0: print("open:", name)
probes = {"ptrace": (101, 16, int(sys.argv[1]), 0, 0), "unshare": (272, 0x10000000), "mount": (165, 0, 0, 0, 0, 0),
  "io_uring": (425, 1, ctypes.byref((ctypes.c_char * 256)())), "bpf": (321, 0, 0, 0), "userfaultfd": (323, 0),
  "keyctl": (250, 0, -3, 0), "process_vm_readv": (310, int(sys.argv[1]), 0, 0, 0, 0, 0), "clone3": (435, 0, 0),
  "clone": (56, 0x10000011, 0, 0, 0, 0), "second numbers": (0x40000000 + 39,), "vsock": (41, 40, 1, 0),
  "packet": (41, 17, 3, 0), "prlimit": (302, int(sys.argv[1]), 7, 0, 0) if sys.argv[2] == "landlock" else (272, 0x20000)}
for name, args in probes.items():
    if os.uname().machine == "x86_64": call(name, *args)
print("probed")
"#;
    for mechanism in sandboxes() {
        let here = folder();
        fs::write(here.path().join("probe.py"), PROBE).unwrap();
        let script = format!("/usr/bin/python3 probe.py {} {mechanism}", std::process::id());
        let text = said(&ran(&bash(&script, here.path()), mechanism));
        if text.contains("No such file") {
            return eprintln!("skipped: there is no /usr/bin/python3 to probe with");
        }
        assert_eq!(text, "probed\n", "{mechanism}");
    }
}

#[test]
fn a_folder_can_be_called_otherwise_where_there_are_names() {
    for mechanism in sandboxes() {
        let (here, tests) = (folder(), folder());
        fs::write(tests.path().join("test.sh"), "echo tested in $(pwd)").unwrap();
        let mut job = bash("bash /tests/test.sh; echo x > /tests/new", here.path());
        job.at = Some("/app".into());
        let mount = |write| harness_sandbox::Mount { from: tests.path().into(), to: "/tests".into(), write };
        job.mounts = vec![mount(false)];
        match run(&job, mechanism, &|| false) {
            Ok(ran) => {
                assert!(said(&ran).starts_with("tested in /app\n"), "{mechanism}: {}", said(&ran));
                assert!(!tests.path().join("new").exists());
            }
            Err(error) => assert!(error.to_string().ends_with("that needs bubblewrap"), "{mechanism}: {error}"),
        }
    }
}

#[test]
fn what_cannot_be_kept_is_refused() {
    for mechanism in sandboxes() {
        let here = folder();
        let refused = |job: &Job| run(job, mechanism, &|| false).unwrap_err().to_string();
        let home = std::env::var("HOME").unwrap_or("/".into());
        assert!(refused(&bash("true", Path::new(&home))).contains("home folder"), "{mechanism}");
        assert!(refused(&bash("true", Path::new("/"))).contains("home folder"), "{mechanism}");
        assert!(refused(&bash("true", &here.path().join("none"))).contains("is no folder"), "{mechanism}");
        if mechanism == Mechanism::Landlock {
            assert!(refused(&Job::new(["/no/such"], here.path())).contains("/no/such"), "{mechanism}");
        }
    }
}

/// What a command tries to change what decides its rights: over it, instead of it, beside it, by way of its folder.
const TRIES: &str = "
    echo evil > harness.lock; echo evil >> harness.lock; rm -f harness.lock; mv harness.lock old; ln -sf /etc/passwd harness.lock
    cp /etc/hostname harness.lock; mv /etc/hostname harness.lock; echo evil > new; mv new harness.lock
    mkdir -p .harness; echo evil > .harness/plugin.so; echo evil > .harness/record.sqlite; rm -rf .harness; mv .harness old
    ln -sfn /tmp .harness; mv -T sub .harness; chmod 777 .harness harness.lock; ln harness.lock .hard; echo evil > .hard
    echo evil > conf/harness.toml; rm -f conf/harness.toml; mv conf old; mv -T sub conf; rm -rf conf
    (cd conf; echo evil > harness.toml; mv harness.toml x); exec 3>>harness.lock; echo evil >&3; true";

/// A workspace that keeps something for its user, with a harness in a folder of it, and a folder for the task.
fn kept() -> tempfile::TempDir {
    let here = folder();
    for (file, text) in [
        (".harness/record.sqlite", "others"),
        ("harness.lock", "locked"),
        ("conf/harness.toml", "rights"),
        ("sub/a", "a"),
    ] {
        let file = here.path().join(file);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }
    guard(&here.path().join("conf/harness.toml")).unwrap();
    here
}

fn is_as_it_was(here: &Path, mechanism: Mechanism) {
    for (file, text) in
        [(".harness/record.sqlite", "others"), ("harness.lock", "locked"), ("conf/harness.toml", "rights")]
    {
        assert_eq!(fs::read_to_string(here.join(file)).unwrap(), text, "{mechanism}: {file}");
        assert!(!here.join(file).is_symlink(), "{mechanism}: {file}");
    }
    assert_eq!(fs::read_dir(here.join(".harness")).unwrap().count(), 1, "{mechanism}");
    assert_eq!(fs::read_dir(here.join("conf")).unwrap().count(), 1, "{mechanism}");
}

#[test]
fn what_decides_rights_is_not_written_by_what_has_them() {
    for mechanism in sandboxes() {
        let here = kept();
        let show = "ls .harness; cat .harness/record.sqlite; cat harness.lock conf/harness.toml; echo mine > new.txt; echo b > sub/b";
        let text = said(&ran(&bash(show, here.path()), mechanism));
        assert!(text.contains("lockedrights") && !text.contains("others"), "{mechanism}: {text}");
        assert_eq!(fs::read_to_string(here.path().join("new.txt")).unwrap(), "mine\n", "{mechanism}");
        assert_eq!(fs::read_to_string(here.path().join("sub/b")).unwrap(), "b\n", "{mechanism}");
        ran(&bash(TRIES, here.path()), mechanism);
        is_as_it_was(here.path(), mechanism);
    }
}

/// Where the system lets nobody have mounts of its own, Landlock alone keeps the places: then nothing new is made beside them.
#[test]
fn without_mounts_of_its_own_landlock_keeps_what_decides_rights() {
    if !sandboxes().contains(&Mechanism::Landlock) {
        return;
    }
    let no_mounts = || {
        let rules = BTreeMap::from([(libc::SYS_unshare, Vec::new())]);
        let refuse = SeccompAction::Errno(libc::EPERM as u32);
        let target = TargetArch::try_from(std::env::consts::ARCH).unwrap();
        let filter: BpfProgram =
            SeccompFilter::new(rules, SeccompAction::Allow, refuse, target).unwrap().try_into().unwrap();
        seccompiler::apply_filter(&filter).unwrap();
        let here = kept();
        let show = "ls .harness; cat .harness/record.sqlite; cat harness.lock conf/harness.toml; echo b > sub/b; mkdir sub/c; rmdir sub/c; echo x > new";
        let text = said(&ran(&bash(show, here.path()), Mechanism::Landlock));
        assert!(text.contains("lockedrights") && !text.contains("others"), "{text}");
        assert!(here.path().join("sub/b").exists() && !here.path().join("new").exists(), "{text}");
        ran(&bash(TRIES, here.path()), Mechanism::Landlock);
        is_as_it_was(here.path(), Mechanism::Landlock);
    };
    std::thread::spawn(no_mounts).join().unwrap();
}

#[test]
fn a_place_that_a_command_could_turn_elsewhere_is_refused() {
    for mechanism in sandboxes() {
        let (here, elsewhere) = (folder(), folder());
        symlink(elsewhere.path(), here.path().join(".harness")).unwrap();
        let error = run(&bash("true", here.path()), mechanism, &|| false).unwrap_err().to_string();
        assert!(error.contains(".harness") && error.contains("it is a link"), "{mechanism}: {error}");
    }
}

#[test]
fn newer_calls_and_other_processes_are_out_of_reach() {
    // setxattrat, removexattrat, file_setattr, open_tree_attr, one that no kernel has, the second set of numbers; sched_setattr of the
    // parent; all processes of the user; a file with its owner's rights.
    let script = r#"
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
def call(*all):
    ctypes.set_errno(0)
    return "done" if libc.syscall(*all) >= 0 else os.strerror(ctypes.get_errno())
class Value(ctypes.Structure):
    _fields_ = [("value", ctypes.c_uint64), ("size", ctypes.c_uint32), ("flags", ctypes.c_uint32)]
value = ctypes.create_string_buffer(b"x")
args = Value(ctypes.addressof(value), 1, 0)
open("f", "w").close()
print("newer", call(463, -100, b"f", 0, b"user.a", ctypes.byref(args), ctypes.sizeof(args)), call(466, -100, b"f", 0, b"user.a"),
      call(469, -100, b"f", value, 24, 0), call(467, -100, b"/", 0, 0, 0), call(600, 0, 0, 0), call(0x40000000 + 39))
sched = (ctypes.c_uint32 * 14)(56, 0)
if os.path.exists("landlock"):
    print("others", call(__import__("platform").machine() == "x86_64" and 314 or 274, os.getppid(), sched, 0),
          call(__import__("platform").machine() == "x86_64" and 141 or 140, 2, 0, 19))
try:
    os.chmod("f", 0o4755)
    print("set-user-ID")
except OSError: pass
try:
    os.open("h", os.O_CREAT | os.O_WRONLY, 0o6755)
    print("set-user-ID")
except OSError: pass
os.open("i", os.O_CREAT | os.O_WRONLY, 0o755)
print("end")
"#;
    for mechanism in sandboxes() {
        let here = folder();
        fs::write(here.path().join("try.py"), script).unwrap();
        if mechanism == Mechanism::Landlock {
            fs::write(here.path().join("landlock"), "").unwrap();
        }
        let text = said(&ran(&bash("python3 try.py", here.path()), mechanism));
        if text.contains("python3: command not found") {
            eprintln!("skipped: no python3");
            return;
        }
        assert!(text.contains("end\n") && !text.contains("set-user-ID"), "{mechanism}: {text}");
        let newer = text.lines().find(|line| line.starts_with("newer")).unwrap_or_default();
        let left =
            newer.replace("newer", "").replace("Function not implemented", "").replace("Operation not permitted", "");
        // With mounts and owners of its own, attributes of its own files harm nobody.
        assert!(left.trim().is_empty() || mechanism == Mechanism::Bubblewrap, "{mechanism}: {newer}");
        if mechanism == Mechanism::Landlock {
            assert!(text.contains("others Operation not permitted Operation not permitted"), "{text}");
        }
        assert_eq!(fs::metadata(here.path().join("f")).unwrap().permissions().mode() & 0o7000, 0, "{mechanism}");
        assert!(here.path().join("i").exists() && !here.path().join("h").exists(), "{mechanism}: {text}");
    }
}
