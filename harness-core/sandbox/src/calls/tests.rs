//! Walks the whole table through the very programs that the kernel would run, for both processors and in every box.

use super::{
    table::{Calls, TABLE},
    *,
};

const TARGETS: [TargetArch; 2] = [TargetArch::x86_64, TargetArch::aarch64];
/// Beyond every number a processor has, and into the second set that one has.
const NUMBERS: [std::ops::Range<u32>; 2] = [0..1200, 0x4000_0000..0x4000_0400];

fn calls(target: TargetArch) -> impl Iterator<Item = (&'static Calls, &'static str, i64)> {
    let all = TABLE.iter().flat_map(|calls| calls.names.iter().map(move |call| (calls, call.0)));
    all.filter_map(move |(calls, name)| Some((calls, name, named(name, target)?)))
}

/// All that the filters depend on, each way.
fn every_place(target: TargetArch) -> Vec<(bool, Here)> {
    let mut all = Vec::new();
    for mechanism in [Mechanism::Bubblewrap, Mechanism::Landlock] {
        for [network, keeps_signals, reads_own] in (0..8).map(|bits| [bits & 1 == 0, bits & 2 == 0, bits & 4 == 0]) {
            all.push((network, Here { target, mechanism, keeps_signals, reads_own }));
        }
    }
    all
}

/// What the kernel would do with a call: 0, or the number of the error. The strictest of the filters decides.
fn asked(programs: &[BpfProgram], target: TargetArch, number: u32, arguments: [u64; 6]) -> u32 {
    let mut data = number.to_ne_bytes().to_vec();
    let processor: u32 = if target == TargetArch::x86_64 { 0xC000_003E } else { 0xC000_00B7 };
    data.extend(processor.to_ne_bytes());
    data.extend([0; 8]);
    data.extend(arguments.iter().flat_map(|argument| argument.to_ne_bytes()));
    let answers = programs.iter().map(|program| answer(program, &data));
    // A smaller action is a stricter one; of equals the one that was added last counts.
    let strictest = answers.rev().min_by_key(|answer| answer & l::SECCOMP_RET_ACTION_FULL).unwrap();
    match strictest & l::SECCOMP_RET_ACTION_FULL {
        l::SECCOMP_RET_ALLOW => 0,
        l::SECCOMP_RET_ERRNO => strictest & l::SECCOMP_RET_DATA,
        action => panic!("{number}: {action:x}"),
    }
}

/// Runs a filter as the kernel does.
fn answer(program: &BpfProgram, data: &[u8]) -> u32 {
    let (mut at, mut value) = (0, 0u32);
    loop {
        let step = &program[at];
        at += 1;
        let jump = |yes| usize::from(if yes { step.jt } else { step.jf });
        match u32::from(step.code) {
            code if code == l::BPF_LD | l::BPF_W | l::BPF_ABS => {
                let from = step.k as usize;
                value = u32::from_ne_bytes(data[from..from + 4].try_into().unwrap());
            }
            code if code == l::BPF_ALU | l::BPF_AND | l::BPF_K => value &= step.k,
            code if code == l::BPF_JMP | l::BPF_JEQ | l::BPF_K => at += jump(value == step.k),
            code if code == l::BPF_JMP | l::BPF_JGT | l::BPF_K => at += jump(value > step.k),
            code if code == l::BPF_JMP | l::BPF_JGE | l::BPF_K => at += jump(value >= step.k),
            code if code == l::BPF_JMP | l::BPF_JA => at += step.k as usize,
            code if code == l::BPF_RET | l::BPF_K => return step.k,
            code => panic!("step {code:x} is not one that these filters are made of"),
        }
    }
}

/// Each number is decided once and has a reason; what nobody decided on is not there, in any box.
#[test]
fn every_call_is_decided_once_and_what_is_not_is_not_there() {
    for target in TARGETS {
        let mut decided = BTreeMap::new();
        for (calls, name, number) in calls(target) {
            assert!(calls.why.len() > 3, "{name} has no reason");
            assert_eq!(decided.insert(number, name), None, "{name} ({number}) is decided twice");
        }
        for (network, here) in every_place(target) {
            let programs = filters(network, here).unwrap();
            for number in NUMBERS.into_iter().flatten().filter(|number| !decided.contains_key(&i64::from(*number))) {
                assert_eq!(asked(&programs, target, number, [0; 6]), l::ENOSYS as u32, "{number} in {here:?}");
            }
        }
    }
}

/// The decision on every call is what its box does, whatever the arguments are.
#[test]
fn every_decision_is_kept_in_every_box() {
    let arguments = [[0; 6], [1; 6], [u64::MAX; 6]];
    for target in TARGETS {
        for (network, here) in every_place(target) {
            let programs = filters(network, here).unwrap();
            let unmounted = here.mechanism == Mechanism::Landlock;
            for (calls, name, number) in calls(target) {
                let open = match calls.decision {
                    Decision::Allow => true,
                    Decision::Check => continue,
                    Decision::Signals => !unmounted || here.keeps_signals,
                    Decision::Unmounted => !unmounted,
                    Decision::Opened => !unmounted || !here.reads_own,
                    Decision::Refuse | Decision::Absent => false,
                };
                // Modes are looked at wherever the call is open.
                let looked_at = MODES.iter().any(|(call, ..)| *call == name);
                for arguments in arguments.iter().filter(|arguments| !(open && looked_at && arguments[0] > 1)) {
                    let said = asked(&programs, target, number as u32, *arguments);
                    let missing = calls.decision == Decision::Absent;
                    let expected = [if missing { l::ENOSYS } else { l::EPERM } as u32, 0][usize::from(open)];
                    assert_eq!(said, expected, "{name} ({}) in {here:?}", calls.why);
                }
            }
        }
    }
}

