//! Models over HTTP
