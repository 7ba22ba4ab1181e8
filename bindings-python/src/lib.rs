//! CPython binding.
