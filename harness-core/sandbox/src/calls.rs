//! Which system calls a command may make: seccomp. What was decided on each is in [`table`]; here the decisions become filters, and the
//! arguments of calls that are harmless only with some are looked at. A list of what is allowed and no more is for packs, which need little.

mod table;

use std::collections::BTreeMap;

use libc as l;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen as Length, SeccompCmpOp as Op, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, sock_filter,
};

use crate::{Job, Mechanism, files};
use table::{Decision, decided, named, ranges};

/// Namespaces that `clone` makes.
#[rustfmt::skip]
const NAMESPACES: &[i32] = &[
    l::CLONE_NEWUSER, l::CLONE_NEWNS, l::CLONE_NEWPID, l::CLONE_NEWNET, l::CLONE_NEWIPC, l::CLONE_NEWUTS, l::CLONE_NEWCGROUP,
];

/// Who `setpriority` and `ioprio_set` change when they are to change all processes of a user.
const PRIO_USER: u64 = 2;
const IOPRIO_WHO_USER: u64 = 3;

/// Calls whose first argument says which process they change, of which 0 is the caller.
const OF_ONE_PROCESS: &[&str] =
    &["prlimit64", "sched_setaffinity", "sched_setscheduler", "sched_setparam", "sched_setattr"];

/// Calls that give a file a mode, which argument that is, and which one says whether there is a mode at all.
#[rustfmt::skip]
const MODES: &[(&str, u8, Option<u8>)] = &[
    ("fchmod", 1, None), ("fchmodat", 2, None), ("fchmodat2", 2, None), ("chmod", 1, None), ("creat", 1, None), ("mkdir", 1, None),
    ("mkdirat", 2, None), ("mknod", 1, None), ("mknodat", 2, None), ("open", 2, Some(1)), ("openat", 3, Some(2)),
];
/// Flags of opening with which there is a mode: making a file, with a name or without.
const MAKING: &[i32] = &[l::O_CREAT, l::O_TMPFILE & !l::O_DIRECTORY];

/// What `ioctl` may not be asked: typing into a terminal (`TIOCSTI`, `TIOCLINUX`).
const TERMINALS: &[u64] = &[0x5412, 0x541C];
/// What `ioctl` may not be asked without mounts: signals for another process (`FIOSETOWN`, `SIOCSPGRP`), and attributes of a file that is
/// open for reading alone (`FS_IOC_SETFLAGS`, the same for 32 bits, `FS_IOC_SETVERSION`, `FS_IOC_FSSETXATTR`).
const OF_OTHERS: &[u64] = &[0x8901, 0x8902, 0x4008_6602, 0x4004_6602, 0x4008_7602, 0x401C_5820];
/// What `fcntl` may not be asked without mounts: signals for another process (`F_SETOWN`, `F_SETOWN_EX`).
const OWNERS: &[u64] = &[8, 15];

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// What the filters depend on besides the job.
#[derive(Debug, Clone, Copy)]
struct Here {
    target: TargetArch,
    mechanism: Mechanism,
    /// The kernel keeps signals among the command's own processes.
    keeps_signals: bool,
    /// Files that the command can read and not write belong to the user it runs as.
    reads_own: bool,
}

/// Whether this machine's processor is one the filters are written for, and the kernel knows them.
pub(crate) fn possible() -> Result<(), String> {
    target()?;
    match std::fs::read_to_string("/proc/self/status") {
        Ok(status) if !status.contains("Seccomp:") => Err("this kernel has no seccomp".to_owned()),
        _ => Ok(()),
    }
}

