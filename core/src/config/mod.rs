//! config/mod
