//! A channel: two pipes between a host and a child, on which one call at a time is made. Frames are a length of four bytes,
//! little-endian, and so many bytes of MessagePack. Refuses frames beyond a limit before a byte of them is kept.

use std::{
    fs::File,
    io::{self, ErrorKind, Read, Write},
    os::fd::{AsRawFd, OwnedFd},
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use super::threads::{Core, Hold, Thread};

/// Most bytes of a frame.
pub const MOST_FRAME: usize = 64 << 20;
/// Bytes read at a time, and kept between calls.
const CHUNK: usize = 64 << 10;
const HEADER: usize = 4;

/// Why a channel is of no use any more.
#[derive(Debug, thiserror::Error)]
pub enum ChannelError {
    /// The other side is gone.
    #[error("the other side closed it")]
    Closed,
    /// A frame is too large.
    #[error("a frame of {0} bytes; the limit is {MOST_FRAME}")]
    Oversize(usize),
    /// A frame is not what was expected.
    #[error("a frame that does not parse: {0}")]
    Garbage(String),
    /// A value cannot cross.
    #[error("{0}")]
    Unencodable(String),
    /// Time ran out in the middle of writing.
    #[error("time ran out while writing")]
    Late,
    /// The system refused.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// One end of a channel.
#[derive(Debug)]
pub struct Channel {
    from: File,
    to: File,
    inbox: Vec<u8>,
    /// Where the present frame begins; where it ends; where what was read ends.
    start: usize,
    next: usize,
    end: usize,
    outbox: Vec<u8>,
    /// Who serves it; known from the first answer on.
    pub thread: Option<Thread>,
    /// Whence its last hook was called.
    pub core: Option<Core>,
    /// Where that thread is held.
    pub held: Option<Hold>,
    pub pace: Pace,
}

/// Whether the calls of a channel are so quick that it is worth keeping caller and child on one core. That is a mistake where either
/// takes long, or where the core has other work: then the other waits for a slice of time, and each mistake doubles the
/// quick calls that are wanted before the next try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Quick calls in a row.
    quick: u32,
    wanted: u32,
}

impl Default for Pace {
    fn default() -> Self {
        Self { quick: 0, wanted: Self::LEAST }
    }
}

impl Pace {
    /// By then a module has started the threads it needs.
    const LEAST: u32 = 8;
    const MOST: u32 = 1 << 16;

    pub fn is_quick(self) -> bool {
        self.quick >= self.wanted
    }

    /// A call that was answered quickly, or was not.
    pub fn called(&mut self, quick: bool) {
        if !quick {
            if self.is_quick() {
                self.wanted = (self.wanted * 2).min(Self::MOST);
            }
            self.quick = 0;
            return;
        }
        self.quick += 1;
        if self.quick == 2 * self.wanted {
            self.wanted = (self.wanted / 2).max(Self::LEAST);
            self.quick = self.wanted;
        }
    }
}

impl Channel {
    pub fn new(from: OwnedFd, to: OwnedFd) -> Self {
        let (from, to) = (File::from(from), File::from(to));
        let (inbox, outbox) = (Vec::new(), Vec::new());
        Self {
            from,
            to,
            inbox,
            start: 0,
            next: 0,
            end: 0,
            outbox,
            thread: None,
            core: None,
            held: None,
            pace: Pace::default(),
        }
    }

    /// Writes a frame. With `until` the writing end must not block, and gives up then.
    pub fn send(&mut self, value: &impl Serialize, until: Option<Instant>) -> Result<(), ChannelError> {
        self.outbox.clear();
        self.outbox.extend([0; HEADER]);
        rmp_serde::encode::write_named(&mut self.outbox, value)
            .map_err(|error| ChannelError::Unencodable(error.to_string()))?;
        let length = self.outbox.len() - HEADER;
        if length > MOST_FRAME {
            self.outbox = Vec::new();
            return Err(ChannelError::Unencodable(format!("it takes {length} bytes; the limit is {MOST_FRAME}")));
        }
        self.outbox[..HEADER].copy_from_slice(&(length as u32).to_le_bytes());
        let mut rest = self.outbox.as_slice();
        while !rest.is_empty() {
            match self.to.write(rest) {
                Ok(0) => return Err(ChannelError::Closed),
                Ok(written) => rest = &rest[written..],
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::BrokenPipe => return Err(ChannelError::Closed),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    if !ready(&self.to, libc::POLLOUT, until)? {
                        return Err(ChannelError::Late);
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
        if self.outbox.capacity() > CHUNK {
            self.outbox = Vec::new();
        }
        Ok(())
    }

    /// Leaves this core to the other side until it has said something or `pause` is over: an answer that comes so soon wakes
    /// nobody. What goes wrong meanwhile is met by [`Channel::receive`].
    pub fn linger(&self, pause: Duration) {
        let began = Instant::now();
        while began.elapsed() < pause {
            std::thread::yield_now();
            if ready(&self.from, libc::POLLIN, Some(began)).unwrap_or(true) {
                return;
            }
        }
    }

    /// Reads the next frame; [`Channel::frame`] has it. `false`: there was none until then.
    pub fn receive(&mut self, until: Option<Instant>) -> Result<bool, ChannelError> {
        self.start = self.next;
        if self.start == self.end {
            (self.start, self.next, self.end) = (0, 0, 0);
            self.inbox.truncate(CHUNK);
            self.inbox.shrink_to(CHUNK);
        }
        loop {
            let have = &self.inbox[self.start..self.end];
            if let Some(header) = have.first_chunk::<HEADER>() {
                let length = u32::from_le_bytes(*header) as usize;
                if length > MOST_FRAME {
                    return Err(ChannelError::Oversize(length));
                }
                if have.len() >= HEADER + length {
                    self.next = self.start + HEADER + length;
                    return Ok(true);
                }
            }
            if until.is_some() && !ready(&self.from, libc::POLLIN, until)? {
                self.next = self.start;
                return Ok(false);
            }
            if self.start > 0 {
                self.inbox.copy_within(self.start..self.end, 0);
                (self.start, self.end) = (0, self.end - self.start);
            }
            // Grows by what arrives, never by what a header promises.
            if self.inbox.len() < self.end + CHUNK / 2 {
                self.inbox.resize((self.end * 2).max(CHUNK), 0);
            }
            match self.from.read(&mut self.inbox[self.end..]) {
                Ok(0) => return Err(ChannelError::Closed),
                Ok(read) => self.end += read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// The body of the frame that was received last.
    pub fn body(&self) -> &[u8] {
        self.inbox.get(self.start + HEADER..self.next).unwrap_or_default()
    }

    /// The frame that was received last.
    pub fn frame<'a, T: Deserialize<'a>>(&'a self) -> Result<T, ChannelError> {
        rmp_serde::from_slice(self.body()).map_err(|error| ChannelError::Garbage(error.to_string()))
    }

    /// Bytes of the frame that was received last.
    pub fn frame_bytes(&self) -> usize {
        self.next - self.start
    }

    /// Whether a whole or partial frame waits to be received.
    pub fn pending(&self) -> bool {
        self.next < self.end || ready(&self.from, libc::POLLIN, Some(Instant::now())).unwrap_or(true)
    }
}

/// Waits until the file is ready, or for the end of time; `false`: not until then.
fn ready(file: &File, events: libc::c_short, until: Option<Instant>) -> io::Result<bool> {
    loop {
        let millis = until.map_or(-1, |until| {
            let left = until.saturating_duration_since(Instant::now());
            // Rounded up, so that the last wait does not spin.
            left.as_micros().div_ceil(1000).min(i32::MAX as u128) as libc::c_int
        });
        let mut poll = libc::pollfd { fd: file.as_raw_fd(), events, revents: 0 };
        // SAFETY: one valid pollfd of an open file.
        match unsafe { libc::poll(&raw mut poll, 1, millis) } {
            0 => return Ok(false),
            1 => return Ok(true),
            _ => {
                let error = io::Error::last_os_error();
                if error.kind() != ErrorKind::Interrupted {
                    return Err(error);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
    use std::time::Duration;

    use super::*;
    use crate::child::passing;

    /// Two ends of a channel; the first belongs to a host.
    fn channels() -> (Channel, Channel) {
        let (from, to, [theirs_from, theirs_to]) = passing::pipes().unwrap();
        (Channel::new(from, to), Channel::new(theirs_from, theirs_to))
    }

    fn soon() -> Option<Instant> {
        Instant::now().checked_add(Duration::from_secs(10))
    }

    #[test]
    fn mistakes_about_the_pace_grow_rare_and_are_forgiven() {
        let mut pace = Pace::default();
        // Quick as long as nobody takes it for quick.
        let mistakes = |calls: u32, pace: &mut Pace| {
            let each = (0..calls).map(|_| {
                let mistaken = pace.is_quick();
                pace.called(!mistaken);
                u32::from(mistaken)
            });
            each.sum::<u32>()
        };
        assert_eq!(mistakes(100_000, &mut pace), 13);
        assert_eq!(mistakes(1_000_000, &mut pace), 15, "one in 65,537 at last");
        (0..1_000_000).for_each(|_| pace.called(true));
        assert_eq!(pace.wanted, Pace::LEAST);
        assert!(pace.is_quick());
    }

    #[test]
    fn frames_of_every_size_cross_in_order() {
        let (mut host, mut child) = channels();
        let sizes = [0, 1, 100, 65_530, 65_536, 70_000, 3_000_000, 7];
        let writer = std::thread::spawn(move || {
            for size in sizes {
                child.send(&"x".repeat(size), None).unwrap();
            }
            child
        });
        for size in sizes {
            assert!(host.receive(soon()).unwrap());
            assert_eq!(host.frame::<&str>().unwrap().len(), size);
        }
        let child = writer.join().unwrap();
        assert!(!host.receive(Some(Instant::now())).unwrap(), "nothing more was said");
        drop(child);
        assert!(matches!(host.receive(soon()), Err(ChannelError::Closed)));
    }

    #[test]
    fn a_frame_beyond_the_limit_is_refused_by_its_header() {
        let (mut host, mut child) = channels();
        child.to.write_all(&u32::MAX.to_le_bytes()).unwrap();
        assert!(matches!(host.receive(soon()), Err(ChannelError::Oversize(_))));
        assert!(host.inbox.len() <= CHUNK);
        assert!(matches!(child.send(&"x".repeat(MOST_FRAME), None), Err(ChannelError::Unencodable(_))));
    }

    #[test]
    fn a_reader_that_does_not_read_makes_a_writer_late() {
        let (mut host, _child) = channels();
        let soon = Instant::now().checked_add(Duration::from_millis(20));
        assert!(matches!(host.send(&"x".repeat(1 << 20), soon), Err(ChannelError::Late)));
    }

    #[test]
    fn nonsense_is_garbage_and_nothing_worse() {
        use crate::child::protocol::{Envelope, Event};
        let mut state = 7u64;
        for length in 0..600usize {
            let (mut host, mut child) = channels();
            let nonsense: Vec<u8> = (0..length)
                .map(|_| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    (state >> 33) as u8
                })
                .collect();
            child.to.write_all(&(length as u32).to_le_bytes()).unwrap();
            child.to.write_all(&nonsense).unwrap();
            assert!(host.receive(soon()).unwrap());
            assert!(matches!(host.frame::<Event<'_>>(), Err(ChannelError::Garbage(_))));
            assert!(matches!(host.frame::<Envelope<'_>>(), Err(ChannelError::Garbage(_))));
        }
    }
}
