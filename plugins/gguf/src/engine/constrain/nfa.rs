//! Nondeterministic automata over bytes (Thompson's construction), built piece by piece.

use std::collections::VecDeque;

/// A piece: where it begins and ends.
pub type Piece = (u32, u32);

#[derive(Default)]
struct State {
    /// Inclusive byte ranges and where they lead.
    bytes: Vec<(u8, u8, u32)>,
    empty: Vec<u32>,
}

/// Distance of a state that cannot be left for the end.
const NEVER: u32 = u32::MAX;

/// An automaton with one start and one end.
pub struct Nfa {
    states: Vec<State>,
    /// Per state, how few bytes lead to the end.
    left: Vec<u32>,
    /// First state.
    pub start: u32,
    /// Accepting state.
    pub end: u32,
}

impl Nfa {
    /// An automaton whose language `build` describes.
    ///
    /// # Errors
    ///
    /// What `build` or `make` fails with.
    pub fn build<E>(build: impl FnOnce(&mut Self) -> Result<Piece, E>) -> Result<Self, E> {
        let mut nfa = Self { states: Vec::new(), left: Vec::new(), start: 0, end: 0 };
        (nfa.start, nfa.end) = build(&mut nfa)?;
        nfa.left = nfa.distances();
        Ok(nfa)
    }

    /// States made so far.
    pub fn len(&self) -> usize {
        self.states.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.states.is_empty()
    }

    fn state(&mut self) -> u32 {
        self.states.push(State::default());
        (self.states.len() - 1) as u32
    }

    fn link(&mut self, from: u32, to: u32) {
        self.states[from as usize].empty.push(to);
    }

    /// One byte out of inclusive ranges.
    pub fn byte(&mut self, ranges: &[(u8, u8)]) -> Piece {
        let (a, b) = (self.state(), self.state());
        self.states[a as usize].bytes.extend(ranges.iter().map(|(lo, hi)| (*lo, *hi, b)));
        (a, b)
    }

    /// Exactly these bytes.
    pub fn literal(&mut self, bytes: &[u8]) -> Piece {
        let pieces: Vec<Piece> = bytes.iter().map(|b| self.byte(&[(*b, *b)])).collect();
        self.sequence(&pieces)
    }

    /// One after the other.
    pub fn sequence(&mut self, pieces: &[Piece]) -> Piece {
        for pair in pieces.windows(2) {
            self.link(pair[0].1, pair[1].0);
        }
        match (pieces.first(), pieces.last()) {
            (Some(first), Some(last)) => (first.0, last.1),
            _ => {
                let s = self.state();
                (s, s)
            }
        }
    }

    /// One of several.
    pub fn any(&mut self, pieces: &[Piece]) -> Piece {
        let (a, b) = (self.state(), self.state());
        for p in pieces {
            self.link(a, p.0);
            self.link(p.1, b);
        }
        (a, b)
    }

    /// The piece or nothing.
    pub fn optional(&mut self, piece: Piece) -> Piece {
        let nothing = self.sequence(&[]);
        self.any(&[piece, nothing])
    }

    /// The piece any number of times.
    pub fn star(&mut self, piece: Piece) -> Piece {
        let s = self.state();
        self.link(s, piece.0);
        self.link(piece.1, s);
        (s, s)
    }

    /// Between `min` and `max` copies of what `make` builds; without `max`, any number from `min` on.
    ///
    /// # Errors
    ///
    /// What `build` or `make` fails with.
    pub fn repeat<E>(
        &mut self,
        min: usize,
        max: Option<usize>,
        mut make: impl FnMut(&mut Self) -> Result<Piece, E>,
    ) -> Result<Piece, E> {
        let mut pieces = (0..min).map(|_| make(self)).collect::<Result<Vec<_>, E>>()?;
        match max {
            None => {
                let one = make(self)?;
                pieces.push(self.star(one));
            }
            Some(max) => {
                // Each further copy may be the last: (x(x(x)?)?)?
                let mut tail = self.sequence(&[]);
                for _ in min..max {
                    let one = make(self)?;
                    let more = self.sequence(&[one, tail]);
                    tail = self.optional(more);
                }
                pieces.push(tail);
            }
        }
        Ok(self.sequence(&pieces))
    }

