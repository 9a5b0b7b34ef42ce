//! The one place where errors become statuses: code, reason, sentence, details. Causes are logged here, once, under the
//! request id, and replaced by a constant sentence.

use std::borrow::Cow;
use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use super::refusal::Refusal;
use crate::auth::Error;
use crate::pb::auth::v1::ErrorReason;

/// `domain` of every ErrorInfo.
const DOMAIN: &str = "auth.v1";
/// What every name of an [`ErrorReason`] starts with and the wire does without.
const REASON_PREFIX: &str = "ERROR_REASON_";

/// What is told about a refusal.
struct Answer {
    code: Code,
    reason: ErrorReason,
    message: Cow<'static, str>,
    detail: Detail,
}

/// What a program needs beside the reason.
enum Detail {
    None,
    Field(&'static str, Cow<'static, str>),
    RetryAfter(Duration),
}

/// A use case's error on its way to the door, which knows the request id.
impl From<Error> for Status {
    fn from(error: Error) -> Self {
        let mut status = Self::unknown("");
        status.set_source(Arc::new(error));
        status
    }
}

/// The status that the caller sees.
pub(super) fn render(refusal: &Refusal<'_>, method: &str, request_id: &HeaderValue) -> Status {
    let id = request_id.to_str().unwrap_or_default();
    let Answer { code, reason, message, detail } = answer(refusal);
    let reason = reason.as_str_name().trim_start_matches(REASON_PREFIX);
    log(refusal, reason, method, id);
    let mut details = ErrorDetails::with_error_info(reason, DOMAIN, []);
    match detail {
        Detail::None => {}
        Detail::Field(field, rule) => {
            details.add_bad_request_violation(field, rule);
        }
        Detail::RetryAfter(span) => {
            details.set_retry_info(Some(span));
        }
    }
    details.set_request_info(id, "");
    Status::with_error_details(code, message, details)
}

fn answer(refusal: &Refusal<'_>) -> Answer {
    use ErrorReason as R;
    let plain = |code, reason, message: &'static str| Answer {
        code,
        reason,
        message: Cow::Borrowed(message),
        detail: Detail::None,
    };
    let retry = |reason, message: &'static str, after| Answer {
        detail: Detail::RetryAfter(after),
        ..plain(Code::ResourceExhausted, reason, message)
    };
    match refusal {
        Refusal::UseCase(error) => answer_error(error),
        Refusal::RateLimited { retry_after } => {
            retry(R::RateLimited, "too many calls from this address, or too much at once", *retry_after)
        }
        Refusal::MethodUnknown => plain(Code::Unimplemented, R::MethodUnknown, "there is no such method"),
        Refusal::ClientCertificateMissing => plain(
            Code::Unauthenticated,
            R::CredentialsMissing,
            "this method asks for a TLS client certificate, and the connection was made without one",
        ),
        Refusal::TimeoutUnreadable => {
            field("grpc-timeout", "must be up to eight digits and one of H, M, S, m, u, n".into())
        }
        Refusal::DeadlineExceeded => {
            plain(Code::DeadlineExceeded, R::DeadlineExceeded, "the call's deadline passed before its answer")
        }
        Refusal::MessageTooLarge => {
            plain(Code::ResourceExhausted, R::MessageTooLarge, "the message is larger than 64 KiB")
        }
        Refusal::MessageUndecodable => plain(
            Code::InvalidArgument,
            R::FieldInvalid,
            "the message cannot be decoded as what this method takes",
        ),
        Refusal::CompressionUnsupported => plain(
            Code::Unimplemented,
            R::MethodUnknown,
            "compressed messages are not supported; send them plain",
        ),
        Refusal::NameUnknown => plain(Code::NotFound, R::ServiceUnknown, "nothing is known by this name"),
        Refusal::Draining => {
            plain(Code::Unavailable, R::StoreUnavailable, "the server is going away; connect again")
        }
        Refusal::Panicked | Refusal::Library(_) => internal(),
    }
}

