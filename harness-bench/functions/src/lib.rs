//! The function-calling exam: BFCL data, environment and verifiers
