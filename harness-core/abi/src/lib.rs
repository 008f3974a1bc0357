//! The threshold: what module packs compile against
