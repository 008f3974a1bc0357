//! Commands that try to get out of their box, in every box this machine has. What is tried here is what a model could be talked
//! into; one box that is missing is skipped with its reason.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test stops where it fails, and says what it left out"
)]

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
    time::{Duration, Instant},
};

use harness_sandbox::{Choice, End, Job, Mechanism, Ran, choose, run, set_program};

/// The boxes of this machine.
fn boxes() -> Vec<Mechanism> {
    set_program(Path::new(env!("CARGO_BIN_EXE_harness-sandbox")));
    let mut all = Vec::new();
    for choice in [Choice::Bubblewrap, Choice::Landlock] {
        match choose(choice) {
            Ok(mechanism) => all.push(mechanism),
            Err(error) => eprintln!("skipped: {error}"),
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
    for mechanism in boxes() {
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
    for mechanism in boxes() {
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
    for mechanism in boxes() {
        let here = folder();
        let mut job = bash("env | cut -d= -f1 | sort | tr '\\n' ' '; echo $GIVEN", here.path());
        job.env.insert("GIVEN".into(), "this".into());
        assert_eq!(said(&ran(&job, mechanism)), "GIVEN HOME LANG PATH PWD SHLVL TMPDIR _ this\n", "{mechanism}");
    }
}

#[test]
fn other_processes_are_out_of_reach() {
    for mechanism in boxes() {
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
    for mechanism in boxes() {
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
    for mechanism in boxes() {
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
    for mechanism in boxes() {
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
fn who_loses_interest_is_heard() {
    for mechanism in boxes() {
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
    for mechanism in boxes() {
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
    for mechanism in boxes() {
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

#[test]
fn an_endless_output_is_cut_and_takes_no_memory() {
    for mechanism in boxes() {
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
fn doors_of_the_kernel_are_shut() {
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
    for mechanism in boxes() {
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
    for mechanism in boxes() {
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
    for mechanism in boxes() {
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

#[test]
fn what_the_workspace_keeps_for_the_harness_is_not_shown() {
    for mechanism in boxes().into_iter().filter(|mechanism| *mechanism == Mechanism::Bubblewrap) {
        let here = folder();
        fs::create_dir(here.path().join(".harness")).unwrap();
        fs::write(here.path().join(".harness/record.sqlite"), "others").unwrap();
        let ran = ran(&bash("ls -A .harness; echo evil > .harness/plugin.so", here.path()), mechanism);
        assert!(!said(&ran).contains("record"), "{}", said(&ran));
        assert!(!here.path().join(".harness/plugin.so").exists());
    }
}
