//! The faults themselves, by name. Refuses to know in which process it does harm.
#![expect(unsafe_code, reason = "harm is done where the compiler does not look")]

use std::{hint::black_box, io, process::Command, time::Duration};

use harness_abi::ModuleError;
use serde::Deserialize;

/// What is wrong with a module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// Nothing.
    None,
    /// An ordinary error.
    Error,
    /// A panic.
    Panic,
    /// Ends the process.
    Abort,
    /// Leaves the process as if all were well.
    Exit,
    /// Writes where there is no memory.
    Segfault,
    /// Calls itself without end.
    Overflow,
    /// Never comes back.
    Loop,
    /// Comes back after 30 seconds.
    Late,
    /// Takes memory without end.
    Leak,
    /// Asks for 64 GB at once.
    Hoard,
    /// Writes nonsense into every open file.
    Garbage,
    /// Says something without end, where it can say anything.
    Flood,
    /// Answers nonsense, where it answers; nothing here.
    Nonsense,
    /// Reads a file.
    Read,
    /// Writes a file.
    Write,
    /// Opens a socket.
    Socket,
    /// Starts a program.
    Exec,
    /// Splits its process in two.
    Fork,
    /// Ends its parent.
    Patricide,
}

/// Does it.
///
/// # Errors
///
/// Where the system keeps it from doing harm and lets it live.
pub fn commit(fault: Fault, file: &str) -> Result<(), ModuleError> {
    match fault {
        Fault::None | Fault::Flood | Fault::Nonsense => Ok(()),
        Fault::Error => Err(ModuleError::input("it was told to fail")),
        #[expect(clippy::panic, reason = "that is what it is for")]
        Fault::Panic => panic!("it was told to panic"),
        Fault::Abort => std::process::abort(),
        Fault::Exit => std::process::exit(0),
        Fault::Segfault => segfault(),
        Fault::Overflow => {
            black_box(overflow(black_box(1)));
            Ok(())
        }
        Fault::Loop => loop {
            std::hint::spin_loop();
        },
        Fault::Late => {
            std::thread::sleep(Duration::from_secs(30));
            Ok(())
        }
        Fault::Leak => leak(),
        Fault::Hoard => {
            let mut hoard = vec![0u8; 64 << 30];
            // A page each, so that it is really had.
            hoard.iter_mut().step_by(4096).for_each(|byte| *byte = 1);
            black_box(hoard);
            Ok(())
        }
        Fault::Garbage => garbage(),
        Fault::Read => result(std::fs::read(file)),
        Fault::Write => result(std::fs::write(file, "it was here")),
        Fault::Socket => result(std::net::TcpListener::bind("127.0.0.1:0")),
        Fault::Exec => result(Command::new("/bin/true").status()),
        Fault::Fork => fork(),
        Fault::Patricide => patricide(),
    }
}

fn result<T>(result: io::Result<T>) -> Result<(), ModuleError> {
    result.map(drop).map_err(|error| ModuleError::fault(format_args!("the system said no: {error}")))
}

fn segfault() -> Result<(), ModuleError> {
    let nowhere = black_box(8usize) as *mut u64;
    // SAFETY: none. It is the fault.
    unsafe { nowhere.write_volatile(1) };
    Ok(())
}

#[expect(unconditional_recursion, reason = "it is the fault")]
fn overflow(depth: u64) -> u64 {
    let room = black_box([depth; 1024]);
    overflow(room[0] + 1) + room[1]
}

fn leak() -> Result<(), ModuleError> {
    loop {
        black_box(Vec::leak(vec![0u8; 4 << 20]));
    }
}

/// All a host could have left open.
const FILES: std::ops::Range<i32> = 3..256;

fn garbage() -> Result<(), ModuleError> {
    let nonsense = [0xC1u8; 4096];
    for _ in 0..16 {
        for file in FILES {
            // SAFETY: readable memory; a number that is no open file is refused by the system.
            unsafe {
                let flags = libc::fcntl(file, libc::F_GETFL);
                if flags >= 0 && flags & libc::O_ACCMODE != libc::O_RDONLY {
                    libc::fcntl(file, libc::F_SETFL, flags | libc::O_NONBLOCK);
                    libc::write(file, nonsense.as_ptr().cast(), nonsense.len());
                }
            }
        }
    }
    Ok(())
}

fn fork() -> Result<(), ModuleError> {
    // SAFETY: the second process leaves at once.
    match unsafe { libc::fork() } {
        -1 => result::<()>(Err(io::Error::last_os_error())),
        0 => unsafe { libc::_exit(0) },
        _ => Ok(()),
    }
}

fn patricide() -> Result<(), ModuleError> {
    // SAFETY: sends a signal.
    match unsafe { libc::kill(libc::getppid(), libc::SIGKILL) } {
        0 => Ok(()),
        _ => result::<()>(Err(io::Error::last_os_error())),
    }
}
