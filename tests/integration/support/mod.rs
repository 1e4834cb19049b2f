//! What the tests stand on: real servers, real repositories, the program itself.

pub(crate) mod cli;
pub(crate) mod cluster;
pub(crate) mod git;
pub(crate) mod github;
pub(crate) mod listen;
pub(crate) mod proxy;
pub(crate) mod remote;
pub(crate) mod servers;
pub(crate) mod webhook;
pub(crate) mod world;

/// Asks until there is an answer: controllers and caches of the API server take their time.
pub(crate) fn eventually<T>(mut ask: impl FnMut() -> Option<T>) -> T {
    let begin = std::time::Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(begin.elapsed() < std::time::Duration::from_secs(120), "it never came");
        std::thread::sleep(std::time::Duration::from_millis(250));
    }
}
