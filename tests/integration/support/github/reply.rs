//! Answers of the API in GitHub's own forms.

use serde_json::{Value, json};

/// One answer.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Value,
}

impl Reply {
    pub(crate) fn new(status: u16, body: Value) -> Self {
        Self { status, headers: Vec::new(), body }
    }

    pub(crate) fn message(status: u16, message: &str) -> Self {
        let documentation = "https://docs.github.com/rest";
        Self::new(
            status,
            json!({ "message": message, "documentation_url": documentation, "status": status.to_string() }),
        )
    }

    /// 422 with its list of errors.
    pub(crate) fn invalid(errors: Value) -> Self {
        let mut reply = Self::message(422, "Validation Failed");
        reply.body["errors"] = errors;
        reply
    }

    /// 422 about one pull request, in words.
    pub(crate) fn refused(resource: &str, field: Option<&str>, message: &str) -> Self {
        let mut error = json!({ "resource": resource, "code": "custom", "message": message });
        if let Some(field) = field {
            error["field"] = json!(field);
        }
        Self::invalid(json!([error]))
    }

    pub(crate) fn not_found() -> Self {
        Self::message(404, "Not Found")
    }

    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }
}
