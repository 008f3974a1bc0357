//! The record: episodes, model calls, rewards and decisions in one SQLite file
