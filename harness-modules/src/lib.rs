//! The first pack: built-in modules, through the same door as plugins
