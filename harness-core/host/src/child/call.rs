//! One call of a child: the request, what the child asks and says meanwhile, the answer. Refuses to wait for ever, to read
//! everything, and to believe anything.

use std::time::{Duration, Instant};

use super::{
    channel::{Channel, ChannelError},
    process::{Child, from_now},
    protocol::{Envelope, Event, Given, Pull, Reply, Request},
    threads,
};

/// Most bytes a child may say during one call.
const MOST_BYTES: usize = 256 << 20;
/// Most times it may say anything.
const MOST_EVENTS: usize = 200_000;
/// Most lines it may log.
const MOST_LINES: usize = 1000;
/// How often a waiting host looks whether anybody still wants the answer.
const LOOK: Duration = Duration::from_millis(20);
/// The longest wait at a stretch, so that a host notices that it was stopped.
const STRETCH: Duration = Duration::from_secs(1);
/// A wait that ends so much later than it should was no wait: the host itself was stopped, or got no processor.
const OVERSLEPT: Duration = Duration::from_millis(500);
/// How long the caller of a quick processor keeps itself awake.
const LINGER: Duration = Duration::from_micros(50);

/// Within which a hook is quick.
const QUICK: Duration = Duration::from_millis(1);

/// Why a call has no answer.
#[derive(Debug)]
pub enum Broken {
    /// The process ended before, in somebody else's call.
    Lost,
    /// The process is no more, or has to be ended: for the reason, if it is ours.
    Child(Option<String>),
    /// It took too long.
    Late(String),
    /// It was cancelled and did not stop.
    Deaf(String),
    /// The request cannot cross.
    Unsent(String),
}

/// Who serves a call on the host's side. A kind of module that has no use for something refuses it.
pub trait Serve {
    /// Gives a value of the context.
    fn pull(&self, _: Pull<'_>) -> Option<Given<'_>> {
        None
    }

    /// Writes the episode's shared state; `false`: there is none.
    fn put(&self, _key: &str, _value: &str) -> bool {
        false
    }

    /// Writes the log; `false`: there is none.
    fn log(&self, _level: u8, _line: &str) -> bool {
        false
    }

    /// Passes on a piece of a reply; `false`: nobody expects one.
    fn delta(&self, _kind: u32, _text: &str) -> bool {
        false
    }

    /// Whether nobody wants the answer any more.
    fn cancelled(&self) -> bool {
        false
    }

    /// Whether that can happen at all, so that it has to be looked at.
    fn cancellable(&self) -> bool {
        false
    }
}

/// Serves nothing.
pub struct Nobody;

impl Serve for Nobody {}

/// How long a call may take.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    pub deadline: Duration,
    pub cancel_grace: Duration,
}

