//! What the tests stand on: real servers, real repositories, the program itself.

pub(crate) mod cli;
