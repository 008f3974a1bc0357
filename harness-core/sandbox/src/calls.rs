//! Which system calls a command may not make: seccomp. Programs of people need most of them, so the lists say what is refused, with an
//! error the program can read. They were decided for the calls up to [`NEWEST`]; any newer one is refused as one this kernel does not have.
//! A list of what is allowed is for packs, which need little.

use std::collections::BTreeMap;

use libc as l;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen as Length, SeccompCmpOp as Op, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, sock_filter,
};

use crate::{Job, Mechanism, files};

/// The newest system call that was looked at when these lists were made: Linux 6.17. From 424 on all processors have the same numbers.
/// Who raises it decides on those in between; a test compares it with the kernel's own table.
const NEWEST: i64 = FILE_SETATTR;
const QUOTACTL_FD: i64 = 443;
const FCHMODAT2: i64 = 452;
const STATMOUNT: i64 = 457;
const LISTMOUNT: i64 = 458;
const LSM_SET_SELF_ATTR: i64 = 460;
const SETXATTRAT: i64 = 463;
const REMOVEXATTRAT: i64 = 466;
const OPEN_TREE_ATTR: i64 = 467;
const FILE_SETATTR: i64 = 469;

/// Ways into the kernel itself: nothing a command does to files, processes or the network needs them.
#[rustfmt::skip]
const KERNEL: &[i64] = &[
    // other processes
    l::SYS_ptrace, l::SYS_process_vm_readv, l::SYS_process_vm_writev, l::SYS_process_madvise, l::SYS_pidfd_getfd,
    l::SYS_kcmp, l::SYS_migrate_pages, l::SYS_move_pages, l::SYS_process_mrelease,
    // namespaces and mounts
    l::SYS_unshare, l::SYS_setns, l::SYS_mount, l::SYS_umount2, l::SYS_pivot_root, l::SYS_chroot, l::SYS_fsopen,
    l::SYS_fsconfig, l::SYS_fsmount, l::SYS_fspick, l::SYS_move_mount, l::SYS_open_tree, l::SYS_mount_setattr,
    l::SYS_open_by_handle_at, l::SYS_quotactl, QUOTACTL_FD, OPEN_TREE_ATTR, STATMOUNT, LISTMOUNT, l::SYS_swapon, l::SYS_swapoff,
    // the machine
    l::SYS_reboot, l::SYS_kexec_load, l::SYS_init_module, l::SYS_finit_module, l::SYS_delete_module, l::SYS_acct,
    l::SYS_syslog, l::SYS_settimeofday, l::SYS_clock_settime, l::SYS_clock_adjtime, l::SYS_adjtimex, l::SYS_sethostname,
    l::SYS_setdomainname, l::SYS_vhangup,
    // ways around this filter, and those that had too many holes
    l::SYS_io_uring_setup, l::SYS_io_uring_enter, l::SYS_io_uring_register, l::SYS_bpf, l::SYS_perf_event_open,
    l::SYS_userfaultfd, l::SYS_fanotify_init, l::SYS_fanotify_mark, l::SYS_add_key, l::SYS_request_key, l::SYS_keyctl,
    LSM_SET_SELF_ATTR, l::SYS_memfd_secret,
    #[cfg(target_arch = "x86_64")] l::SYS_iopl,
    #[cfg(target_arch = "x86_64")] l::SYS_ioperm,
    #[cfg(target_arch = "x86_64")] l::SYS_modify_ldt,
];

/// What Landlock does not guard: owners, modes, times and attributes of any file of the user; memory and queues that all
/// the user's processes share.
#[rustfmt::skip]
const UNGUARDED: &[i64] = &[
    l::SYS_fchmodat, FCHMODAT2, l::SYS_fchownat, l::SYS_fchown, l::SYS_setxattr, l::SYS_lsetxattr, l::SYS_removexattr,
    l::SYS_lremovexattr, SETXATTRAT, REMOVEXATTRAT, FILE_SETATTR,
    // what happens in folders of others
    l::SYS_inotify_init1, l::SYS_inotify_add_watch,
    #[cfg(target_arch = "x86_64")] l::SYS_inotify_init,
    l::SYS_shmget, l::SYS_shmat, l::SYS_msgget, l::SYS_semget, l::SYS_mq_open, l::SYS_mq_unlink,
    #[cfg(target_arch = "x86_64")] l::SYS_chmod,
    #[cfg(target_arch = "x86_64")] l::SYS_chown,
    #[cfg(target_arch = "x86_64")] l::SYS_lchown,
    #[cfg(target_arch = "x86_64")] l::SYS_utime,
    #[cfg(target_arch = "x86_64")] l::SYS_utimes,
    #[cfg(target_arch = "x86_64")] l::SYS_futimesat,
];

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

/// Who `setpriority` and `ioprio_set` change when they are to change all processes of a user.
const PRIO_USER: u64 = 2;
const IOPRIO_WHO_USER: u64 = 3;