impl Child {
    /// Makes one call.
    pub fn call(&self, request: Request<'_>, patience: Patience, serve: &dyn Serve) -> Result<Reply, Broken> {
        if self.has_ended() {
            return Err(Broken::Lost);
        }
        let began = Instant::now();
        let mut end = from_now(patience.deadline).unwrap_or(began);
        let late = || Broken::Late(format!("it did not answer within {} ms", patience.deadline.as_millis()));
        // A processor is called often and answers soon; anything else may take its time on any core.
        let hook = matches!(request, Request::Hook(_));
        let core = hook.then(threads::current).flatten();
        let mut channel = self.channel(core).map_err(|error| match self.has_ended() {
            true => Broken::Lost,
            false => Broken::Unsent(error),
        })?;
        let dropped = std::mem::take(&mut *self.dropped.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
        let near = hook && channel.pace.is_quick();
        let mut held = self.hold(&mut channel, core.filter(|_| near));
        channel.core = core;
        match channel.send(&Envelope { dropped, request }, Some(end)) {
            Ok(()) => {}
            Err(ChannelError::Unencodable(why)) => {
                self.give_back(channel);
                return Err(Broken::Unsent(why));
            }
            Err(error) => return Err(broken(error, late)),
        }
        let (mut bytes, mut events, mut lines) = (0, 0, 0);
        let mut cancelled: Option<Instant> = None;
        loop {
            let stop = cancelled.map_or(end, |end_of_grace| end.min(end_of_grace));
            let look = if serve.cancellable() && cancelled.is_none() {
                from_now(LOOK).map_or(stop, |look| look.min(stop))
            } else {
                from_now(STRETCH).map_or(stop, |stretch| stretch.min(stop))
            };
            let look = if held { from_now(QUICK).map_or(look, |slow| look.min(slow)) } else { look };
            if near {
                channel.linger(LINGER);
            }
            if !channel.receive(Some(look)).map_err(|error| broken(error, late))? {
                if held {
                    // It takes its time: on any core.
                    self.threads.free();
                    held = false;
                }
                // Time in which the host did not run is not the child's: it may have answered, had anybody listened.
                let overslept = Instant::now().saturating_duration_since(look);
                if overslept > OVERSLEPT {
                    end += overslept;
                    cancelled = cancelled.map(|end_of_grace| end_of_grace + overslept);
                    continue;
                }
                if Instant::now() >= stop {
                    let grace = patience.cancel_grace.as_millis();
                    return Err(match cancelled {
                        Some(end_of_grace) if end_of_grace < end => {
                            Broken::Deaf(format!("it did not stop within {grace} ms of being cancelled"))
                        }
                        _ => late(),
                    });
                }
                if cancelled.is_none() && serve.cancelled() {
                    channel.send(&Given::Cancel, Some(end)).map_err(|error| broken(error, late))?;
                    cancelled = Some(from_now(patience.cancel_grace).unwrap_or(end));
                }
                continue;
            }
            bytes += channel.frame_bytes();
            events += 1;
            if bytes > MOST_BYTES || events > MOST_EVENTS || lines > MOST_LINES {
                let flood = format!("it flooded its host with {events} messages, {bytes} bytes, {lines} log lines");
                return Err(Broken::Child(Some(flood)));
            }
            // A child that writes is late like one that is silent.
            if events % 64 == 0 && Instant::now() >= end {
                return Err(late());
            }
            let unasked = |what: &str| Broken::Child(Some(format!("it said something unasked: {what}")));
            let given = match channel.frame().map_err(|error| broken(error, late))? {
                Event::Serves { thread } if channel.thread.is_none() && self.threads.has(thread) => {
                    channel.thread = Some(thread);
                    None
                }
                Event::Serves { .. } => return Err(unasked("who it is")),
                Event::Done(reply) => {
                    if hook {
                        channel.pace.called(began.elapsed() < QUICK);
                    }
                    if held {
                        self.threads.look();
                    }
                    match cancelled {
                        None => self.give_back(channel),
                        // The child may not have read that it was cancelled.
                        Some(_) => self.discard(channel),
                    }
                    return Ok(reply);
                }
                Event::Pull(pull) => Some(serve.pull(pull).ok_or_else(|| unasked("a question"))?),
                Event::Put { key, value } if serve.put(key, value) => None,
                Event::Log { level, line } if serve.log(level, line) => {
                    lines += 1;
                    None
                }
                Event::Delta { kind, text } if serve.delta(kind, text) => None,
                Event::Put { .. } => return Err(unasked("a value")),
                Event::Log { .. } => return Err(unasked("a line")),
                Event::Delta { .. } => return Err(unasked("a piece of a reply")),
            };
            match given.map_or(Ok(()), |given| channel.send(&given, Some(end))) {
                // The module cannot have it; the call need not end for that.
                Err(ChannelError::Unencodable(_)) => {
                    channel.send(&Given::Nothing, Some(end)).map_err(|error| broken(error, late))?;
                }
                sent => sent.map_err(|error| broken(error, late))?,
            }
        }
    }

    /// Holds the thread that serves a channel to a core, or to none.
    fn hold(&self, channel: &mut Channel, core: Option<threads::Core>) -> bool {
        if core.is_none() && channel.held.is_some() {
            self.threads.free();
        }
        channel.held =
            channel.thread.zip(core).and_then(|(thread, core)| self.threads.hold(thread, core, channel.held));
        channel.held.is_some()
    }
}

fn broken(error: ChannelError, late: impl FnOnce() -> Broken) -> Broken {
    match error {
        ChannelError::Closed | ChannelError::Io(_) => Broken::Child(None),
        ChannelError::Late => late(),
        other => Broken::Child(Some(format!("it broke the protocol: {other}"))),
    }
}
