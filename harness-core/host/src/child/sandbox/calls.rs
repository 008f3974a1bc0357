//! Which system calls a child may make (seccomp). The list says what is allowed; everything else ends the process.

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule, TargetArch,
};

use super::{Allowed, named};

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Confines all threads to what the permissions allow, and to what loading a pack needs.
pub fn confine(allowed: Allowed) -> Result<(), String> {
    let mut rules: Rules = named::BASE.iter().map(|call| (*call, Vec::new())).collect();
    let mut add = |calls: &[i64]| rules.extend(calls.iter().map(|call| (*call, Vec::new())));
    add(named::OPEN);
    if allowed.fs {
        add(named::FILES);
    }
    if allowed.net {
        add(named::NETWORK);
    }
    if allowed.exec {
        add(named::PROCESSES);
        add(named::SIGNALS);
    } else {
        // Threads, and nothing else that clone makes.
        rules.insert(libc::SYS_clone, vec![when(0, SeccompCmpOp::MaskedEq(THREAD), THREAD)?]);
    }
    // Signals to itself alone, and never without the handler that names what is not allowed. Nor those that only somebody outside sends:
    // the host repeats what they end.
    if !allowed.exec {
        let own = condition(0, SeccompCmpOp::Eq, u64::from(std::process::id()));
        let others = named::OUTSIDE.iter().map(|signal| condition(2, SeccompCmpOp::Ne, *signal));
        rules.insert(libc::SYS_tgkill, vec![all(std::iter::once(own).chain(others).collect::<Result<_, _>>()?)?]);
    }
    rules.insert(libc::SYS_rt_sigaction, vec![when(0, SeccompCmpOp::Ne, libc::SIGSYS as u64)?]);
    // Descriptors are everybody's; choosing whom they signal is not, nor typing into the user's terminal.
    rules.insert(libc::SYS_fcntl, vec![none_of(1, named::OWNERS)?]);
    rules.insert(libc::SYS_ioctl, vec![none_of(1, named::TERMINALS)?]);
    // Limits of its own alone: the host's are a process number away.
    // And no limit of time, at which the kernel would send such a signal.
    let limits = [condition(0, SeccompCmpOp::Eq, 0)?, condition(1, SeccompCmpOp::Ne, u64::from(libc::RLIMIT_CPU))?];
    rules.insert(libc::SYS_prlimit64, vec![all(limits.into())?]);
    apply(rules, SeccompAction::Trap, SeccompAction::Allow)?;
    // Its arguments lie in memory that a filter cannot read: libraries then use `clone`.
    quietly(&[libc::SYS_clone3], libc::ENOSYS)?;
    quietly(named::REFUSED, libc::EPERM)?;
    // Resolvers try local sockets first and do without. Behind those are the user's own programs, which obey whoever connects.
    let local = BTreeMap::from([(libc::SYS_socket, vec![none_of(0, named::FAMILIES)?])]);
    apply(local, SeccompAction::Allow, SeccompAction::Errno(libc::EAFNOSUPPORT as u32))
}

const THREAD: u64 = libc::CLONE_THREAD as u64;

/// Opening files was for loading the pack.
pub fn seal() -> Result<(), String> {
    let rules = named::OPEN.iter().map(|call| (*call, Vec::new())).collect();
    apply(rules, SeccompAction::Allow, SeccompAction::Trap)
}

/// Refuses calls as if this system did not have them, or this user not the right.
fn quietly(calls: &[i64], errno: libc::c_int) -> Result<(), String> {
    let rules = calls.iter().map(|call| (*call, Vec::new())).collect();
    apply(rules, SeccompAction::Allow, SeccompAction::Errno(errno as u32))
}

fn when(argument: u8, is: SeccompCmpOp, value: u64) -> Result<SeccompRule, String> {
    all(vec![condition(argument, is, value)?])
}

/// An argument that is neither of these.
fn none_of(argument: u8, values: &[u64]) -> Result<SeccompRule, String> {
    all(values.iter().map(|value| condition(argument, SeccompCmpOp::Ne, *value)).collect::<Result<_, _>>()?)
}

/// The kernel reads 32 bits of these arguments, so no more may be compared.
fn condition(argument: u8, is: SeccompCmpOp, value: u64) -> Result<SeccompCondition, String> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, is, value).map_err(|error| error.to_string())
}

fn all(conditions: Vec<SeccompCondition>) -> Result<SeccompRule, String> {
    SeccompRule::new(conditions).map_err(|error| error.to_string())
}

fn apply(rules: Rules, otherwise: SeccompAction, listed: SeccompAction) -> Result<(), String> {
    let target = TargetArch::try_from(std::env::consts::ARCH).map_err(|error| error.to_string())?;
    let filter = SeccompFilter::new(rules, otherwise, listed, target).map_err(|error| error.to_string())?;
    let program: BpfProgram = filter.try_into().map_err(|error: seccompiler::BackendError| error.to_string())?;
    seccompiler::apply_filter_all_threads(&program).map_err(|error| error.to_string())
}
