//! Why a server did not do what it was asked, in words for the person who asked.

use std::error::Error;
use std::time::Duration;

use tonic::{Code, Status, TimeoutExpired, transport};
use tonic_types::StatusExt;

use super::escape::escape;
use super::server_address::ServerAddress;
use super::{Failure, distrust};
use crate::config::SERVER_VARIABLE;

/// How long an answer may take: longer than the 20 s that the end of very many sessions may last.
pub(super) const PATIENCE: Duration = Duration::from_secs(25);

/// What a server says to a client that speaks plaintext where it speaks TLS.
const SPEAKS_TLS: &str = "this port speaks TLS";

/// What a status means that a call to the server at `address` ended with.
pub(super) fn failure(status: &Status, address: &ServerAddress) -> Failure {
    Failure::Refused(match status.get_details_error_info() {
        Some(info) => refused(status, &info.reason),
        None => broken(status, address, PATIENCE, "; whether what was asked was done is not known"),
    })
}

/// The same of a call that only asked. It names the server in every case: whoever watches several has to know which of
/// them it was.
pub(super) fn failure_of_question(status: &Status, address: &ServerAddress, patience: Duration) -> Failure {
    Failure::Refused(match status.get_details_error_info() {
        Some(info) => format!("{address} refused: {}", refused(status, &info.reason)),
        None => broken(status, address, patience, ""),
    })
}

/// What is said of a server that takes its time.
pub(super) fn late(address: &ServerAddress, patience: Duration) -> String {
    format!("{address} did not answer within {} s", patience.as_secs())
}

/// Why there is no connection to the server at `address`.
pub(super) fn unreachable(error: &transport::Error, address: &ServerAddress) -> Failure {
    if let Some(said) = speaks_tls(error, address) {
        return Failure::refused(said);
    }
    let cause = deepest(error);
    if let Some(said) = distrust::of_client(&cause) {
        return Failure::refused(format!("{address} {said}"));
    }
    Failure::refused(match distrust::of_server(&cause) {
        Some(reason) => format!("the server {address} is not believed: {reason}"),
        None => format!(
            "the server {address} cannot be reached: {}. Start it, or say with --server or {SERVER_VARIABLE} where it is",
            escape(&cause)
        ),
    })
}

/// What is said of a server that was asked in plaintext and has said that it speaks TLS.
fn speaks_tls(error: &dyn Error, address: &ServerAddress) -> Option<String> {
    let told = address.is_plaintext() && deepest(error).contains(SPEAKS_TLS);
    told.then(|| {
        let encrypted = address.to_string().replacen("http://", "https://", 1);
        format!("the server {address} speaks TLS: say {encrypted} with --server or {SERVER_VARIABLE}")
    })
}

/// The outer errors say no more than that it did not work.
pub(super) fn deepest(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

/// The server's own sentence and reason, and what else helps.
fn refused(status: &Status, reason: &str) -> String {
    let said = format!("{} ({})", escape(status.message()), escape(reason));
    if let Some(delay) = status.get_details_retry_info().and_then(|retry| retry.retry_delay) {
        return format!("{said}; try again in {} s", delay.as_secs_f64().ceil());
    }
    match reason {
        "INTERNAL" => {
            let id = status.get_details_request_info().map(|info| escape(&info.request_id));
            format!("{said}; the request id is {}", id.unwrap_or_default())
        }
        "TOKEN_EXPIRED" | "TOKEN_INVALID" | "TOKEN_REVOKED" => {
            format!("{said}; another is made with: countersign token issue")
        }
        _ => said,
    }
}

/// Every refusal of Countersign has a reason. Without one, the answer is of something in between or of another program.
/// `so` is what follows from there being no answer.
fn broken(status: &Status, address: &ServerAddress, patience: Duration, so: &str) -> String {
    let is_late =
        status.code() == Code::DeadlineExceeded || status.message() == TimeoutExpired(()).to_string();
    if let Some(said) = speaks_tls(status, address) {
        return said;
    }
    if let Some(said) = distrust::of_client(&deepest(status)) {
        return format!("{address} {said}");
    }
    match status.code() {
        _ if is_late => format!("{}{so}", late(address, patience)),
        Code::Cancelled | Code::Internal | Code::Unavailable | Code::Unknown => format!(
            "the connection to {address} broke before an answer came{so}. \
             If this stays so, something else than Countersign may be listening there"
        ),
        code => format!(
            "{address} refused without a reason, as Countersign never does ({}): \
             something else may be listening there",
            code.description().to_lowercase()
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tonic_types::ErrorDetails;

    use super::*;

    fn said(code: Code, message: &str, details: ErrorDetails) -> String {
        let status = Status::with_error_details(code, message, details);
        let Failure::Refused(said) = failure(&status, &address()) else { panic!("not a refusal") };
        said
    }

    fn address() -> ServerAddress {
        ServerAddress::parse("http://127.0.0.1:1").unwrap()
    }

    fn reason(reason: &str) -> ErrorDetails {
        ErrorDetails::with_error_info(reason, "auth.v1", [])
    }

    #[test]
    fn a_refusal_is_the_servers_sentence_and_reason() {
        assert_eq!(
            said(Code::NotFound, "no such user", reason("USER_NOT_FOUND")),
            "no such user (USER_NOT_FOUND)"
        );
        let expired = said(Code::Unauthenticated, "the token has expired", reason("TOKEN_EXPIRED"));
        assert!(
            expired.starts_with("the token has expired (TOKEN_EXPIRED); another is made with"),
            "{expired}"
        );
        let mut limited = reason("RATE_LIMITED");
        limited.set_retry_info(Some(Duration::from_millis(1200)));
        assert_eq!(
            said(Code::ResourceExhausted, "too many", limited),
            "too many (RATE_LIMITED); try again in 2 s"
        );
        let mut internal = reason("INTERNAL");
        internal.set_request_info("5f0c", "");
        assert_eq!(said(Code::Internal, "oh", internal), "oh (INTERNAL); the request id is 5f0c");
    }

    #[test]
    fn a_server_cannot_write_to_the_terminal() {
        assert_eq!(said(Code::Internal, "\u{1b}[2J", reason("X\nY")), "\\u{1b}[2J (X\\nY)");
    }

    #[test]
    fn an_answer_without_a_reason_names_the_address() {
        for code in [Code::Unavailable, Code::Cancelled, Code::Unimplemented] {
            let Failure::Refused(said) = failure(&Status::new(code, "x"), &address()) else {
                panic!("{code:?}")
            };
            assert!(said.contains("http://127.0.0.1:1"), "{said}");
            assert!(!said.contains(&format!("{code:?}")), "a sentence, and not a name in a program: {said}");
        }
    }

    #[test]
    fn a_question_names_the_server_and_leaves_nothing_in_doubt() {
        let limited = Status::with_error_details(Code::ResourceExhausted, "too many", reason("RATE_LIMITED"));
        for (status, expected) in [
            (limited, "http://127.0.0.1:1 refused: too many (RATE_LIMITED)"),
            (Status::deadline_exceeded("x"), "http://127.0.0.1:1 did not answer within 5 s"),
        ] {
            let Failure::Refused(said) = failure_of_question(&status, &address(), Duration::from_secs(5))
            else {
                panic!()
            };
            assert_eq!(said, expected);
        }
    }
}
