//! Keys and values of every token still remembered, as a radix tree over token ids.
//!
//! A node is one page: a run of at most sixteen consecutive tokens; children branch off anywhere along
//! it, so sequences share exactly their common prefix. Pages are bounded; the least recently used leaf goes
//! first. What is stored does not depend on how it came to be computed, so reuse changes no bit of any result.

use super::error::{EngineError, Result};
use super::lanes::LANES;
use std::collections::HashMap;

/// Positions per page.
pub const PAGE: usize = LANES;
/// Pages allocated together, layer by layer: a context's pages of one layer mostly lie side by side, which
/// is the order in which attention reads them. Memory never written is never resident.
pub const SLAB: usize = 64;

/// Index of a node (and of its page).
pub type NodeId = u32;
const ROOT: NodeId = u32::MAX;

/// Where a token's keys and values live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Place {
    /// The node.
    pub node: NodeId,
    /// Slot within its page.
    pub slot: usize,
}

struct Node {
    parent: NodeId,
    /// Tokens of the parent this node continues from.
    branch: usize,
    tokens: Vec<u32>,
    /// Position of the first token.
    start: usize,
    children: usize,
    /// Tick of last use.
    used: u64,
    live: bool,
}

/// Shape of the keys and values of one token.
#[derive(Debug, Clone, Copy)]
pub struct Layout {
    /// Transformer layers.
    pub layers: usize,
    /// Key/value heads.
    pub heads: usize,
    /// Floats per head.
    pub dim: usize,
}

impl Layout {
    /// Floats of one page in one layer: keys `[head][dim][16]`, then values `[head][16][dim]`.
    pub fn stride(self) -> usize {
        2 * self.heads * self.dim * PAGE
    }

    /// Floats of one page.
    pub fn page_floats(self) -> usize {
        self.layers * self.stride()
    }

    /// Offset of the page in a layer within its slab.
    pub fn offset(self, layer: usize, node: NodeId) -> usize {
        (layer * SLAB + node as usize % SLAB) * self.stride()
    }

    /// Offset of a head's keys within a page's layer.
    pub fn keys(self, head: usize) -> usize {
        head * self.dim * PAGE
    }

    /// Offset of a head's values within a page's layer.
    pub fn values(self, head: usize) -> usize {
        (self.heads + head) * self.dim * PAGE
    }
}

/// The tree and its pages.
pub struct Cache {
    layout: Layout,
    max_pages: usize,
    nodes: Vec<Node>,
    slabs: Vec<Box<[f32]>>,
    free: Vec<NodeId>,
    edges: HashMap<(NodeId, usize, u32), NodeId>,
    tick: u64,
}

/// Result of inserting a sequence: where each token lives, and from which index on it is new.
pub struct Inserted {
    /// One place per token.
    pub places: Vec<Place>,
    /// Tokens before this index were there already.
    pub known: usize,
}

