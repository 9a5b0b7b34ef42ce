//! What is wrong with a request before it is a message: said in our own words, because a library's sentence repeats what
//! was sent, and that may be a password.

use std::borrow::Cow;

use http::StatusCode;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::pb::auth::v1::ErrorReason;

/// `domain` of every ErrorInfo.
const DOMAIN: &str = "auth.v1";
/// What every name of an [`ErrorReason`] starts with and the wire does without.
const REASON_PREFIX: &str = "ERROR_REASON_";
/// The longest name of a stranger's that is repeated to it.
const MAX_NAME: usize = 64;

/// What is wrong.
#[derive(Debug, PartialEq, Eq)]
pub enum Problem {
    /// A field and the rule that it breaks.
    Field(Cow<'static, str>, &'static str),
    /// The body is not what the content type says.
    Body(&'static str),
    /// The body is larger than what is read.
    TooLarge,
    /// The body is of a type that is not taken.
    MediaType(&'static str),
    /// A browser sent it for a page of another origin, which is not listed.
    Origin,
    /// A browser sent it to this machine under a name that may be somebody else's.
    LoopbackHost,
    /// gRPC over a version of HTTP that cannot carry it.
    Version,
    /// There is no such path.
    Path,
    /// The path is known, the verb is not.
    Verb,
    /// Our own answer cannot be written.
    Internal,
}

impl Problem {
    /// A field that the message does not have, by the name that it was given.
    pub(super) fn unknown(name: &str, rule: &'static str) -> Self {
        let harmless = name.len() <= MAX_NAME && name.bytes().all(|b| b.is_ascii_graphic());
        Self::Field(if harmless { name.to_owned().into() } else { "a field".into() }, rule)
    }

    pub(super) fn http(&self) -> StatusCode {
        match self {
            Self::Field(..) | Self::Body(_) => StatusCode::BAD_REQUEST,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::MediaType(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Origin | Self::LoopbackHost => StatusCode::FORBIDDEN,
            Self::Version => StatusCode::HTTP_VERSION_NOT_SUPPORTED,
            Self::Path => StatusCode::NOT_FOUND,
            Self::Verb => StatusCode::METHOD_NOT_ALLOWED,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The same as a status, as the door would say it.
    pub(super) fn to_status(&self, request_id: &str) -> Status {
        let (code, reason, message, violation): (_, _, Cow<'static, str>, _) = match self {
            Self::Field(name, rule) => (
                Code::InvalidArgument,
                ErrorReason::FieldInvalid,
                format!("{name} {rule}").into(),
                Some((name.to_string(), *rule)),
            ),
            Self::Body(rule) => (Code::InvalidArgument, ErrorReason::FieldInvalid, (*rule).into(), None),
            Self::TooLarge => (
                Code::ResourceExhausted,
                ErrorReason::MessageTooLarge,
                "the message is larger than 64 KiB".into(),
                None,
            ),
            Self::MediaType(rule) => (Code::InvalidArgument, ErrorReason::FieldInvalid, (*rule).into(), None),
            Self::Origin => (
                Code::PermissionDenied,
                ErrorReason::OriginRefused,
                "pages of this origin may not call: it is not among --cors-origins".into(),
                None,
            ),
            Self::LoopbackHost => (
                Code::PermissionDenied,
                ErrorReason::OriginRefused,
                "browsers may ask a server on a loopback address for localhost, 127.0.0.1 or [::1]; for another host, list the \
                 origin of its pages in --cors-origins"
                    .into(),
                None,
            ),
            Self::Version => (
                Code::Unimplemented,
                ErrorReason::MethodUnknown,
                "gRPC needs HTTP/2; gRPC-Web (application/grpc-web) works over HTTP/1.1 too".into(),
                None,
            ),
            Self::Path => {
                (Code::Unimplemented, ErrorReason::MethodUnknown, "there is no such path".into(), None)
            }
            Self::Verb => (
                Code::Unimplemented,
                ErrorReason::MethodUnknown,
                "this path does not know this verb; the header allow has those that it knows".into(),
                None,
            ),
            Self::Internal => (
                Code::Internal,
                ErrorReason::Internal,
                "something unexpected happened; the log has it under the request id".into(),
                None,
            ),
        };
        let reason = reason.as_str_name().trim_start_matches(REASON_PREFIX);
        let mut details = ErrorDetails::with_error_info(reason, DOMAIN, []);
        if let Some((field, rule)) = violation {
            details.add_bad_request_violation(field, rule);
        }
        details.set_request_info(request_id, "");
        Status::with_error_details(code, message, details)
    }
}
