//! Reviewers and assignees. GitHub refuses a whole request for one name that it does not take, so names that were refused
//! together are asked for one by one, and each refusal is a remark.

use http::Method;
use serde_json::{Value, json};

use super::{GitHub, Pull};
use crate::adapters::forge::ForgeError;
use crate::domain::proposal::Proposal;

impl GitHub {
    /// Asks for reviews, unless there are some already, and assigns; who has been asked or assigned is left out.
    pub(super) async fn involve(&self, pull: &Pull, proposal: &Proposal) -> Result<Vec<String>, ForgeError> {
        let left = |wanted: &[String], there: &[Value], key: &str| -> Vec<String> {
            let is_there = |name: &&String| {
                there.iter().any(|who| who[key].as_str().is_some_and(|who| who.eq_ignore_ascii_case(name)))
            };
            wanted.iter().filter(|name| !is_there(name)).cloned().collect()
        };
        let people = left(&proposal.reviewers, &pull.requested_reviewers, "login");
        let teams = left(&proposal.team_reviewers, &pull.requested_teams, "slug");
        let mut remarks = Vec::new();
        if !people.is_empty() || !teams.is_empty() {
            let reviews = self.route(&format!("pulls/{}/reviews", pull.number)).await?;
            if self.client.list(&reviews).await?.is_empty() {
                remarks.extend(self.request("reviewers", &people, pull.number).await?);
                remarks.extend(self.request("team_reviewers", &teams, pull.number).await?);
            }
        }
        remarks.extend(self.assign(&left(&proposal.assignees, &pull.assignees, "login"), pull.number).await?);
        Ok(remarks)
    }

    async fn request(&self, key: &str, names: &[String], number: u64) -> Result<Vec<String>, ForgeError> {
        let mut remarks = Vec::new();
        if names.is_empty() {
            return Ok(remarks);
        }
        let route = self.route(&format!("pulls/{number}/requested_reviewers")).await?;
        match self.client.write(Method::POST, &route, &json!({ key: names })).await {
            Err(ForgeError::Refused(message)) if names.len() == 1 => {
                remarks.push(format!("{} could not be asked for a review: {message}", names[0]));
            }
            Err(ForgeError::Refused(_)) => {
                for name in names {
                    match self.client.write(Method::POST, &route, &json!({ key: [name] })).await {
                        Err(ForgeError::Refused(message)) => {
                            remarks.push(format!("{name} could not be asked for a review: {message}"));
                        }
                        done => drop(done?),
                    }
                }
            }
            done => drop(done?),
        }
        Ok(remarks)
    }

    /// GitHub leaves out without a word whom it cannot assign.
    async fn assign(&self, names: &[String], number: u64) -> Result<Vec<String>, ForgeError> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let route = self.route(&format!("issues/{number}/assignees")).await?;
        let answer = match self.client.write(Method::POST, &route, &json!({ "assignees": names })).await {
            Err(ForgeError::Refused(message)) => return Ok(vec![format!("nobody could be assigned: {message}")]),
            answered => answered?,
        };
        let assigned: Vec<_> = answer["assignees"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|user: &Value| user["login"].as_str())
            .collect();
        let left_out = names.iter().filter(|name| !assigned.iter().any(|login| login.eq_ignore_ascii_case(name)));
        Ok(left_out.map(|name| format!("{name} could not be assigned")).collect())
    }
}
