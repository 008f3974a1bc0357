//! The pages of the cache as a forward pass uses them: written and read by several threads, in turn.

use super::cache::{Cache, Layout, NodeId, PAGE, Place, SLAB};
use super::kernels::attend::Stretch;
use std::marker::PhantomData;

/// Pages written by several threads, each its own slots.
pub struct SharedPages<'a> {
    slabs: Vec<*mut f32>,
    layout: Layout,
    _borrow: PhantomData<&'a mut Cache>,
}

// SAFETY: writers and readers are separated by the regions of the pool: one region writes, each row its
// own slot; the next only reads.
unsafe impl Sync for SharedPages<'_> {}

impl<'a> SharedPages<'a> {
    /// All pages of the cache.
    pub fn new(cache: &'a mut Cache) -> Self {
        Self { layout: cache.layout(), slabs: cache.addresses(), _borrow: PhantomData }
    }

    /// Address of a page in a layer.
    fn at(&self, layer: usize, node: NodeId) -> *mut f32 {
        let slab = self.slabs[node as usize / SLAB];
        // SAFETY: the layout's offset of a page lies within its slab.
        unsafe { slab.add(self.layout.offset(layer, node)) }
    }

    /// Writes the keys and values of one row.
    ///
    /// # Safety
    /// No other thread may read the page, or write the same slot, meanwhile.
    pub unsafe fn write(&self, layer: usize, place: Place, keys: &[f32], values: &[f32]) {
        let (layout, slot) = (self.layout, place.slot);
        let page = self.at(layer, place.node);
        for head in 0..layout.heads {
            let part = head * layout.dim..(head + 1) * layout.dim;
            // SAFETY: the layout's offsets lie within a page, slot < PAGE; exclusivity is the caller's.
            unsafe {
                for (d, key) in keys[part.clone()].iter().enumerate() {
                    *page.add(layout.keys(head) + d * PAGE + slot) = *key;
                }
                let to = page.add(layout.values(head) + slot * layout.dim);
                std::ptr::copy_nonoverlapping(values[part].as_ptr(), to, layout.dim);
            }
        }
    }

    /// The first `len` positions of a page, for one layer and head.
    ///
    /// # Safety
    /// No thread may write pages while the stretch is alive.
    pub unsafe fn stretch(&self, layer: usize, head: usize, node: NodeId, len: usize) -> Stretch<'_> {
        let layout = self.layout;
        let page = self.at(layer, node);
        let floats = layout.dim * PAGE;
        // SAFETY: the layout's offsets lie within a page; the caller guarantees no writer.
        unsafe {
            Stretch {
                keys: std::slice::from_raw_parts(page.add(layout.keys(head)), floats),
                values: std::slice::from_raw_parts(page.add(layout.values(head)), floats),
                len,
            }
        }
    }
}
