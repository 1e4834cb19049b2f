//! What goes wrong on purpose, once each, by operation.

use std::time::Duration;

use jiff::Timestamp;

use super::reply::Reply;

/// One failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// 502, and nothing was done.
    BadGatewayBefore,
    /// 502, but what was asked for has been done.
    BadGatewayAfter,
    /// The connection breaks in the middle of the answer; what was asked for has been done.
    Dropped,
    /// No answer for so long; what was asked for has been done.
    Silent(Duration),
    /// The hourly budget is used up.
    PrimaryLimit,
    /// Too much at once. Real GitHub leaves `retry-after` out now and then.
    SecondaryLimit { retry_after: Option<u64> },
    /// The token is no longer valid, now and later.
    TokenRevoked,
}

impl Fault {
    /// The answer that takes the place of the operation, if it is not done at all.
    pub(crate) fn instead(&self) -> Option<Reply> {
        match self {
            Self::BadGatewayBefore => Some(Self::bad_gateway()),
            // https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
            Self::PrimaryLimit => {
                let reset = Timestamp::now().as_second() + 1800;
                let reply = Reply::message(403, "API rate limit exceeded for installation ID 100.");
                Some(reply.with("x-ratelimit-remaining", "0").with("x-ratelimit-reset", &reset.to_string()))
            }
            Self::SecondaryLimit { retry_after } => {
                let text = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.";
                let reply = Reply::message(403, text);
                Some(match retry_after {
                    Some(seconds) => reply.with("retry-after", &seconds.to_string()),
                    None => reply,
                })
            }
            Self::BadGatewayAfter | Self::Dropped | Self::Silent(_) | Self::TokenRevoked => None,
        }
    }

    pub(crate) fn bad_gateway() -> Reply {
        Reply::message(502, "Server Error")
    }
}
