//! Scalars written so that a YAML 1.1 reader and a YAML 1.2 reader read what was meant.
