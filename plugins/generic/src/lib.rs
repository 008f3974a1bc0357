//! Modules that know no suite
