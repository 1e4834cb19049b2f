//! Choices that proptest made, read one by one: what is built from them shrinks with them.

use std::fmt;

use proptest::prelude::*;

/// The choices that are left.
pub(crate) struct Tape {
    choices: std::vec::IntoIter<u32>,
}

impl Tape {
    /// Up to so many choices; after the last one, each is the first of its alternatives.
    pub(crate) fn strategy(length: usize) -> impl Strategy<Value = Self> {
        proptest::collection::vec(any::<u32>(), length / 2..length)
            .prop_map(|choices| Self { choices: choices.into_iter() })
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.choices.next().unwrap_or_default() as usize % end
    }

    /// True once in so many times.
    pub(crate) fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == times - 1
    }

    /// One of these.
    pub(crate) fn of<'v, T: ?Sized>(&mut self, values: &[&'v T]) -> &'v T {
        values[self.below(values.len())]
    }

    /// These in another order.
    pub(crate) fn shuffled<T>(&mut self, mut values: Vec<T>) -> Vec<T> {
        for last in (1..values.len()).rev() {
            values.swap(last, self.below(last + 1));
        }
        values
    }
}

impl fmt::Debug for Tape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} choices", self.choices.len())
    }
}
