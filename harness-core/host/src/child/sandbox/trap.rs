//! What becomes of a system call that is not allowed: its name goes to standard error, where the host reads it, and the
//! process ends. Refuses to do more than a signal handler may: no memory, no locks.

use std::{ffi::CStr, io, mem};

use super::named;
use crate::child::process::NOT_ALLOWED;

/// Installs the handler.
pub fn listen() -> io::Result<()> {
    // SAFETY: all zeros is a valid action with an empty mask.
    let mut action: libc::sigaction = unsafe { mem::zeroed() };
    action.sa_sigaction = caught as *const () as usize;
    action.sa_flags = libc::SA_SIGINFO | libc::SA_NODEFER;
    // SAFETY: the handler only reads what the kernel hands it, writes to a descriptor, and leaves.
    match unsafe { libc::sigaction(libc::SIGSYS, &raw const action, std::ptr::null_mut()) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The number of the call: it lies behind four integers and an address.
const SYSCALL_AT: usize = 24;

extern "C" fn caught(_: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: the kernel fills both for SIGSYS; the offset is that of `si_syscall` on 64-bit Linux.
    let call = i64::from(unsafe { info.cast::<u8>().add(SYSCALL_AT).cast::<i32>().read_unaligned() });
    let path = path(call, context.cast());
    if path.is_some_and(|path| named::HARMLESS.iter().any(|harmless| path.starts_with(harmless))) {
        answer(context.cast(), -i64::from(libc::ENOENT));
        return;
    }
    let (what, permission) = named::purpose(call);
    say(b"it tried to ");
    say(what.as_bytes());
    match path {
        Some(path) => {
            say(b", ");
            say(path.get(..200).unwrap_or(path));
        }
        None => {
            say(b" (system call ");
            number(call);
            say(b")");
        }
    }
    if let Some(permission) = permission {
        say(b", without the permission `");
        say(permission.as_bytes());
        say(b"`");
    }
    say(b"\n");
    // SAFETY: ends the process.
    unsafe { libc::_exit(NOT_ALLOWED) }
}

fn say(text: &[u8]) {
    // SAFETY: writes readable memory to standard error; who stopped listening misses it.
    let _ = unsafe { libc::write(libc::STDERR_FILENO, text.as_ptr().cast(), text.len()) };
}

fn number(mut number: i64) {
    let (mut digits, mut at) = ([0u8; 20], 20);
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number <= 0 || at == 0 {
            break;
        }
    }
    say(&digits[at..]);
}

/// The path an opening call names.
fn path<'a>(call: i64, context: *mut libc::ucontext_t) -> Option<&'a [u8]> {
    let argument = match call {
        libc::SYS_openat | libc::SYS_openat2 => 1,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_open => 0,
        _ => return None,
    };
    let address = argument_of(context, argument) as *const libc::c_char;
    if address.is_null() {
        return None;
    }
    // SAFETY: the caller of the system call meant it as a path. If it is none, reading it ends the process, as it should.
    Some(unsafe { CStr::from_ptr(address) }.to_bytes())
}

#[cfg(target_arch = "x86_64")]
fn argument_of(context: *mut libc::ucontext_t, argument: usize) -> i64 {
    let register = [libc::REG_RDI, libc::REG_RSI][argument];
    // SAFETY: the kernel's own context of the interrupted call.
    unsafe { (*context).uc_mcontext.gregs[register as usize] }
}

#[cfg(target_arch = "x86_64")]
fn answer(context: *mut libc::ucontext_t, value: i64) {
    // SAFETY: as above; the register holds what the call will seem to have returned.
    unsafe { (*context).uc_mcontext.gregs[libc::REG_RAX as usize] = value };
}

#[cfg(target_arch = "aarch64")]
fn argument_of(context: *mut libc::ucontext_t, argument: usize) -> i64 {
    // SAFETY: the kernel's own context of the interrupted call.
    unsafe { (*context).uc_mcontext.regs[argument] as i64 }
}

#[cfg(target_arch = "aarch64")]
fn answer(context: *mut libc::ucontext_t, value: i64) {
    // SAFETY: as above; the register holds what the call will seem to have returned.
    unsafe { (*context).uc_mcontext.regs[0] = value as u64 };
}