    /// All states reachable without a byte, sorted.
    pub fn closure(&self, from: &[u32]) -> Vec<u32> {
        let mut seen = vec![false; self.states.len()];
        let mut todo = from.to_vec();
        let mut set = Vec::new();
        while let Some(s) = todo.pop() {
            if !std::mem::replace(&mut seen[s as usize], true) {
                set.push(s);
                todo.extend(&self.states[s as usize].empty);
            }
        }
        // States that only link onwards decide nothing; leaving them out makes equal sets equal.
        set.retain(|s| *s == self.end || !self.states[*s as usize].bytes.is_empty());
        set.sort_unstable();
        set
    }

    /// The closed set after a byte.
    pub fn step(&self, set: &[u32], byte: u8) -> Vec<u32> {
        let states = set.iter().flat_map(|s| &self.states[*s as usize].bytes);
        let next: Vec<u32> = states.filter(|(lo, hi, _)| (*lo..=*hi).contains(&byte)).map(|t| t.2).collect();
        if next.is_empty() { next } else { self.closure(&next) }
    }

    /// The one byte that can follow, where there is exactly one and the value is not complete.
    pub fn only_byte(&self, set: &[u32]) -> Option<u8> {
        let mut only = None;
        for state in set {
            if *state == self.end {
                return None;
            }
            for (lo, hi, _) in &self.states[*state as usize].bytes {
                if lo != hi || only.is_some_and(|o| o != *lo) {
                    return None;
                }
                only = Some(*lo);
            }
        }
        only
    }

    /// Breadth first from the end, against the arrows: links cost nothing, bytes one.
    fn distances(&self) -> Vec<u32> {
        let mut into: Vec<Vec<(u32, u32)>> = vec![Vec::new(); self.states.len()];
        for (from, state) in (0..).zip(&self.states) {
            state.empty.iter().for_each(|to| into[*to as usize].push((from, 0)));
            state.bytes.iter().for_each(|(_, _, to)| into[*to as usize].push((from, 1)));
        }
        let mut left = vec![NEVER; self.states.len()];
        let mut todo = VecDeque::from([(self.end, 0)]);
        while let Some((state, distance)) = todo.pop_front() {
            if distance < left[state as usize] {
                left[state as usize] = distance;
                for (from, cost) in &into[state as usize] {
                    match cost {
                        0 => todo.push_front((*from, distance)),
                        _ => todo.push_back((*from, distance + 1)),
                    }
                }
            }
        }
        left
    }

    /// How few bytes complete a value from the set.
    pub fn left(&self, set: &[u32]) -> usize {
        set.iter().map(|state| self.left[*state as usize]).min().unwrap_or(NEVER) as usize
    }

    /// The fewest bytes that complete a value from the set, the lowest ones where there is a choice.
    pub fn shortest(&self, set: &[u32]) -> Vec<u8> {
        let Some(mut at) = set.iter().copied().min_by_key(|state| self.left[*state as usize]) else {
            return Vec::new();
        };
        let mut bytes = Vec::new();
        let mut near = vec![at];
        while self.left[at as usize] > 0 {
            let closer = |to: &u32| self.left[*to as usize] < self.left[at as usize];
            let edges = near.iter().flat_map(|state| &self.states[*state as usize].bytes);
            let Some((byte, _, to)) = edges.filter(|edge| closer(&edge.2)).min() else { return Vec::new() };
            bytes.push(*byte);
            near = self.closure(&[*to]);
            at = *to;
        }
        bytes
    }

    /// Whether no byte leads anywhere from the set.
    pub fn is_stuck(&self, set: &[u32]) -> bool {
        set.iter().all(|s| self.states[*s as usize].bytes.is_empty())
    }
}
