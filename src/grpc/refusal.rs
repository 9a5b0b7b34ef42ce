//! Why a call is not answered as asked: a use case said no, the door did, or a library gave up. Each is told apart here
//! and translated once, in `status`.

use std::error::Error as _;
use std::time::Duration;

use tonic::{Code, Status};

use crate::auth;

/// When a peer may come back who sent more at once than it may.
pub(super) const CROWDED_RETRY: Duration = Duration::from_secs(1);

/// A call that gets an error for an answer.
#[derive(Debug)]
pub(super) enum Refusal<'a> {
    /// By a use case.
    UseCase(&'a auth::Error),
    /// The peer calls too often.
    RateLimited {
        /// When it may call again.
        retry_after: Duration,
    },
    /// There is no such method.
    MethodUnknown,
    /// The method asks for a client certificate, and the connection was made without one.
    ClientCertificateMissing,
    /// `grpc-timeout` cannot be read.
    TimeoutUnreadable,
    /// The answer came too late.
    DeadlineExceeded,
    /// The message is larger than the server reads.
    MessageTooLarge,
    /// The message is not what the method takes.
    MessageUndecodable,
    /// The message is compressed.
    CompressionUnsupported,
    /// The health or the reflection service knows no such name.
    NameUnknown,
    /// The server is going away.
    Draining,
    /// A handler panicked.
    Panicked,
    /// A library made a status that it has no reason to make.
    Library(&'a Status),
}

impl<'a> Refusal<'a> {
    /// What a status means that came out of a service.
    pub(super) fn of(status: &'a Status) -> Self {
        match status.source().and_then(|source| source.downcast_ref()) {
            Some(error) => Self::UseCase(error),
            None => Self::of_library(status),
        }
    }

    /// tonic reports a message that cannot be decoded as INTERNAL, a large one as OUT_OF_RANGE, and one that breaks off
    /// as UNKNOWN or CANCELLED; none of them says so to a program, and all are the caller's doing. The health and
    /// reflection services use NOT_FOUND and INVALID_ARGUMENT as their protocols ask. ABORTED is the transport's word for
    /// a peer who sends more at once than it may.
    fn of_library(status: &'a Status) -> Self {
        match status.code() {
            Code::Internal | Code::InvalidArgument | Code::Unknown | Code::Cancelled => {
                Self::MessageUndecodable
            }
            Code::Aborted => Self::RateLimited { retry_after: CROWDED_RETRY },
            Code::OutOfRange | Code::ResourceExhausted => Self::MessageTooLarge,
            Code::Unimplemented => Self::CompressionUnsupported,
            Code::NotFound => Self::NameUnknown,
            Code::Unavailable => Self::Draining,
            Code::DeadlineExceeded => Self::DeadlineExceeded,
            Code::Ok
            | Code::AlreadyExists
            | Code::PermissionDenied
            | Code::FailedPrecondition
            | Code::DataLoss
            | Code::Unauthenticated => Self::Library(status),
        }
    }
}
