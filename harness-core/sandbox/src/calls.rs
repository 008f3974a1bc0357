//! Which system calls a command may not make: seccomp. Programs of people need most of them, so the list says what is refused,
//! with an error the program can read; a list of what is allowed is for packs, which need little.

use std::collections::BTreeMap;

use libc as l;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen as Length, SeccompCmpOp as Op, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, sock_filter,
};

use crate::{Job, Mechanism, files};

/// The kernel's own doors: nothing a command does to files, processes or the network needs them.
#[rustfmt::skip]
const KERNEL: &[i64] = &[
    // other processes
    l::SYS_ptrace, l::SYS_process_vm_readv, l::SYS_process_vm_writev, l::SYS_process_madvise, l::SYS_pidfd_getfd,
    l::SYS_kcmp, l::SYS_migrate_pages, l::SYS_move_pages,
    // namespaces and mounts
    l::SYS_unshare, l::SYS_setns, l::SYS_mount, l::SYS_umount2, l::SYS_pivot_root, l::SYS_chroot, l::SYS_fsopen,
    l::SYS_fsconfig, l::SYS_fsmount, l::SYS_fspick, l::SYS_move_mount, l::SYS_open_tree, l::SYS_mount_setattr,
    l::SYS_open_by_handle_at, l::SYS_quotactl, l::SYS_swapon, l::SYS_swapoff,
    // the machine
    l::SYS_reboot, l::SYS_kexec_load, l::SYS_init_module, l::SYS_finit_module, l::SYS_delete_module, l::SYS_acct,
    l::SYS_syslog, l::SYS_settimeofday, l::SYS_clock_settime, l::SYS_clock_adjtime, l::SYS_adjtimex, l::SYS_sethostname,
    l::SYS_setdomainname, l::SYS_vhangup,
    // doors around this filter, and those that had too many holes
    l::SYS_io_uring_setup, l::SYS_io_uring_enter, l::SYS_io_uring_register, l::SYS_bpf, l::SYS_perf_event_open,
    l::SYS_userfaultfd, l::SYS_fanotify_init, l::SYS_add_key, l::SYS_request_key, l::SYS_keyctl,
    #[cfg(target_arch = "x86_64")] l::SYS_iopl,
    #[cfg(target_arch = "x86_64")] l::SYS_ioperm,
    #[cfg(target_arch = "x86_64")] l::SYS_modify_ldt,
];

/// What Landlock does not guard: owners, modes, times and attributes of any file of the user; memory and queues that all
/// the user's processes share.
#[rustfmt::skip]
const UNGUARDED: &[i64] = &[
    l::SYS_fchmodat, FCHMODAT2, l::SYS_fchownat, l::SYS_fchown, l::SYS_setxattr, l::SYS_lsetxattr, l::SYS_removexattr,
    l::SYS_lremovexattr, l::SYS_shmget, l::SYS_shmat, l::SYS_msgget, l::SYS_semget, l::SYS_mq_open, l::SYS_mq_unlink,
    #[cfg(target_arch = "x86_64")] l::SYS_chmod,
    #[cfg(target_arch = "x86_64")] l::SYS_chown,
    #[cfg(target_arch = "x86_64")] l::SYS_lchown,
    #[cfg(target_arch = "x86_64")] l::SYS_utime,
    #[cfg(target_arch = "x86_64")] l::SYS_utimes,
    #[cfg(target_arch = "x86_64")] l::SYS_futimesat,
];
const FCHMODAT2: i64 = 452;

/// The same by an open file: harmless for a user, to whom the system's files do not belong; not for root.
const OPENED: &[i64] = &[l::SYS_fchmod, l::SYS_fsetxattr, l::SYS_fremovexattr];

/// Signals, where the kernel cannot keep them among the command's own processes.
#[rustfmt::skip]
const SIGNALS: &[i64] =
    &[l::SYS_kill, l::SYS_tkill, l::SYS_tgkill, l::SYS_rt_sigqueueinfo, l::SYS_rt_tgsigqueueinfo, l::SYS_pidfd_send_signal];

/// Namespaces that `clone` makes.
#[rustfmt::skip]
const NAMESPACES: &[i32] = &[
    l::CLONE_NEWUSER, l::CLONE_NEWNS, l::CLONE_NEWPID, l::CLONE_NEWNET, l::CLONE_NEWIPC, l::CLONE_NEWUTS, l::CLONE_NEWCGROUP,
];

/// What `ioctl` may not be asked: typing into a terminal.
const TERMINALS: &[u64] = &[l::TIOCSTI, 0x541C];

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Whether this machine's processor is one the filters are written for, and the kernel knows them.
pub(crate) fn possible() -> Result<(), String> {
    target()?;
    match std::fs::read_to_string("/proc/self/status") {
        Ok(status) if !status.contains("Seccomp:") => Err("this kernel has no seccomp".to_owned()),
        _ => Ok(()),
    }
}

