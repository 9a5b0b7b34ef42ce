//! What a failed attempt means for what comes next. Pure: the status decides.

use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::TokenError;

/// Whose reasons are understood.
const DOMAIN: &str = "auth.v1";

/// Why an attempt to get a token failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// The next attempt may succeed, not before so long.
    Transient { error: TokenError, asked: Option<Duration> },
    /// The session is over for good, and with it every token of it.
    SessionOver(TokenError),
    /// The same attempt would be refused again.
    Refused(TokenError),
}

impl Failure {
    /// What the answer to a sign-in, a refresh or a sign-out means.
    ///
    /// Only what our server says by a reason ends a session: a proxy's UNAUTHENTICATED must not throw one away.
    pub(super) fn of(status: Status) -> Self {
        match (status.code(), reason(&status).as_deref()) {
            (
                Code::Unauthenticated,
                Some("TOKEN_REVOKED" | "TOKEN_EXPIRED" | "REFRESH_TOKEN_REUSED" | "TOKEN_INVALID"),
            ) => Self::SessionOver(TokenError::Refused(status)),
            (
                Code::Unauthenticated
                | Code::PermissionDenied
                | Code::InvalidArgument
                | Code::FailedPrecondition
                | Code::Unimplemented
                | Code::NotFound,
                _,
            ) => Self::Refused(TokenError::Refused(status)),
            // Broken connections come as UNKNOWN, INTERNAL or CANCELLED, whatever was lost with them.
            _ => {
                let asked = status.get_details_retry_info().and_then(|info| info.retry_delay);
                Self::Transient { error: TokenError::Unavailable(status), asked }
            }
        }
    }

    /// A failure on this side, which may pass.
    pub(super) fn local(error: TokenError) -> Self {
        Self::Transient { error, asked: None }
    }
}

/// Whether a service refused a call for a token whose time is over or that has been revoked: with a fresh one it may not.
pub(super) fn asks_for_another_token(status: &Status) -> bool {
    status.code() == Code::Unauthenticated
        && matches!(reason(status).as_deref(), Some("TOKEN_REVOKED" | "TOKEN_EXPIRED"))
}

fn reason(status: &Status) -> Option<String> {
    status.get_details_error_info().filter(|info| info.domain == DOMAIN).map(|info| info.reason)
}

#[cfg(test)]
mod tests {
    use tonic_types::ErrorDetails;

    use super::*;

    fn refusal(code: Code, reason: &str, domain: &str) -> Status {
        let details = ErrorDetails::with_error_info(reason, domain, []);
        Status::with_error_details(code, "no", details)
    }

    #[test]
    fn a_session_is_over_when_our_server_says_so() {
        for reason in ["TOKEN_REVOKED", "TOKEN_EXPIRED", "REFRESH_TOKEN_REUSED", "TOKEN_INVALID"] {
            let status = refusal(Code::Unauthenticated, reason, DOMAIN);
            assert!(matches!(Failure::of(status), Failure::SessionOver(_)), "{reason}");
        }
    }

    #[test]
    fn nobody_else_ends_a_session() {
        for status in [
            Status::unauthenticated("says a proxy"),
            refusal(Code::Unauthenticated, "TOKEN_REVOKED", "example.com"),
            refusal(Code::Unauthenticated, "CREDENTIALS_INVALID", DOMAIN),
            refusal(Code::InvalidArgument, "FIELD_INVALID", DOMAIN),
            Status::unimplemented("another server"),
        ] {
            assert!(matches!(Failure::of(status.clone()), Failure::Refused(_)), "{status:?}");
        }
    }

    #[test]
    fn what_may_pass_is_tried_again() {
        for code in [
            Code::Unavailable,
            Code::DeadlineExceeded,
            Code::ResourceExhausted,
            Code::Unknown,
            Code::Internal,
            Code::Cancelled,
            Code::Aborted,
        ] {
            let failure = Failure::of(Status::new(code, "not now"));
            assert!(matches!(failure, Failure::Transient { asked: None, .. }), "{code:?}");
        }
    }

    #[test]
    fn a_server_says_when_to_come_back() {
        let delay = Duration::from_secs(7);
        let details = ErrorDetails::with_retry_info(Some(delay));
        let failure = Failure::of(Status::with_error_details(Code::ResourceExhausted, "later", details));
        assert!(matches!(failure, Failure::Transient { asked: Some(asked), .. } if asked == delay));
    }

    #[test]
    fn only_tokens_whose_time_is_over_are_worth_another() {
        let refusals = [
            ("TOKEN_REVOKED", DOMAIN, true),
            ("TOKEN_EXPIRED", DOMAIN, true),
            ("TOKEN_INVALID", DOMAIN, false),
            ("CREDENTIALS_MISSING", DOMAIN, false),
            ("TOKEN_EXPIRED", "example.com", false),
        ];
        for (reason, domain, expected) in refusals {
            let status = refusal(Code::Unauthenticated, reason, domain);
            assert_eq!(asks_for_another_token(&status), expected, "{reason} {domain}");
        }
        assert!(!asks_for_another_token(&refusal(Code::PermissionDenied, "TOKEN_REVOKED", DOMAIN)));
        assert!(!asks_for_another_token(&Status::unauthenticated("bare")));
    }
}