fn answer_error(error: &Error) -> Answer {
    use ErrorReason as R;
    let said =
        |code, reason| Answer { code, reason, message: error.to_string().into(), detail: Detail::None };
    match error {
        Error::CredentialsMissing => Answer {
            message: "credentials are missing: send Bearer or Basic in authorization, the header or metadata (IssueToken also \
                      takes a username and a password in the message, AdminService takes Bearer alone)"
                .into(),
            ..said(Code::Unauthenticated, R::CredentialsMissing)
        },
        Error::CredentialsInvalid | Error::BearerNeeded => said(Code::Unauthenticated, R::CredentialsInvalid),
        Error::TokenInvalid(_) | Error::RefreshTokenInvalid => said(Code::Unauthenticated, R::TokenInvalid),
        Error::RefreshTokenReused => said(Code::Unauthenticated, R::RefreshTokenReused),
        Error::TokenExpired => said(Code::Unauthenticated, R::TokenExpired),
        Error::TokenRevoked | Error::PermissionEnded => said(Code::Unauthenticated, R::TokenRevoked),
        Error::RoleRequired => said(Code::PermissionDenied, R::RoleRequired),
        Error::Field { field: name, rule } => field(name, rule.clone()),
        Error::UsernameTaken => said(Code::AlreadyExists, R::UsernameTaken),
        Error::UserNotFound => said(Code::NotFound, R::UserNotFound),
        Error::SessionNotFound => said(Code::NotFound, R::SessionNotFound),
        Error::LastAdmin => said(Code::FailedPrecondition, R::LastAdmin),
        Error::HashingBusy { retry_after } => Answer {
            detail: Detail::RetryAfter(*retry_after),
            ..said(Code::ResourceExhausted, R::HashingBusy)
        },
        Error::TooManyVerifiers { retry_after } => Answer {
            detail: Detail::RetryAfter(*retry_after),
            ..said(Code::ResourceExhausted, R::RateLimited)
        },
        Error::VerifierSilent => said(Code::DeadlineExceeded, R::DeadlineExceeded),
        Error::StoreUnavailable(_) | Error::TrustStale | Error::BehindVerifier | Error::TrustLogReplaced => said(Code::Unavailable, R::StoreUnavailable),
        Error::Internal(_) => internal(),
    }
}

fn field(name: &'static str, rule: Cow<'static, str>) -> Answer {
    Answer {
        code: Code::InvalidArgument,
        reason: ErrorReason::FieldInvalid,
        message: format!("{name} {rule}").into(),
        detail: Detail::Field(name, rule),
    }
}

fn internal() -> Answer {
    Answer {
        code: Code::Internal,
        reason: ErrorReason::Internal,
        message: "something unexpected happened; the log has it under the request id".into(),
        detail: Detail::None,
    }
}

fn log(refusal: &Refusal<'_>, reason: &str, method: &str, request_id: &str) {
    match refusal {
        Refusal::UseCase(error @ Error::Internal(_)) => {
            tracing::error!(request_id, method, cause = %causes(error), "a call failed");
        }
        Refusal::UseCase(error @ Error::StoreUnavailable(_)) => {
            tracing::warn!(request_id, method, cause = %causes(error), "the database did not answer a call");
        }
        Refusal::UseCase(Error::BehindVerifier) => {
            tracing::error!(
                request_id,
                method,
                "a verifier has seen more revocations than the database holds: was an older copy of it restored?"
            );
        }
        Refusal::UseCase(Error::TokenInvalid(defect)) => {
            tracing::debug!(request_id, method, reason, ?defect, "a call was refused");
        }
        Refusal::Library(status) => {
            tracing::error!(request_id, method, code = ?status.code(), cause = ?status.message(), "a call failed");
        }
        Refusal::Panicked => tracing::error!(request_id, method, "a call panicked"),
        _ => tracing::debug!(request_id, method, reason, "a call was refused"),
    }
}

/// An error and everything below it, on one line.
fn causes(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string().replace(['\n', '\r'], " "));
        cause = error.source();
    }
    text
}
