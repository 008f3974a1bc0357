//! System calls by what they are for, and the words for those that end a child.

use libc as l;

/// Computing, memory, threads, time, and files that are open already.
#[rustfmt::skip]
pub const BASE: &[i64] = &[
    // memory
    l::SYS_mmap, l::SYS_munmap, l::SYS_mremap, l::SYS_mprotect, l::SYS_madvise, l::SYS_brk, l::SYS_msync, l::SYS_mlock,
    l::SYS_munlock, l::SYS_mincore, l::SYS_membarrier, l::SYS_get_mempolicy,
    // threads and signals
    l::SYS_futex, l::SYS_set_robust_list, l::SYS_get_robust_list, l::SYS_set_tid_address, l::SYS_rseq, l::SYS_clone3,
    l::SYS_sched_yield, l::SYS_sched_getaffinity, l::SYS_sched_setaffinity, l::SYS_sched_getparam,
    l::SYS_sched_getscheduler, l::SYS_sched_get_priority_max, l::SYS_sched_get_priority_min, l::SYS_getcpu,
    l::SYS_rt_sigprocmask, l::SYS_rt_sigreturn, l::SYS_sigaltstack, l::SYS_restart_syscall, l::SYS_exit,
    l::SYS_exit_group, l::SYS_prctl, l::SYS_seccomp,
    // time and chance
    l::SYS_clock_gettime, l::SYS_clock_getres, l::SYS_clock_nanosleep, l::SYS_nanosleep, l::SYS_gettimeofday,
    l::SYS_times, l::SYS_getrandom, l::SYS_timerfd_create, l::SYS_timerfd_settime, l::SYS_timerfd_gettime,
    // who and where
    l::SYS_getpid, l::SYS_gettid, l::SYS_getppid, l::SYS_getuid, l::SYS_geteuid, l::SYS_getgid, l::SYS_getegid,
    l::SYS_getrusage, l::SYS_sysinfo, l::SYS_uname, l::SYS_getcwd, l::SYS_umask,
    // open files, channels
    l::SYS_read, l::SYS_write, l::SYS_readv, l::SYS_writev, l::SYS_pread64, l::SYS_pwrite64, l::SYS_preadv,
    l::SYS_pwritev, l::SYS_close, l::SYS_close_range, l::SYS_lseek, l::SYS_fstat, l::SYS_newfstatat, l::SYS_statx,
    l::SYS_dup, l::SYS_dup3, l::SYS_pipe2, l::SYS_eventfd2, l::SYS_epoll_create1, l::SYS_epoll_ctl,
    l::SYS_epoll_pwait, l::SYS_ppoll, l::SYS_pselect6, l::SYS_ftruncate, l::SYS_fallocate, l::SYS_fsync,
    l::SYS_fdatasync, l::SYS_flock, l::SYS_fadvise64, l::SYS_sendfile, l::SYS_splice, l::SYS_copy_file_range,
    l::SYS_memfd_create, l::SYS_faccessat, l::SYS_faccessat2, l::SYS_readlinkat, l::SYS_recvmsg, l::SYS_recvfrom,
    // How a thread that comes or goes while another overflows its stack waits for the end (Rust's own handler).
    #[cfg(target_arch = "x86_64")] l::SYS_pause,
    #[cfg(target_arch = "x86_64")] l::SYS_arch_prctl,
    #[cfg(target_arch = "x86_64")] l::SYS_time,
    #[cfg(target_arch = "x86_64")] l::SYS_stat,
    #[cfg(target_arch = "x86_64")] l::SYS_lstat,
    #[cfg(target_arch = "x86_64")] l::SYS_access,
    #[cfg(target_arch = "x86_64")] l::SYS_readlink,
    #[cfg(target_arch = "x86_64")] l::SYS_dup2,
    #[cfg(target_arch = "x86_64")] l::SYS_pipe,
    #[cfg(target_arch = "x86_64")] l::SYS_poll,
    #[cfg(target_arch = "x86_64")] l::SYS_select,
    #[cfg(target_arch = "x86_64")] l::SYS_epoll_wait,
    #[cfg(target_arch = "x86_64")] l::SYS_getrlimit,
];

/// Opening files: for loading a pack, and afterwards for those that may.
#[rustfmt::skip]
pub const OPEN: &[i64] = &[
    l::SYS_openat, l::SYS_openat2,
    #[cfg(target_arch = "x86_64")] l::SYS_open,
];

/// The permission `fs`; where they reach is up to Landlock.
#[rustfmt::skip]
pub const FILES: &[i64] = &[
    l::SYS_getdents64, l::SYS_unlinkat, l::SYS_renameat, l::SYS_renameat2, l::SYS_mkdirat, l::SYS_linkat,
    l::SYS_symlinkat, l::SYS_truncate, l::SYS_utimensat, l::SYS_statfs, l::SYS_fstatfs, l::SYS_chdir, l::SYS_fchdir,
    l::SYS_fchmod, l::SYS_fchmodat, l::SYS_fchown, l::SYS_fchownat,
    #[cfg(target_arch = "x86_64")] l::SYS_creat,
    #[cfg(target_arch = "x86_64")] l::SYS_unlink,
    #[cfg(target_arch = "x86_64")] l::SYS_rename,
    #[cfg(target_arch = "x86_64")] l::SYS_mkdir,
    #[cfg(target_arch = "x86_64")] l::SYS_rmdir,
    #[cfg(target_arch = "x86_64")] l::SYS_link,
    #[cfg(target_arch = "x86_64")] l::SYS_symlink,
    #[cfg(target_arch = "x86_64")] l::SYS_chmod,
    #[cfg(target_arch = "x86_64")] l::SYS_chown,
    #[cfg(target_arch = "x86_64")] l::SYS_lchown,
];

