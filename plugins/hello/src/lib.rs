//! The smallest module pack