impl Cache {
    /// An empty cache of at most `max_pages` pages (at least one).
    pub fn new(layout: Layout, max_pages: usize) -> Self {
        Self {
            layout,
            max_pages: max_pages.max(1),
            nodes: Vec::new(),
            slabs: Vec::new(),
            free: Vec::new(),
            edges: HashMap::new(),
            tick: 0,
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        *self = Self::new(self.layout, self.max_pages);
    }

    /// Pages the bound allows.
    pub fn max_pages(&self) -> usize {
        self.max_pages
    }

    /// Pages in use.
    pub fn pages_in_use(&self) -> usize {
        self.nodes.len() - self.free.len()
    }

    /// The shape of a page.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// Begins an operation: everything touched from here on is safe from eviction until the next.
    pub fn begin(&mut self) {
        self.tick += 1;
    }

    /// Addresses of all slabs, for a forward pass that writes distinct slots from several threads.
    pub fn addresses(&mut self) -> Vec<*mut f32> {
        self.slabs.iter_mut().map(|p| p.as_mut_ptr()).collect()
    }

    /// Position of a place in its sequence.
    pub fn position(&self, place: Place) -> usize {
        self.nodes[place.node as usize].start + place.slot
    }

    /// Pages (and the tokens used of each) before those of `node`, root first.
    pub fn path(&self, node: NodeId) -> Vec<(NodeId, usize)> {
        let mut path = Vec::new();
        let mut at = node;
        while self.nodes[at as usize].parent != ROOT {
            let n = &self.nodes[at as usize];
            path.push((n.parent, n.branch));
            at = n.parent;
        }
        path.reverse();
        path
    }

    /// How many leading tokens of `tokens` are remembered.
    pub fn known(&self, tokens: &[u32]) -> usize {
        let mut at = (ROOT, 0);
        for (i, token) in tokens.iter().enumerate() {
            match self.step(at, *token) {
                Some(next) => at = next,
                None => return i,
            }
        }
        tokens.len()
    }

    /// The place after `(node, used)` that holds `token`, as (node, tokens used of it).
    fn step(&self, (node, used): (NodeId, usize), token: u32) -> Option<(NodeId, usize)> {
        if node != ROOT && self.nodes[node as usize].tokens.get(used) == Some(&token) {
            return Some((node, used + 1));
        }
        self.edges.get(&(node, used, token)).map(|child| (*child, 1))
    }

    /// Finds or makes a place for every token. On failure the tree is as before.
    ///
    /// # Errors
    ///
    /// More tokens than the cache may hold.
    pub fn insert(&mut self, tokens: &[u32]) -> Result<Inserted> {
        let mut places = Vec::with_capacity(tokens.len());
        let mut at = (ROOT, 0);
        let mut known = tokens.len();
        for (i, token) in tokens.iter().enumerate() {
            at = match self.step(at, *token) {
                Some(next) if i <= known => next,
                _ => {
                    known = known.min(i);
                    match self.append(at, *token, i) {
                        Ok(next) => next,
                        Err(e) => {
                            self.forget(&places[known.min(places.len())..]);
                            return Err(e);
                        }
                    }
                }
            };
            self.nodes[at.0 as usize].used = self.tick;
            places.push(Place { node: at.0, slot: at.1 - 1 });
        }
        Ok(Inserted { places, known })
    }

    fn append(&mut self, at: (NodeId, usize), token: u32, position: usize) -> Result<(NodeId, usize)> {
        let (node, used) = at;
        if node != ROOT {
            let n = &mut self.nodes[node as usize];
            if n.tokens.len() == used && used < PAGE {
                n.tokens.push(token);
                return Ok((node, used + 1));
            }
        }
        let id = self.page_for_new_node()?;
        let fresh = Node {
            parent: node,
            branch: used,
            tokens: vec![token],
            start: position,
            children: 0,
            used: self.tick,
            live: true,
        };
        self.nodes[id as usize] = fresh;
        self.edges.insert((node, used, token), id);
        if node != ROOT {
            self.nodes[node as usize].children += 1;
        }
        Ok((id, 1))
    }

    fn page_for_new_node(&mut self) -> Result<NodeId> {
        if let Some(id) = self.free.pop() {
            return Ok(id);
        }
        if self.nodes.len() < self.max_pages {
            if self.nodes.len().is_multiple_of(SLAB) {
                self.slabs.push(vec![0.0; SLAB * self.layout.page_floats()].into());
            }
            let tokens = Vec::new();
            let (parent, branch, start, children, used) = (ROOT, 0, 0, 0, 0);
            self.nodes.push(Node { parent, branch, tokens, start, children, used, live: false });
            return Ok((self.nodes.len() - 1) as NodeId);
        }
        let leaves = self.nodes.iter().enumerate().filter(|(_, n)| n.live && n.children == 0);
        let oldest = leaves.min_by_key(|(id, n)| (n.used, *id));
        match oldest.filter(|(_, n)| n.used < self.tick).map(|(id, _)| id as NodeId) {
            Some(id) => {
                self.remove(id);
                self.page_for_new_node()
            }
            None => Err(EngineError::CacheTooSmall { pages: self.max_pages }),
        }
    }

    fn remove(&mut self, id: NodeId) {
        let n = &mut self.nodes[id as usize];
        n.live = false;
        let key = (n.parent, n.branch, n.tokens[0]);
        n.tokens.clear();
        self.edges.remove(&key);
        if key.0 != ROOT {
            self.nodes[key.0 as usize].children -= 1;
        }
        self.free.push(id);
    }

    /// Drops tokens from the tree: the given places and whatever follows them in their nodes. Nodes that
    /// branch off behind a dropped place must be among the dropped ones too.
    pub fn forget(&mut self, places: &[Place]) {
        for place in places.iter().rev() {
            let n = &mut self.nodes[place.node as usize];
            if !n.live || n.tokens.len() <= place.slot {
                continue;
            }
            if place.slot > 0 {
                n.tokens.truncate(place.slot);
            } else {
                self.remove(place.node);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(pages: usize) -> Cache {
        Cache::new(Layout { layers: 1, heads: 1, dim: 16 }, pages)
    }

    #[test]
    fn sequences_share_exactly_their_common_prefix() {
        let mut c = cache(100);
        let a: Vec<u32> = (0..40).collect();
        c.begin();
        assert_eq!(c.insert(&a).unwrap().known, 0);
        assert_eq!(c.pages_in_use(), 3);
        let mut b = a[..21].to_vec();
        b.extend([900, 901]);
        let inserted = c.insert(&b).unwrap();
        assert_eq!((inserted.known, c.pages_in_use()), (21, 4));
        let path = c.path(inserted.places[22].node);
        assert_eq!(path.iter().map(|p| p.1).collect::<Vec<_>>(), [16, 5]);
        assert_eq!(c.position(inserted.places[22]), 22);
        assert_eq!(c.known(&a), 40);
        c.forget(&inserted.places[21..]);
        assert_eq!((c.known(&b), c.known(&a), c.pages_in_use()), (21, 40, 3));
        // A growing sequence goes on in its own page.
        let mut longer = a.clone();
        longer.push(41);
        assert_eq!(c.insert(&longer).unwrap().known, 40);
        assert_eq!(c.pages_in_use(), 3);
    }

    #[test]
    fn the_least_recently_used_leaf_goes_first_and_never_one_in_use() {
        let mut c = cache(4);
        let seq = |k: u32| (0..32).map(|i| k * 100 + i).collect::<Vec<u32>>();
        for k in [1, 2] {
            c.begin();
            c.insert(&seq(k)).unwrap();
        }
        c.begin();
        c.insert(&seq(1)).unwrap();
        c.begin();
        c.insert(&seq(3)).unwrap();
        assert_eq!((c.known(&seq(1)), c.known(&seq(2)), c.known(&seq(3))), (32, 0, 32));
        c.begin();
        c.insert(&seq(1)).unwrap();
        c.insert(&seq(3)).unwrap();
        assert!(matches!(c.insert(&seq(4)), Err(EngineError::CacheTooSmall { pages: 4 })));
        assert_eq!((c.known(&seq(1)), c.known(&seq(3)), c.known(&seq(4))), (32, 32, 0));
    }
}
