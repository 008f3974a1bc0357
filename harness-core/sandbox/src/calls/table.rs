//! The kernel's table of system calls, and what was decided on each: up to Linux 6.17, for x86_64 and aarch64. A number that is not here
//! does not exist for a command. Whoever adds a call says which decision it is and why; a test compares the table with the kernel's own.

use seccompiler::TargetArch;

use Decision::{Absent, Allow, Check, Opened, Refuse, Signals, Unmounted};

/// What a command may do with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Everything.
    Allow,
    /// What its arguments say, in one box at least: a rule in `calls.rs` reads them.
    Check,
    /// Everything, where Landlock keeps signals among the command's own processes or they are the only ones; else nothing.
    Signals,
    /// Everything within mounts of its own, nothing without.
    Unmounted,
    /// The same; and nothing without mounts only where a file that can be read belongs to the user.
    Opened,
    /// Nothing: an error of permission.
    Refuse,
    /// Nothing: the error of a kernel that does not have it.
    Absent,
}

/// Calls on which the same was decided.
pub(crate) struct Calls {
    pub decision: Decision,
    /// Why.
    #[cfg_attr(not(test), expect(dead_code, reason = "said in the failures of tests, and to whoever reads this"))]
    pub why: &'static str,
    /// Names and numbers: on x86_64, on aarch64.
    pub names: &'static [(&'static str, u32, u32)],
}

/// A processor that does not have a call.
const NONE: u32 = u32::MAX;

/// All calls with this decision that the processor has.
pub(crate) fn decided(decision: Decision, target: TargetArch) -> impl Iterator<Item = i64> {
    let calls = TABLE.iter().filter(move |calls| calls.decision == decision);
    calls.flat_map(|calls| calls.names).filter_map(move |call| number(call, target))
}

/// The number of the call with this name, if the processor has it.
pub(crate) fn named(name: &str, target: TargetArch) -> Option<i64> {
    let call = TABLE.iter().flat_map(|calls| calls.names).find(|call| call.0 == name)?;
    number(call, target)
}

/// The numbers that are in the table, as ranges without gaps.
pub(crate) fn ranges(target: TargetArch) -> Vec<(u32, u32)> {
    let mut all: Vec<u32> =
        TABLE.iter().flat_map(|calls| calls.names).filter_map(|call| number(call, target)?.try_into().ok()).collect();
    all.sort_unstable();
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for number in all {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 >= number => *last = number,
            _ => ranges.push((number, number)),
        }
    }
    ranges
}

fn number(call: &(&str, u32, u32), target: TargetArch) -> Option<i64> {
    let number = match target {
        TargetArch::x86_64 => call.1,
        TargetArch::aarch64 => call.2,
        _ => NONE,
    };
    (number != NONE).then(|| i64::from(number))
}

