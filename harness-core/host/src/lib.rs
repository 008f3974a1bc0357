//! The doorman: inspects, verifies and loads module packs
