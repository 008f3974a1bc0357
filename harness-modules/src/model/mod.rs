//! D1, models without a language model behind them: controls and tests. Each says that it is simulated.

pub mod first;
pub mod instance;
pub mod noop;
pub mod random;
pub mod scripted;
