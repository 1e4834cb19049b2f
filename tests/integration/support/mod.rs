//! What the tests stand on: real servers, real repositories, the program itself.

pub(crate) mod git;
pub(crate) mod github;
