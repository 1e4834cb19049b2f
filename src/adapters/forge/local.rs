//! Pull requests as Markdown files.

use super::{ForgeError, Published};
use crate::domain::proposal::{KnownProposal, Proposal};

/// A folder of pull requests.
#[derive(Debug)]
pub struct Local {}

impl Local {
    pub(super) async fn find(&self, _prefix: &str) -> Result<Vec<KnownProposal>, ForgeError> {
        todo!()
    }
    pub(super) async fn open(&self, _proposal: &Proposal, _base: &str) -> Result<Published, ForgeError> {
        todo!()
    }
    pub(super) async fn update(&self, _known: &KnownProposal, _proposal: &Proposal) -> Result<Published, ForgeError> {
        todo!()
    }
    pub(super) async fn close(&self, _known: &KnownProposal, _comment: &str) -> Result<(), ForgeError> {
        todo!()
    }
}