/// Calls that give a file a mode, which argument that is, and which one says whether there is a mode at all.
#[rustfmt::skip]
const MODES: &[(i64, u8, Option<u8>)] = &[
    (l::SYS_fchmod, 1, None), (l::SYS_fchmodat, 2, None), (FCHMODAT2, 2, None), (l::SYS_mknodat, 2, None),
    (l::SYS_mkdirat, 2, None), (l::SYS_openat, 3, Some(2)),
    #[cfg(target_arch = "x86_64")] (l::SYS_chmod, 1, None),
    #[cfg(target_arch = "x86_64")] (l::SYS_mknod, 1, None),
    #[cfg(target_arch = "x86_64")] (l::SYS_creat, 1, None),
    #[cfg(target_arch = "x86_64")] (l::SYS_mkdir, 1, None),
    #[cfg(target_arch = "x86_64")] (l::SYS_open, 2, Some(1)),
];
/// Flags of opening with which there is a mode: making a file, with a name or without.
const MAKING: &[i32] = &[l::O_CREAT, l::O_TMPFILE & !l::O_DIRECTORY];

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
        for call in [
            l::SYS_prlimit64,
            l::SYS_sched_setaffinity,
            l::SYS_sched_setscheduler,
            l::SYS_sched_setparam,
            l::SYS_sched_setattr,
        ] {
            refused.insert(call, vec![rule(0, Length::Dword, Op::Ne, 0)?]);
        }
        // The first argument says whom the second names: a process or a group, of which 0 is its own, or all of a user, of which 0 is too.
        for (call, user) in [(l::SYS_setpriority, PRIO_USER), (l::SYS_ioprio_set, IOPRIO_WHO_USER)] {
            let rules = vec![rule(1, Length::Dword, Op::Ne, 0)?, rule(0, Length::Dword, Op::Eq, user)?];
            refused.insert(call, rules);
        }
    } else if !job.network {
        // With a network of its own, sockets of files and names reach nobody else.
        families.push(l::AF_UNIX as u64);
    }
    // A file that runs with its owner's rights outlives the box, and whoever starts it has the user's.
    for (call, mode, flags) in MODES {
        // Refused whatever its arguments are.
        if refused.get(call).is_some_and(Vec::is_empty) {
            continue;
        }
        let rules = refused.entry(*call).or_default();
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
        // Their arguments lie in memory that a filter cannot read: libraries then use `clone` and `openat`.
        filter(Rules::from([(l::SYS_clone3, Vec::new()), (l::SYS_openat2, Vec::new())]), l::ENOSYS)?,
        filter(Rules::from([(l::SYS_socket, strange)]), l::EAFNOSUPPORT)?,
        newer(),
    ])
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

fn filter(rules: Rules, errno: l::c_int) -> Result<BpfProgram, String> {
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, SeccompAction::Errno(errno as u32), target()?);
    let filter = filter.map_err(|error| error.to_string())?;
    filter.try_into().map_err(|error: seccompiler::BackendError| error.to_string())
}

/// What nobody decided on is not there: calls newer than these lists, and the second set of numbers that one processor has.
fn newer() -> BpfProgram {
    let step = |code, jt, jf, k| sock_filter { code, jt, jf, k };
    let refuse = l::SECCOMP_RET_ERRNO | l::ENOSYS as u32;
    vec![
        step((l::BPF_LD | l::BPF_W | l::BPF_ABS) as u16, 0, 0, 0),
        step((l::BPF_JMP | l::BPF_JGT | l::BPF_K) as u16, 0, 1, NEWEST as u32),
        step((l::BPF_RET | l::BPF_K) as u16, 0, 0, refuse),
        step((l::BPF_RET | l::BPF_K) as u16, 0, 0, l::SECCOMP_RET_ALLOW),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers at and above 424, which all processors share, that commands may use: asynchronous files and polls of their own, signals to
    /// their own, memory of their own, attributes that are only read.
    const SHARED: &[i64] =
        &[434, 436, 439, 441, 444, 445, 446, 449, 450, 451, 453, 454, 455, 456, 459, 461, 462, 464, 465, 468];

    /// Every number from 424 to the newest is decided, and only once: refused by a list above, or named here.
    #[test]
    fn every_newer_call_is_decided() {
        let refused: Vec<i64> = [KERNEL, UNGUARDED, SIGNALS, &[l::SYS_clone3, l::SYS_openat2]].concat();
        for number in 424..=NEWEST {
            let ways = usize::from(refused.contains(&number)) + usize::from(SHARED.contains(&number));
            assert_eq!(ways, 1, "system call {number} is decided {ways} times");
        }
    }

    /// Every number in the kernel's own table, where its headers are installed, is one that was looked at.
    #[test]
    fn the_kernels_table_has_no_call_that_nobody_decided_on() {
        let places = [
            "/usr/include/x86_64-linux-gnu/asm/unistd_64.h",
            "/usr/include/asm/unistd_64.h",
            "/usr/include/asm-generic/unistd.h",
        ];
        let tables = places.iter().filter_map(|place| std::fs::read_to_string(place).ok());
        for line in tables.flat_map(|table| table.lines().map(str::to_owned).collect::<Vec<_>>()) {
            let Some((name, number)) = line.strip_prefix("#define __NR_").and_then(|rest| rest.split_once(' ')) else {
                continue;
            };
            if let Ok(number) = number.trim().parse::<i64>()
                && name != "syscalls"
            {
                assert!(number <= NEWEST, "{name} ({number}) is newer than the lists: decide on it, then raise NEWEST");
            }
        }
    }

    #[test]
    fn the_filters_are_programs_the_kernel_takes() {
        let job = Job::new(["true"], "/");
        for mechanism in [Mechanism::Bubblewrap, Mechanism::Landlock] {
            assert_eq!(programs(&job, mechanism).unwrap().len(), 4);
        }
    }
}
