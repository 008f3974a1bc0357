//! The faults themselves, by name. Refuses to know in which process it does harm.
#![expect(unsafe_code, reason = "harm is done where the compiler does not look")]

use std::{
    hint::black_box,
    io,
    os::unix::{fs::PermissionsExt, net::UnixStream},
    process::Command,
    time::Duration,
};

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
    /// Waits for a signal nobody sends, as threads of Rust's own library do while another one overflows its stack.
    Wait,
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
    /// Lets a file of its own end its parent, as soon as something is written to it.
    Sigio,
    /// Leaves its parent no memory to ask for.
    Starve,
    /// Types into the terminal it was started from.
    Type,
    /// Makes a file writable for everybody.
    Chmod,
    /// Ends itself by a signal that only others send.
    Vanish,
    /// Stops itself by such a signal.
    Freeze,
    /// Connects to a socket of another program on this machine.
    Local,
    /// Looks for variables of the environment, and complains if there are none.
    Environ,
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
        // SAFETY: waits.
        Fault::Wait => result(answered(unsafe { libc::pause() })),
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
        Fault::Sigio => sigio(),
        Fault::Starve => starve(),
        // SAFETY: hands over one readable byte; standard input need not be a terminal.
        Fault::Type => result(answered(unsafe { libc::ioctl(0, libc::TIOCSTI, c"!".as_ptr()) })),
        Fault::Chmod => result(std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o777))),
        // SAFETY: sends signals to this thread.
        Fault::Vanish => result(answered(unsafe { libc::raise(libc::SIGKILL) })),
        // SAFETY: the same.
        Fault::Freeze => result(answered(unsafe { libc::raise(libc::SIGSTOP) })),
        Fault::Local => result(UnixStream::connect(file)),
        Fault::Environ => match std::env::vars_os().next() {
            Some(_) => Ok(()),
            None => Err(ModuleError::fault("it sees no variable")),
        },
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

/// What the system says of a call that answers -1 when it fails.
fn answered(answer: i32) -> io::Result<()> {
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn fork() -> Result<(), ModuleError> {
    // SAFETY: the second process leaves at once.
    match unsafe { libc::fork() } {
        0 => unsafe { libc::_exit(0) },
        other => result(answered(other)),
    }
}

fn patricide() -> Result<(), ModuleError> {
    // SAFETY: sends a signal.
    result(answered(unsafe { libc::kill(libc::getppid(), libc::SIGKILL) }))
}

fn sigio() -> Result<(), ModuleError> {
    const F_SETSIG: i32 = 10;
    let mut pipe = [0; 2];
    // SAFETY: room for two descriptors; then calls on descriptors that are open, with numbers as arguments.
    unsafe {
        result(answered(libc::pipe(pipe.as_mut_ptr())))?;
        for (command, argument) in
            [(libc::F_SETOWN, libc::getppid()), (F_SETSIG, libc::SIGKILL), (libc::F_SETFL, libc::O_ASYNC)]
        {
            result(answered(libc::fcntl(pipe[0], command, argument)))?;
        }
        result(answered(libc::write(pipe[1], c"!".as_ptr().cast(), 1) as i32))
    }
}

fn starve() -> Result<(), ModuleError> {
    let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: a valid limit, and nobody wants the former one.
    let answer = unsafe { libc::prlimit(libc::getppid(), libc::RLIMIT_AS, &raw const none, std::ptr::null_mut()) };
    result(answered(answer))
}