/// Applies the filters to this thread and all it starts. `mounted` says that what the workspace keeps for its user is read-only by a mount.
pub(crate) fn confine(job: &Job, mounted: bool) -> Result<(), String> {
    for program in programs(job, Mechanism::Landlock, mounted)? {
        seccompiler::apply_filter(&program).map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// The filters a command gets.
pub(crate) fn programs(job: &Job, mechanism: Mechanism, mounted: bool) -> Result<Vec<BpfProgram>, String> {
    let shown = job.mounts.iter().any(|mount| !mount.write) || !(mounted || job.own.is_empty());
    let reads_own = shown || rustix::process::geteuid().is_root();
    let here = Here { target: target()?, mechanism, keeps_signals: files::keeps_signals(), reads_own };
    filters(job.network, here)
}

fn filters(network: bool, here: Here) -> Result<Vec<BpfProgram>, String> {
    let target = here.target;
    let unmounted = here.mechanism == Mechanism::Landlock;
    let mut refused = Rules::new();
    let mut families = vec![l::AF_INET as u64, l::AF_INET6 as u64, l::AF_NETLINK as u64];
    let mut decisions = vec![Decision::Refuse];
    if unmounted {
        decisions.push(Decision::Unmounted);
        decisions.extend(here.reads_own.then_some(Decision::Opened));
        decisions.extend((!here.keeps_signals).then_some(Decision::Signals));
        if !network {
            families.clear();
        }
        unmounted_rules(&mut refused, target)?;
    } else if !network {
        // With a network of its own, sockets of files and names reach nobody else.
        families.push(l::AF_UNIX as u64);
    }
    // Refused whatever the arguments are: no rule beside it.
    refused.extend(decisions.iter().flat_map(|decision| decided(*decision, target)).map(|call| (call, Vec::new())));
    modes(&mut refused, target)?;
    let spaces = NAMESPACES.iter().map(|flag| {
        let flag = u64::from(flag.cast_unsigned());
        rule(0, Length::Qword, Op::MaskedEq(flag), flag)
    });
    add(&mut refused, target, "clone", spaces.collect::<Result<_, _>>()?);
    let typing = TERMINALS.iter().map(|request| rule(1, Length::Dword, Op::Eq, *request));
    add(&mut refused, target, "ioctl", typing.collect::<Result<_, _>>()?);
    let mut strange = Rules::new();
    let not = families.iter().map(|family| condition(0, Length::Dword, Op::Ne, *family));
    let not = not.collect::<Result<Vec<_>, _>>()?;
    add(&mut strange, target, "socket", if not.is_empty() { Vec::new() } else { vec![all(not)?] });
    add(&mut strange, target, "socketpair", vec![rule(0, Length::Dword, Op::Ne, l::AF_UNIX as u64)?]);
    let absent = decided(Decision::Absent, target).map(|call| (call, Vec::new())).collect();
    Ok(vec![
        filter(refused, l::EPERM, target)?,
        filter(absent, l::ENOSYS, target)?,
        filter(strange, l::EAFNOSUPPORT, target)?,
        unknown(target),
    ])
}

/// What is refused by argument where no mounts and no namespaces keep others apart.
fn unmounted_rules(refused: &mut Rules, target: TargetArch) -> Result<(), String> {
    // By an open file, which is a path that is not there.
    add(refused, target, "utimensat", vec![rule(1, Length::Qword, Op::Ne, 0)?]);
    // Of itself alone: others of the user are a process number away.
    for call in OF_ONE_PROCESS {
        add(refused, target, call, vec![rule(0, Length::Dword, Op::Ne, 0)?]);
    }
    // The first argument says whom the second names: a process or a group, of which 0 is its own, or all of a user, of which 0 is too.
    for (call, user) in [("setpriority", PRIO_USER), ("ioprio_set", IOPRIO_WHO_USER)] {
        let rules = vec![rule(1, Length::Dword, Op::Ne, 0)?, rule(0, Length::Dword, Op::Eq, user)?];
        add(refused, target, call, rules);
    }
    for (call, requests) in [("ioctl", OF_OTHERS), ("fcntl", OWNERS)] {
        let rules = requests.iter().map(|request| rule(1, Length::Dword, Op::Eq, *request));
        add(refused, target, call, rules.collect::<Result<_, _>>()?);
    }
    Ok(())
}

/// A file that runs with its owner's rights outlives the box, and whoever starts it has the user's.
fn modes(refused: &mut Rules, target: TargetArch) -> Result<(), String> {
    for (call, mode, flags) in MODES {
        // Refused whatever its arguments are.
        if named(call, target).is_some_and(|call| refused.get(&call).is_some_and(Vec::is_empty)) {
            continue;
        }
        let mut rules = Vec::new();
        for bit in [l::S_ISUID, l::S_ISGID].map(u64::from) {
            let set = || condition(*mode, Length::Dword, Op::MaskedEq(bit), bit);
            let Some(flags) = flags else {
                rules.push(all(vec![set()?])?);
                continue;
            };
            for making in MAKING.iter().map(|flag| u64::from(flag.cast_unsigned())) {
                rules.push(all(vec![set()?, condition(*flags, Length::Dword, Op::MaskedEq(making), making)?])?);
            }
        }
        add(refused, target, call, rules);
    }
    Ok(())
}

/// Adds rules for a call, where the processor has it.
fn add(all: &mut Rules, target: TargetArch, call: &str, rules: Vec<SeccompRule>) {
    if let Some(call) = named(call, target) {
        all.entry(call).or_default().extend(rules);
    }
}

fn target() -> Result<TargetArch, String> {
    TargetArch::try_from(std::env::consts::ARCH).map_err(|error| error.to_string())
}

fn condition(argument: u8, length: Length, is: Op, value: u64) -> Result<SeccompCondition, String> {
    SeccompCondition::new(argument, length, is, value).map_err(|error| error.to_string())
}

fn rule(argument: u8, length: Length, is: Op, value: u64) -> Result<SeccompRule, String> {
    all(vec![condition(argument, length, is, value)?])
}

fn all(conditions: Vec<SeccompCondition>) -> Result<SeccompRule, String> {
    SeccompRule::new(conditions).map_err(|error| error.to_string())
}

fn filter(rules: Rules, errno: l::c_int, target: TargetArch) -> Result<BpfProgram, String> {
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, SeccompAction::Errno(errno as u32), target);
    let filter = filter.map_err(|error| error.to_string())?;
    filter.try_into().map_err(|error: seccompiler::BackendError| error.to_string())
}

/// What nobody decided on is not there: numbers in no row of the table, newer ones, and the second set of numbers that one processor has.
fn unknown(target: TargetArch) -> BpfProgram {
    let step = |code: u32, jt, jf, k| sock_filter { code: code as u16, jt, jf, k };
    let mut steps = vec![step(l::BPF_LD | l::BPF_W | l::BPF_ABS, 0, 0, 0)];
    for (first, last) in ranges(target) {
        steps.push(step(l::BPF_JMP | l::BPF_JGE | l::BPF_K, 0, 2, first));
        steps.push(step(l::BPF_JMP | l::BPF_JGT | l::BPF_K, 1, 0, last));
        steps.push(step(l::BPF_RET | l::BPF_K, 0, 0, l::SECCOMP_RET_ALLOW));
    }
    steps.push(step(l::BPF_RET | l::BPF_K, 0, 0, l::SECCOMP_RET_ERRNO | l::ENOSYS as u32));
    steps
}

#[cfg(test)]
mod tests;
