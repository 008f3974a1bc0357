//! The judge: paired, sequential, anytime-valid verdicts