/// Calls that are looked at: some arguments pass and some do not, without mounts.
#[test]
fn every_call_that_is_looked_at_is_open_with_some_arguments_and_shut_with_others() {
    const CREATE: u64 = l::O_CREAT as u64;
    let own: &[(&str, [u64; 6], [u64; 6])] = &[
        ("open", [0, CREATE, 0o755, 0, 0, 0], [0, CREATE, 0o4755, 0, 0, 0]),
        ("openat", [0, 0, CREATE, 0o755, 0, 0], [0, 0, CREATE, 0o2755, 0, 0]),
        ("creat", [0, 0o644, 0, 0, 0, 0], [0, 0o4644, 0, 0, 0, 0]),
        ("mkdir", [0, 0o755, 0, 0, 0, 0], [0, 0o2755, 0, 0, 0, 0]),
        ("mkdirat", [0, 0, 0o755, 0, 0, 0], [0, 0, 0o2755, 0, 0, 0]),
        ("mknod", [0, 0o755, 0, 0, 0, 0], [0, 0o4755, 0, 0, 0, 0]),
        ("mknodat", [0, 0, 0o755, 0, 0, 0], [0, 0, 0o4755, 0, 0, 0]),
        ("clone", [l::SIGCHLD as u64, 0, 0, 0, 0, 0], [l::CLONE_NEWUSER as u64, 0, 0, 0, 0, 0]),
        ("socket", [l::AF_INET as u64, 1, 0, 0, 0, 0], [l::AF_UNIX as u64, 1, 0, 0, 0, 0]),
        ("socketpair", [l::AF_UNIX as u64, 1, 0, 0, 0, 0], [l::AF_TIPC as u64, 1, 0, 0, 0, 0]),
        ("ioctl", [0, 0x5401, 0, 0, 0, 0], [0, 0x8901, 0, 0, 0, 0]),
        ("fcntl", [0, l::F_SETFL as u64, 0, 0, 0, 0], [0, 8, 1234, 0, 0, 0]),
        ("prlimit64", [0, 7, 0, 0, 0, 0], [1234, 7, 0, 0, 0, 0]),
        ("sched_setaffinity", [0; 6], [1234, 0, 0, 0, 0, 0]),
        ("sched_setscheduler", [0; 6], [1234, 0, 0, 0, 0, 0]),
        ("sched_setparam", [0; 6], [1234, 0, 0, 0, 0, 0]),
        ("sched_setattr", [0; 6], [1234, 0, 0, 0, 0, 0]),
        ("setpriority", [0; 6], [PRIO_USER, 0, 19, 0, 0, 0]),
        ("ioprio_set", [1, 0, 0, 0, 0, 0], [1, 1234, 0, 0, 0, 0]),
        ("utimensat", [3, 0, 0, 0, 0, 0], [0, 0x7fff_0000, 0, 0, 0, 0]),
    ];
    for target in TARGETS {
        let here = Here { target, mechanism: Mechanism::Landlock, keeps_signals: true, reads_own: true };
        let programs = filters(true, here).unwrap();
        for (_, name, number) in calls(target).filter(|call| call.0.decision == Decision::Check) {
            let row = own.iter().find(|row| row.0 == name);
            let (_, open, shut) = row.unwrap_or_else(|| panic!("{name} is to be looked at, and nobody says how"));
            assert_eq!(asked(&programs, target, number as u32, *open), 0, "{name}");
            assert_ne!(asked(&programs, target, number as u32, *shut), 0, "{name}");
        }
        let shut = |name: &str, arguments| asked(&programs, target, named(name, target).unwrap() as u32, arguments);
        for request in TERMINALS.iter().chain(OF_OTHERS) {
            assert_eq!(shut("ioctl", [0, *request, 0, 0, 0, 0]), l::EPERM as u32, "{request:x}");
        }
    }
}

/// Every call in the kernel's own headers, where they are installed, is in the table with its number.
#[test]
fn the_kernels_table_has_no_call_that_nobody_decided_on() {
    let places = [
        (TargetArch::x86_64, "/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
        (TargetArch::x86_64, "/usr/include/asm/unistd_64.h"),
        (TargetArch::aarch64, "/usr/include/aarch64-linux-gnu/asm/unistd_64.h"),
        (TargetArch::aarch64, "/usr/include/asm-generic/unistd.h"),
    ];
    for (target, place) in places {
        let Ok(text) = std::fs::read_to_string(place) else { continue };
        let known: BTreeMap<i64, &str> = calls(target).map(|(_, name, number)| (number, name)).collect();
        for line in text.lines() {
            let words = line.strip_prefix("#define __NR").and_then(|rest| rest.split_once(char::is_whitespace));
            let Some((name, Ok(number))) = words.map(|(name, number)| (name, number.trim().parse::<i64>())) else {
                continue;
            };
            let name = name.strip_prefix("3264").unwrap_or(name).strip_prefix('_').unwrap_or(name);
            // The count of calls; a mark; numbers of processors that count time in 32 bits; what one calls otherwise.
            let others = matches!(name, "syscalls" | "arch_specific_syscall" | "fstatat" | "sync_file_range2");
            if others || (target == TargetArch::aarch64 && (295..424).contains(&number)) {
                continue;
            }
            assert_eq!(known.get(&number), Some(&name), "{place}: decide on {name} ({number}) in table.rs");
        }
    }
}

#[test]
fn the_filters_are_programs_the_kernel_takes() {
    let job = Job::new(["true"], "/");
    for mechanism in [Mechanism::Bubblewrap, Mechanism::Landlock] {
        assert_eq!(programs(&job, mechanism, true).unwrap().len(), 4);
    }
}
