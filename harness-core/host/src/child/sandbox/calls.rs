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
    // Signals to itself alone, and never without the handler that names what is not allowed.
    if !allowed.exec {
        let own = u64::from(std::process::id());
        rules.insert(libc::SYS_tgkill, vec![when(0, SeccompCmpOp::Eq, own)?]);
    }
    rules.insert(libc::SYS_rt_sigaction, vec![when(0, SeccompCmpOp::Ne, libc::SIGSYS as u64)?]);
    apply(rules, SeccompAction::Trap, SeccompAction::Allow)?;
    // Its arguments lie in memory that a filter cannot read: libraries then use `clone`.
    quietly(&[libc::SYS_clone3], libc::ENOSYS)?;
    quietly(named::MODES, libc::EPERM)
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
    let condition = SeccompCondition::new(argument, SeccompCmpArgLen::Dword, is, value);
    condition.and_then(|condition| SeccompRule::new(vec![condition])).map_err(|error| error.to_string())
}

fn apply(rules: Rules, otherwise: SeccompAction, listed: SeccompAction) -> Result<(), String> {
    let target = TargetArch::try_from(std::env::consts::ARCH).map_err(|error| error.to_string())?;
    let filter = SeccompFilter::new(rules, otherwise, listed, target).map_err(|error| error.to_string())?;
    let program: BpfProgram = filter.try_into().map_err(|error: seccompiler::BackendError| error.to_string())?;
    seccompiler::apply_filter_all_threads(&program).map_err(|error| error.to_string())
}
