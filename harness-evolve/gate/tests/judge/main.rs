//! The judge's promises, as tests: no false ships beyond α, real gains found, order and resumption without effect.

mod placebo;
