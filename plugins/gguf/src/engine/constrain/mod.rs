//! Output constraints as automata over bytes, and the token masks they give.
//!
//! `nfa` builds automata from pieces, `schema` translates JSON Schema, `Automaton` determinises on the fly
//! and remembers the mask of every state it has been in.

mod nfa;
mod schema;

use super::tokenizer::Tokenizer;
pub use nfa::Nfa;
pub use schema::compile;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// A set of tokens.
pub struct Mask {
    bits: Vec<u64>,
}

impl Mask {
    /// Whether the token may come next.
    pub fn allows(&self, token: u32) -> bool {
        self.bits.get(token as usize / 64).is_some_and(|b| b >> (token % 64) & 1 == 1)
    }
}

/// A state of an [`Automaton`].
pub type StateId = usize;

/// No value continues this way.
const DEAD: u32 = u32::MAX;
/// Not asked yet.
const UNKNOWN: u32 = u32::MAX - 1;

#[derive(Default)]
struct Explored {
    /// Sorted sets of NFA states.
    states: Vec<Arc<[u32]>>,
    index: HashMap<Arc<[u32]>, StateId>,
    /// Per state, where each byte leads: a state, [`DEAD`] or [`UNKNOWN`].
    steps: Vec<[u32; 256]>,
    masks: HashMap<StateId, Arc<Mask>>,
}

/// A deterministic automaton, built as it is walked. Shared by all requests with the same schema.
pub struct Automaton {
    nfa: Nfa,
    explored: Mutex<Explored>,
}

impl Automaton {
    /// Wraps an automaton; its first state set becomes state 0.
    pub fn new(nfa: Nfa) -> Self {
        let automaton = Self { nfa, explored: Mutex::default() };
        let start = automaton.nfa.closure(&[automaton.nfa.start]);
        automaton.explored().intern(start);
        automaton
    }

    fn explored(&self) -> std::sync::MutexGuard<'_, Explored> {
        self.explored.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state before any byte.
    pub fn start(&self) -> StateId {
        0
    }

    /// Whether the bytes so far are a complete value.
    pub fn accepts(&self, state: StateId) -> bool {
        self.explored().states[state].contains(&self.nfa.end)
    }

    /// Whether the value is complete and nothing can follow.
    pub fn is_final(&self, state: StateId) -> bool {
        let set = Arc::clone(&self.explored().states[state]);
        set.contains(&self.nfa.end) && self.nfa.is_stuck(&set)
    }

    /// The bytes that must follow, up to the next choice or the end.
    pub fn forced(&self, state: StateId) -> Vec<u8> {
        let mut explored = self.explored();
        let (mut at, mut bytes) = (state, Vec::new());
        while let Some(byte) = self.nfa.only_byte(&explored.states[at]) {
            match explored.step(&self.nfa, at, byte) {
                Some(next) => at = next,
                None => break,
            }
            bytes.push(byte);
        }
        bytes
    }

    /// How few bytes complete the value.
    pub fn left(&self, state: StateId) -> usize {
        self.nfa.left(&self.explored().states[state])
    }

    /// The fewest bytes that complete the value.
    pub fn shortest(&self, state: StateId) -> Vec<u8> {
        self.nfa.shortest(&self.explored().states[state])
    }

    /// The state after more bytes; `None` when they leave the language.
    pub fn advance(&self, state: StateId, bytes: &[u8]) -> Option<StateId> {
        let mut explored = self.explored();
        bytes.iter().try_fold(state, |at, b| explored.step(&self.nfa, at, *b))
    }

    /// Tokens that may come next in a state, the end of turn among them once the value is complete.
    pub fn mask(&self, state: StateId, tokenizer: &Tokenizer) -> Arc<Mask> {
        let mut explored = self.explored();
        if let Some(mask) = explored.masks.get(&state) {
            return Arc::clone(mask);
        }
        let mut bits = vec![0u64; tokenizer.len().div_ceil(64)];
        // Tokens in byte order share prefixes with their neighbours: states along the last token are kept.
        let mut path: Vec<Option<StateId>> = vec![Some(state)];
        let mut last: &[u8] = &[];
        for id in tokenizer.in_byte_order() {
            let bytes = tokenizer.bytes(*id);
            let shared = last.iter().zip(bytes).take_while(|(a, b)| a == b).count();
            path.truncate(shared + 1);
            for b in &bytes[shared..] {
                let next = path.last().copied().flatten().and_then(|s| explored.step(&self.nfa, s, *b));
                path.push(next);
            }
            if path.last().copied().flatten().is_some() && !bytes.is_empty() {
                bits[*id as usize / 64] |= 1 << (id % 64);
            }
            last = bytes;
        }
        if explored.states[state].contains(&self.nfa.end) {
            bits[tokenizer.eos as usize / 64] |= 1 << (tokenizer.eos % 64);
        }
        let mask = Arc::new(Mask { bits });
        explored.masks.insert(state, Arc::clone(&mask));
        mask
    }
}

impl Explored {
    fn intern(&mut self, set: Vec<u32>) -> StateId {
        let set: Arc<[u32]> = set.into();
        if let Some(id) = self.index.get(&set) {
            return *id;
        }
        self.states.push(Arc::clone(&set));
        self.steps.push([UNKNOWN; 256]);
        self.index.insert(set, self.states.len() - 1);
        self.states.len() - 1
    }

    fn step(&mut self, nfa: &Nfa, state: StateId, byte: u8) -> Option<StateId> {
        match self.steps[state][usize::from(byte)] {
            DEAD => return None,
            UNKNOWN => {}
            next => return Some(next as StateId),
        }
        let set = Arc::clone(&self.states[state]);
        let next = nfa.step(&set, byte);
        let next = if next.is_empty() { None } else { Some(self.intern(next)) };
        self.steps[state][usize::from(byte)] = next.map_or(DEAD, |n| n as u32);
        next
    }
}
