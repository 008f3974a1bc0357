//! The engine: assembles a harness into an agent and runs it