/// Applies the filters to this thread and all it starts.
pub(crate) fn confine(job: &Job) -> Result<(), String> {
    for program in programs(job, Mechanism::Landlock)? {
        seccompiler::apply_filter(&program).map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// The filters a command gets.
pub(crate) fn programs(job: &Job, mechanism: Mechanism) -> Result<Vec<BpfProgram>, String> {
    let mut refused: Rules = KERNEL.iter().map(|call| (*call, Vec::new())).collect();
    let mut any = |calls: &[i64]| refused.extend(calls.iter().map(|call| (*call, Vec::new())));
    let mut families = vec![l::AF_INET as u64, l::AF_INET6 as u64, l::AF_NETLINK as u64];
    if mechanism == Mechanism::Landlock {
        any(UNGUARDED);
        if rustix::process::geteuid().is_root() {
            any(OPENED);
        }
        if !files::keeps_signals() {
            any(SIGNALS);
        }
        if !job.network {
            families.clear();
        }
        // By an open file, which is a path that is not there.
        refused.insert(l::SYS_utimensat, vec![rule(1, Length::Qword, Op::Ne, 0)?]);
        // Of itself alone: others of the user are a process number away.
        for call in [l::SYS_prlimit64, l::SYS_sched_setaffinity, l::SYS_sched_setscheduler, l::SYS_sched_setparam] {
            refused.insert(call, vec![rule(0, Length::Dword, Op::Ne, 0)?]);
        }
        refused.insert(l::SYS_setpriority, vec![rule(1, Length::Dword, Op::Ne, 0)?]);
        refused.insert(l::SYS_ioprio_set, vec![rule(1, Length::Dword, Op::Ne, 0)?]);
    } else if !job.network {
        // With a network of its own, sockets of files and names reach nobody else.
        families.push(l::AF_UNIX as u64);
    }
    let spaces = NAMESPACES.iter().map(|flag| {
        let flag = u64::from(flag.cast_unsigned());
        rule(0, Length::Qword, Op::MaskedEq(flag), flag)
    });
    refused.insert(l::SYS_clone, spaces.collect::<Result<_, _>>()?);
    let typing = TERMINALS.iter().map(|request| rule(1, Length::Dword, Op::Eq, *request));
    refused.insert(l::SYS_ioctl, typing.collect::<Result<_, _>>()?);
    let strange = match families.is_empty() {
        true => Vec::new(),
        false => {
            let not = families.iter().map(|family| condition(0, Length::Dword, Op::Ne, *family));
            vec![SeccompRule::new(not.collect::<Result<_, _>>()?).map_err(|error| error.to_string())?]
        }
    };
    Ok(vec![
        filter(refused, l::EPERM)?,
        // Its arguments lie in memory that a filter cannot read: libraries then use `clone`.
        filter(Rules::from([(l::SYS_clone3, Vec::new())]), l::ENOSYS)?,
        filter(Rules::from([(l::SYS_socket, strange)]), l::EAFNOSUPPORT)?,
        #[cfg(target_arch = "x86_64")]
        other_numbers(),
    ])
}

fn target() -> Result<TargetArch, String> {
    TargetArch::try_from(std::env::consts::ARCH).map_err(|error| error.to_string())
}

fn condition(argument: u8, length: Length, is: Op, value: u64) -> Result<SeccompCondition, String> {
    SeccompCondition::new(argument, length, is, value).map_err(|error| error.to_string())
}

fn rule(argument: u8, length: Length, is: Op, value: u64) -> Result<SeccompRule, String> {
    SeccompRule::new(vec![condition(argument, length, is, value)?]).map_err(|error| error.to_string())
}

fn filter(rules: Rules, errno: l::c_int) -> Result<BpfProgram, String> {
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, SeccompAction::Errno(errno as u32), target()?);
    let filter = filter.map_err(|error| error.to_string())?;
    filter.try_into().map_err(|error: seccompiler::BackendError| error.to_string())
}

/// The same calls have a second set of numbers on this processor, which no list above names: there are none.
#[cfg(target_arch = "x86_64")]
fn other_numbers() -> BpfProgram {
    const SECOND_SET: u32 = 0x4000_0000;
    let step = |code, jt, jf, k| sock_filter { code, jt, jf, k };
    let refuse = l::SECCOMP_RET_ERRNO | l::ENOSYS as u32;
    vec![
        step((l::BPF_LD | l::BPF_W | l::BPF_ABS) as u16, 0, 0, 0),
        step((l::BPF_JMP | l::BPF_JGE | l::BPF_K) as u16, 0, 1, SECOND_SET),
        step((l::BPF_RET | l::BPF_K) as u16, 0, 0, refuse),
        step((l::BPF_RET | l::BPF_K) as u16, 0, 0, l::SECCOMP_RET_ALLOW),
    ]
}
