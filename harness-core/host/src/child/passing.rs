//! Handing a child both ends of a new channel over its control socket.

use std::{
    fs::File,
    io, mem,
    os::{
        fd::{AsRawFd, FromRawFd, OwnedFd, RawFd},
        unix::net::UnixStream,
    },
};

/// Files that cross at a time: what the child reads from and what it writes to.
const FILES: usize = 2;
const PAYLOAD: usize = FILES * size_of::<RawFd>();

/// Room for one control message, aligned as the kernel wants it.
#[repr(C)]
union Control {
    bytes: [u8; 64],
    _align: libc::cmsghdr,
}

/// The header of a message of one byte with room for the files.
fn message(byte: &mut u8, vector: &mut libc::iovec, control: &mut Control) -> libc::msghdr {
    *vector = libc::iovec { iov_base: (&raw mut *byte).cast(), iov_len: 1 };
    // SAFETY: all zeros is a valid msghdr: null pointers and lengths of 0.
    let mut message: libc::msghdr = unsafe { mem::zeroed() };
    message.msg_iov = vector;
    message.msg_iovlen = 1;
    message.msg_control = (&raw mut *control).cast();
    // SAFETY: CMSG_SPACE only computes.
    message.msg_controllen = unsafe { libc::CMSG_SPACE(PAYLOAD as u32) } as _;
    message
}

/// Two pipes, all four ends closed on exec: what we read from, what we write to without blocking, and the child's ends.
pub fn pipes() -> io::Result<(OwnedFd, OwnedFd, [OwnedFd; FILES])> {
    let pipe = || {
        let mut ends = [0; 2];
        // SAFETY: room for two descriptors.
        if unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) } != 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptors are fresh and nobody else's.
        Ok(ends.map(|end| unsafe { OwnedFd::from_raw_fd(end) }))
    };
    let [child_reads, we_write] = pipe()?;
    let [we_read, child_writes] = pipe()?;
    // SAFETY: sets a flag of a file that is ours.
    if unsafe { libc::fcntl(we_write.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok((we_read, we_write, [child_reads, child_writes]))
}

/// Sends the child's ends.
pub fn send(socket: &UnixStream, files: &[OwnedFd; FILES]) -> io::Result<()> {
    let (mut byte, mut control) = (b'L', Control { bytes: [0; 64] });
    let mut vector = libc::iovec { iov_base: std::ptr::null_mut(), iov_len: 0 };
    let message = message(&mut byte, &mut vector, &mut control);
    // SAFETY: `message` points to the control buffer above, which is aligned and large enough for one header with two
    // descriptors; the payload is written inside it.
    unsafe {
        let header = libc::CMSG_FIRSTHDR(&raw const message);
        (*header).cmsg_level = libc::SOL_SOCKET;
        (*header).cmsg_type = libc::SCM_RIGHTS;
        (*header).cmsg_len = libc::CMSG_LEN(PAYLOAD as u32) as _;
        let descriptors = files.each_ref().map(AsRawFd::as_raw_fd);
        libc::CMSG_DATA(header).cast::<[RawFd; FILES]>().write_unaligned(descriptors);
    }
    // SAFETY: everything the message points to lives until the call returns.
    match unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const message, libc::MSG_NOSIGNAL) } {
        1 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Receives the ends of a channel: what to read from, what to write to. `None`: the host is gone.
pub fn receive(socket: &File) -> io::Result<Option<[OwnedFd; FILES]>> {
    let (mut byte, mut control) = (0, Control { bytes: [0; 64] });
    let mut vector = libc::iovec { iov_base: std::ptr::null_mut(), iov_len: 0 };
    let mut message = message(&mut byte, &mut vector, &mut control);
    loop {
        // SAFETY: everything the message points to lives until the call returns.
        match unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut message, libc::MSG_CMSG_CLOEXEC) } {
            0 => return Ok(None),
            1 => break,
            _ => {
                let error = io::Error::last_os_error();
                if error.kind() != io::ErrorKind::Interrupted {
                    return Err(error);
                }
            }
        }
    }
    // SAFETY: the kernel filled the control buffer; headers are looked at only where it says there is one.
    unsafe {
        let header = libc::CMSG_FIRSTHDR(&raw const message);
        let channel = !header.is_null()
            && (*header).cmsg_level == libc::SOL_SOCKET
            && (*header).cmsg_type == libc::SCM_RIGHTS
            && (*header).cmsg_len as usize == libc::CMSG_LEN(PAYLOAD as u32) as usize;
        if !channel {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a message without a channel"));
        }
        let descriptors = libc::CMSG_DATA(header).cast::<[RawFd; FILES]>().read_unaligned();
        Ok(Some(descriptors.map(|descriptor| OwnedFd::from_raw_fd(descriptor))))
    }
}
