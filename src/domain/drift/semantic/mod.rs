//! What changes mean: one rule, one file.