#[rustfmt::skip]
pub(crate) const TABLE: &[Calls] = &[
    Calls {
        decision: Allow,
        why: "reads, writes and asks about what is open",
        names: &[
            ("read", 0, 63), ("write", 1, 64), ("close", 3, 57), ("lseek", 8, 62), ("pread64", 17, 67),
            ("pwrite64", 18, 68), ("readv", 19, 65), ("writev", 20, 66), ("preadv", 295, 69), ("pwritev", 296, 70),
            ("preadv2", 327, 286), ("pwritev2", 328, 287), ("fstat", 5, 80), ("poll", 7, NONE), ("select", 23, NONE),
            ("pselect6", 270, 72), ("ppoll", 271, 73), ("sendfile", 40, 71), ("splice", 275, 76), ("tee", 276, 77),
            ("vmsplice", 278, 75), ("copy_file_range", 326, 285), ("dup", 32, 23), ("dup2", 33, NONE),
            ("dup3", 292, 24), ("pipe", 22, NONE), ("pipe2", 293, 59), ("close_range", 436, 436), ("flock", 73, 32),
            ("fsync", 74, 82), ("fdatasync", 75, 83), ("sync", 162, 81), ("syncfs", 306, 267),
            ("sync_file_range", 277, 84), ("ftruncate", 77, 46), ("fallocate", 285, 47), ("fadvise64", 221, 223),
            ("readahead", 187, 213), ("getdents", 78, NONE), ("getdents64", 217, 61), ("cachestat", 451, 451),
            ("epoll_create", 213, NONE), ("epoll_create1", 291, 20), ("epoll_ctl", 233, 21),
            ("epoll_wait", 232, NONE), ("epoll_pwait", 281, 22), ("epoll_pwait2", 441, 441), ("eventfd", 284, NONE),
            ("eventfd2", 290, 19), ("signalfd", 282, NONE), ("signalfd4", 289, 74), ("timerfd_create", 283, 85),
            ("timerfd_settime", 286, 86), ("timerfd_gettime", 287, 87), ("io_setup", 206, 0), ("io_destroy", 207, 1),
            ("io_getevents", 208, 4), ("io_submit", 209, 2), ("io_cancel", 210, 3), ("io_pgetevents", 333, 292),
        ],
    },
    Calls {
        decision: Allow,
        why: "names of files: Landlock or the mounts decide which",
        names: &[
            ("stat", 4, NONE), ("lstat", 6, NONE), ("newfstatat", 262, 79), ("statx", 332, 291), ("access", 21, NONE),
            ("faccessat", 269, 48), ("faccessat2", 439, 439), ("readlink", 89, NONE), ("readlinkat", 267, 78),
            ("getcwd", 79, 17), ("chdir", 80, 49), ("fchdir", 81, 50), ("rename", 82, NONE), ("renameat", 264, 38),
            ("renameat2", 316, 276), ("rmdir", 84, NONE), ("link", 86, NONE), ("linkat", 265, 37),
            ("unlink", 87, NONE), ("unlinkat", 263, 35), ("symlink", 88, NONE), ("symlinkat", 266, 36),
            ("truncate", 76, 45), ("statfs", 137, 43), ("fstatfs", 138, 44), ("ustat", 136, NONE), ("umask", 95, 166),
            ("name_to_handle_at", 303, 264), ("execve", 59, 221), ("execveat", 322, 281),
        ],
    },
    Calls {
        decision: Allow,
        why: "attributes of files, read only",
        names: &[
            ("getxattr", 191, 8), ("lgetxattr", 192, 9), ("fgetxattr", 193, 10), ("listxattr", 194, 11),
            ("llistxattr", 195, 12), ("flistxattr", 196, 13), ("getxattrat", 464, 464), ("listxattrat", 465, 465),
            ("file_getattr", 468, 468),
        ],
    },
    Calls {
        decision: Allow,
        why: "its own memory",
        names: &[
            ("mmap", 9, 222), ("mprotect", 10, 226), ("munmap", 11, 215), ("brk", 12, 214), ("mremap", 25, 216),
            ("msync", 26, 227), ("mincore", 27, 232), ("madvise", 28, 233), ("mlock", 149, 228),
            ("munlock", 150, 229), ("mlockall", 151, 230), ("munlockall", 152, 231), ("mlock2", 325, 284),
            ("remap_file_pages", 216, 234), ("mbind", 237, 235), ("set_mempolicy", 238, 237),
            ("get_mempolicy", 239, 236), ("set_mempolicy_home_node", 450, 450), ("memfd_create", 319, 279),
            ("pkey_mprotect", 329, 288), ("pkey_alloc", 330, 289), ("pkey_free", 331, 290), ("membarrier", 324, 283),
            ("mseal", 462, 462), ("map_shadow_stack", 453, 453),
        ],
    },
    Calls {
        decision: Allow,
        why: "its own threads, processes and signals",
        names: &[
            ("rt_sigaction", 13, 134), ("rt_sigprocmask", 14, 135), ("rt_sigreturn", 15, 139),
            ("rt_sigpending", 127, 136), ("rt_sigtimedwait", 128, 137), ("rt_sigsuspend", 130, 133),
            ("sigaltstack", 131, 132), ("pause", 34, NONE), ("fork", 57, NONE), ("vfork", 58, NONE), ("exit", 60, 93),
            ("exit_group", 231, 94), ("wait4", 61, 260), ("waitid", 247, 95), ("getpid", 39, 172),
            ("getppid", 110, 173), ("gettid", 186, 178), ("set_tid_address", 218, 96), ("set_robust_list", 273, 99),
            ("restart_syscall", 219, 128), ("sched_yield", 24, 124), ("futex", 202, 98), ("futex_waitv", 449, 449),
            ("futex_wake", 454, 454), ("futex_wait", 455, 455), ("futex_requeue", 456, 456), ("rseq", 334, 293),
            ("getcpu", 309, 168), ("arch_prctl", 158, NONE), ("set_thread_area", 205, NONE),
            ("get_thread_area", 211, NONE), ("setpgid", 109, 154), ("getpgrp", 111, NONE), ("setsid", 112, 157),
            ("uretprobe", 335, NONE), ("uprobe", 336, NONE),
        ],
    },
    Calls {
        decision: Allow,
        why: "who it is: the kernel lets nobody become more, and its capabilities are gone",
        names: &[
            ("getuid", 102, 174), ("geteuid", 107, 175), ("getgid", 104, 176), ("getegid", 108, 177),
            ("getgroups", 115, 158), ("getresuid", 118, 148), ("getresgid", 120, 150), ("setuid", 105, 146),
            ("setgid", 106, 144), ("setreuid", 113, 145), ("setregid", 114, 143), ("setgroups", 116, 159),
            ("setresuid", 117, 147), ("setresgid", 119, 149), ("setfsuid", 122, 151), ("setfsgid", 123, 152),
            ("capget", 125, 90), ("capset", 126, 91), ("personality", 135, 92),
        ],
    },
    Calls {
        decision: Allow,
        why: "takes rights from itself, or asks which it has",
        names: &[
            ("prctl", 157, 167), ("seccomp", 317, 277), ("landlock_create_ruleset", 444, 444),
            ("landlock_add_rule", 445, 445), ("landlock_restrict_self", 446, 446), ("lsm_get_self_attr", 459, 459),
            ("lsm_list_modules", 461, 461),
        ],
    },
    Calls {
        decision: Allow,
        why: "of other processes, what they are: nothing is changed, and a descriptor of one only tells when it ends",
        names: &[
            ("pidfd_open", 434, 434), ("getpgid", 121, 155), ("getsid", 124, 156), ("getpriority", 140, 141),
            ("ioprio_get", 252, 31), ("sched_getparam", 143, 121), ("sched_getscheduler", 145, 120),
            ("sched_getaffinity", 204, 123), ("sched_getattr", 315, 275), ("sched_rr_get_interval", 148, 127),
        ],
    },
    Calls {
        decision: Allow,
        why: "clocks and figures of the machine",
        names: &[
            ("time", 201, NONE), ("gettimeofday", 96, 169), ("clock_gettime", 228, 113), ("clock_getres", 229, 114),
            ("nanosleep", 35, 101), ("clock_nanosleep", 230, 115), ("getitimer", 36, 102), ("setitimer", 38, 103),
            ("alarm", 37, NONE), ("times", 100, 153), ("timer_create", 222, 107), ("timer_settime", 223, 110),
            ("timer_gettime", 224, 108), ("timer_getoverrun", 225, 109), ("timer_delete", 226, 111),
            ("getrusage", 98, 165), ("getrlimit", 97, 163), ("setrlimit", 160, 164), ("sysinfo", 99, 179),
            ("uname", 63, 160), ("sysfs", 139, NONE), ("sched_get_priority_max", 146, 125),
            ("sched_get_priority_min", 147, 126), ("getrandom", 318, 278),
        ],
    },
    Calls {
        decision: Allow,
        why: "sockets that are open: which can be made is looked at",
        names: &[
            ("connect", 42, 203), ("accept", 43, 202), ("accept4", 288, 242), ("sendto", 44, 206),
            ("recvfrom", 45, 207), ("sendmsg", 46, 211), ("recvmsg", 47, 212), ("sendmmsg", 307, 269),
            ("recvmmsg", 299, 243), ("shutdown", 48, 210), ("bind", 49, 200), ("listen", 50, 201),
            ("getsockname", 51, 204), ("getpeername", 52, 205), ("setsockopt", 54, 208), ("getsockopt", 55, 209),
        ],
    },
    Calls {
        decision: Check,
        why: "files that run with the rights of their owner",
        names: &[
            ("open", 2, NONE), ("openat", 257, 56), ("creat", 85, NONE), ("mkdir", 83, NONE), ("mkdirat", 258, 34),
            ("mknod", 133, NONE), ("mknodat", 259, 33),
        ],
    },
    Calls {
        decision: Check,
        why: "namespaces",
        names: &[
            ("clone", 56, 220),
        ],
    },
    Calls {
        decision: Check,
        why: "families of sockets",
        names: &[
            ("socket", 41, 198), ("socketpair", 53, 199),
        ],
    },
    Calls {
        decision: Check,
        why: "typing into terminals; signals by way of files; attributes of files that are only open",
        names: &[
            ("ioctl", 16, 29), ("fcntl", 72, 25),
        ],
    },
    Calls {
        decision: Check,
        why: "other processes are a number away",
        names: &[
            ("prlimit64", 302, 261), ("sched_setaffinity", 203, 122), ("sched_setscheduler", 144, 119),
            ("sched_setparam", 142, 118), ("sched_setattr", 314, 274), ("setpriority", 141, 140),
            ("ioprio_set", 251, 30),
        ],
    },
    Calls {
        decision: Check,
        why: "times of any file, by its path",
        names: &[
            ("utimensat", 280, 88),
        ],
    },
    Calls {
        decision: Signals,
        why: "other processes, where Landlock has no scope for signals",
        names: &[
            ("kill", 62, 129), ("tkill", 200, 130), ("tgkill", 234, 131), ("rt_sigqueueinfo", 129, 138),
            ("rt_tgsigqueueinfo", 297, 240), ("pidfd_send_signal", 424, 424),
        ],
    },
    Calls {
        decision: Unmounted,
        why: "owners, modes, times and attributes of any file of the user",
        names: &[
            ("chmod", 90, NONE), ("fchmodat", 268, 53), ("fchmodat2", 452, 452), ("chown", 92, NONE),
            ("fchown", 93, 55), ("lchown", 94, NONE), ("fchownat", 260, 54), ("utime", 132, NONE),
            ("utimes", 235, NONE), ("futimesat", 261, NONE), ("setxattr", 188, 5), ("lsetxattr", 189, 6),
            ("removexattr", 197, 14), ("lremovexattr", 198, 15), ("setxattrat", 463, 463),
            ("removexattrat", 466, 466), ("file_setattr", 469, 469),
        ],
    },
    Calls {
        decision: Opened,
        why: "the same by a file that is only open",
        names: &[
            ("fchmod", 91, 52), ("fsetxattr", 190, 7), ("fremovexattr", 199, 16),
        ],
    },
    Calls {
        decision: Unmounted,
        why: "what happens in folders of others",
        names: &[
            ("inotify_init", 253, NONE), ("inotify_init1", 294, 26), ("inotify_add_watch", 254, 27),
            ("inotify_rm_watch", 255, 28),
        ],
    },
    Calls {
        decision: Unmounted,
        why: "memory, queues and semaphores that all processes of the user share, by numbers that can be guessed",
        names: &[
            ("shmget", 29, 194), ("shmat", 30, 196), ("shmctl", 31, 195), ("shmdt", 67, 197), ("semget", 64, 190),
            ("semop", 65, 193), ("semctl", 66, 191), ("semtimedop", 220, 192), ("msgget", 68, 186),
            ("msgsnd", 69, 189), ("msgrcv", 70, 188), ("msgctl", 71, 187), ("mq_open", 240, 180),
            ("mq_unlink", 241, 181), ("mq_timedsend", 242, 182), ("mq_timedreceive", 243, 183),
            ("mq_notify", 244, 184), ("mq_getsetattr", 245, 185),
        ],
    },
    Calls {
        decision: Refuse,
        why: "looks into other processes or changes them",
        names: &[
            ("ptrace", 101, 117), ("process_vm_readv", 310, 270), ("process_vm_writev", 311, 271),
            ("process_madvise", 440, 440), ("process_mrelease", 448, 448), ("pidfd_getfd", 438, 438),
            ("kcmp", 312, 272), ("migrate_pages", 256, 238), ("move_pages", 279, 239), ("get_robust_list", 274, 100),
        ],
    },
    Calls {
        decision: Refuse,
        why: "namespaces, mounts, and files without a path",
        names: &[
            ("unshare", 272, 97), ("setns", 308, 268), ("mount", 165, 40), ("umount2", 166, 39),
            ("pivot_root", 155, 41), ("chroot", 161, 51), ("fsopen", 430, 430), ("fsconfig", 431, 431),
            ("fsmount", 432, 432), ("fspick", 433, 433), ("move_mount", 429, 429), ("open_tree", 428, 428),
            ("open_tree_attr", 467, 467), ("mount_setattr", 442, 442), ("statmount", 457, 457),
            ("listmount", 458, 458), ("open_by_handle_at", 304, 265), ("quotactl", 179, 60),
            ("quotactl_fd", 443, 443), ("swapon", 167, 224), ("swapoff", 168, 225),
        ],
    },
    Calls {
        decision: Refuse,
        why: "the machine",
        names: &[
            ("reboot", 169, 142), ("kexec_load", 246, 104), ("kexec_file_load", 320, 294), ("init_module", 175, 105),
            ("finit_module", 313, 273), ("delete_module", 176, 106), ("acct", 163, 89), ("syslog", 103, 116),
            ("settimeofday", 164, 170), ("clock_settime", 227, 112), ("clock_adjtime", 305, 266),
            ("adjtimex", 159, 171), ("sethostname", 170, 161), ("setdomainname", 171, 162), ("vhangup", 153, 58),
            ("iopl", 172, NONE), ("ioperm", 173, NONE), ("modify_ldt", 154, NONE), ("lookup_dcookie", 212, 18),
        ],
    },
    Calls {
        decision: Refuse,
        why: "ways around this filter, and what had too many holes",
        names: &[
            ("io_uring_setup", 425, 425), ("io_uring_enter", 426, 426), ("io_uring_register", 427, 427),
            ("bpf", 321, 280), ("perf_event_open", 298, 241), ("userfaultfd", 323, 282), ("fanotify_init", 300, 262),
            ("fanotify_mark", 301, 263), ("add_key", 248, 217), ("request_key", 249, 218), ("keyctl", 250, 219),
            ("lsm_set_self_attr", 460, 460), ("memfd_secret", 447, 447),
        ],
    },
    Calls {
        decision: Absent,
        why: "their arguments lie in memory that a filter cannot read: libraries then use `clone` and `openat`",
        names: &[
            ("clone3", 435, 435), ("openat2", 437, 437),
        ],
    },
    Calls {
        decision: Absent,
        why: "numbers that the kernel keeps and does not serve",
        names: &[
            ("uselib", 134, NONE), ("_sysctl", 156, NONE), ("create_module", 174, NONE),
            ("get_kernel_syms", 177, NONE), ("query_module", 178, NONE), ("nfsservctl", 180, 42),
            ("getpmsg", 181, NONE), ("putpmsg", 182, NONE), ("afs_syscall", 183, NONE), ("tuxcall", 184, NONE),
            ("security", 185, NONE), ("vserver", 236, NONE), ("epoll_ctl_old", 214, NONE),
            ("epoll_wait_old", 215, NONE),
        ],
    },
];