/// Owners and modes, which Landlock does not guard, and on which cores a process runs, be it another's: nobody may change
/// them. Refused with an error.
#[rustfmt::skip]
pub const REFUSED: &[i64] = &[
    l::SYS_sched_setaffinity,
    l::SYS_fchmod, l::SYS_fchmodat, l::SYS_fchown, l::SYS_fchownat, l::SYS_utimensat,
    #[cfg(target_arch = "x86_64")] l::SYS_chmod,
    #[cfg(target_arch = "x86_64")] l::SYS_chown,
    #[cfg(target_arch = "x86_64")] l::SYS_lchown,
];

/// What `fcntl` may not be asked: whom a descriptor signals, and how. It would be `kill` by another name.
pub const OWNERS: &[u64] = &[F_SETOWN, F_SETSIG, F_SETOWN_EX];
const F_SETOWN: u64 = 8;
const F_SETSIG: u64 = 10;
const F_SETOWN_EX: u64 = 15;

/// What `ioctl` may not be asked: typing into a terminal, and the same signals once more.
pub const TERMINALS: &[u64] = &[l::TIOCSTI, TIOCLINUX, FIOSETOWN, SIOCSPGRP];
const TIOCLINUX: u64 = 0x541C;
const FIOSETOWN: u64 = 0x8901;
const SIOCSPGRP: u64 = 0x8902;

/// Families of sockets that reach the network; the last is how a program asks for its own addresses.
pub const FAMILIES: &[u64] = &[l::AF_INET as u64, l::AF_INET6 as u64, l::AF_NETLINK as u64];

/// The permission `net`.
#[rustfmt::skip]
pub const NETWORK: &[i64] = &[
    l::SYS_socket, l::SYS_socketpair, l::SYS_connect, l::SYS_bind, l::SYS_listen, l::SYS_accept, l::SYS_accept4,
    l::SYS_getsockname, l::SYS_getpeername, l::SYS_setsockopt, l::SYS_getsockopt, l::SYS_sendto, l::SYS_sendmsg,
    l::SYS_sendmmsg, l::SYS_recvmmsg, l::SYS_shutdown,
];

/// The permission `exec`.
#[rustfmt::skip]
pub const PROCESSES: &[i64] = &[
    l::SYS_execve, l::SYS_execveat, l::SYS_clone, l::SYS_wait4, l::SYS_waitid, l::SYS_setpgid,
    l::SYS_getpgid, l::SYS_setsid, l::SYS_getdents64, l::SYS_chdir, l::SYS_fchdir, l::SYS_pidfd_open,
    #[cfg(target_arch = "x86_64")] l::SYS_fork,
    #[cfg(target_arch = "x86_64")] l::SYS_vfork,
    #[cfg(target_arch = "x86_64")] l::SYS_getpgrp,
];

/// Signals to others; with the permission `exec`.
#[rustfmt::skip]
pub const SIGNALS: &[i64] = &[l::SYS_kill, l::SYS_tkill, l::SYS_tgkill, l::SYS_rt_sigqueueinfo];

/// Signals that end or stop a process whatever it does: they come from outside.
pub const OUTSIDE: &[u64] =
    &[l::SIGKILL as u64, l::SIGSTOP as u64, l::SIGTSTP as u64, l::SIGTTIN as u64, l::SIGTTOU as u64];

/// What a call is for, in the words of a record; `None`: no permission allows it.
pub fn purpose(call: i64) -> (&'static str, Option<&'static str>) {
    match call {
        l::SYS_fcntl => return ("say whom a file signals", None),
        l::SYS_ioctl => return ("type into a terminal", None),
        l::SYS_prlimit64 => return ("change the limits of another process", None),
        _ => {}
    }
    let sorts: [(&[i64], &str, &str); 5] = [
        (SIGNALS, "signal a process", "exec"),
        (OPEN, "open a file", "fs"),
        (FILES, "change files", "fs"),
        (NETWORK, "use the network", "net"),
        (PROCESSES, "start a process", "exec"),
    ];
    let sort = sorts.into_iter().find(|(calls, ..)| calls.contains(&call));
    sort.map_or(("make a system call no pack may make", None), |(_, words, permission)| (words, Some(permission)))
}

/// Files that libraries look at on their own account and do well without: told that they are not there.
pub const HARMLESS: &[&[u8]] = &[
    b"/proc/self/cgroup",
    b"/proc/self/maps",
    b"/proc/self/mountinfo",
    b"/proc/cpuinfo",
    b"/proc/meminfo",
    b"/proc/stat",
    b"/proc/sys/vm/",
    b"/sys/devices/system/cpu",
    b"/sys/fs/cgroup",
    b"/sys/kernel/mm/",
    b"/etc/localtime",
];
