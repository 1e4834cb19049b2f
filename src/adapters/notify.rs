//! One webhook alert per cycle.
