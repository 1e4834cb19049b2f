//! Properties of the pure core over generated input. A failure is shrunk, and its seed lands in `proptest-regressions`.

mod adoption;
mod comparison;
mod generate;
mod hostile;
mod owners;
mod paths;
mod respell;
mod tape;
