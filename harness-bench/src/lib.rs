//! The exam: suites, splits, the runner and its results
