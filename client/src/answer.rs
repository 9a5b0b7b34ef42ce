//! How a refusal looks on the wire: as Countersign's own servers answer, so that a client which understands one
//! understands all. Owns codes, reasons, sentences and headers; the decision is made elsewhere.

use std::time::Duration;

use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use serde_json::json;
use tonic::body::Body;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::Refusal;
use crate::pb::ErrorReason;

/// `domain` of every ErrorInfo.
const DOMAIN: &str = "auth.v1";
/// What every name of an [`ErrorReason`] starts with and the wire does without.
const REASON_PREFIX: &str = "ERROR_REASON_";
/// When to come back to who cannot decide at the moment: a server that is there again sends a heartbeat each second.
const RETRY: Duration = Duration::from_secs(1);

impl Refusal {
    /// The refusal's name for programs: one of `auth.v1.ErrorReason` without its prefix.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        let reason = match self {
            Self::CredentialsMissing => ErrorReason::CredentialsMissing,
            Self::CredentialsInvalid => ErrorReason::CredentialsInvalid,
            Self::TokenInvalid(_) | Self::OtherUser => ErrorReason::TokenInvalid,
            Self::TokenExpired => ErrorReason::TokenExpired,
            Self::TokenRevoked => ErrorReason::TokenRevoked,
            Self::RoleRequired => ErrorReason::RoleRequired,
            Self::MethodUnknown => ErrorReason::MethodUnknown,
            Self::TrustStale { .. } => ErrorReason::TrustStale,
        };
        reason.as_str_name().trim_start_matches(REASON_PREFIX)
    }

    fn codes(&self) -> (Code, StatusCode) {
        match self {
            Self::CredentialsMissing
            | Self::CredentialsInvalid
            | Self::TokenInvalid(_)
            | Self::OtherUser
            | Self::TokenExpired
            | Self::TokenRevoked => (Code::Unauthenticated, StatusCode::UNAUTHORIZED),
            Self::RoleRequired => (Code::PermissionDenied, StatusCode::FORBIDDEN),
            Self::MethodUnknown => (Code::Unimplemented, StatusCode::NOT_FOUND),
            Self::TrustStale { .. } => (Code::Unavailable, StatusCode::SERVICE_UNAVAILABLE),
        }
    }

    /// When the same call may fare better by itself.
    fn retry_after(&self) -> Option<Duration> {
        matches!(self, Self::TrustStale { .. }).then_some(RETRY)
    }

    /// The answer to a request with these headers: in gRPC to gRPC, in JSON to everything else.
    pub(crate) fn answer(&self, request: &HeaderMap) -> Response<Body> {
        match grpc_content_type(request) {
            Some(content_type) => self.grpc(content_type),
            None => self.http(),
        }
    }

    /// Trailers alone, which stand in the head.
    fn grpc(&self, content_type: HeaderValue) -> Response<Body> {
        let mut response = Status::from(self).into_http();
        response.headers_mut().insert(CONTENT_TYPE, content_type);
        response
    }

    /// `google.rpc.Status` in proto3 JSON.
    fn http(&self) -> Response<Body> {
        let (code, status) = self.codes();
        let mut details = vec![json!({
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": self.reason(),
            "domain": DOMAIN,
        })];
        details.extend(self.retry_after().map(|delay| {
            let delay = format!("{}s", delay.as_secs());
            json!({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay})
        }));
        let body = json!({"code": i32::from(code), "message": self.to_string(), "details": details});
        let mut response = Response::new(Body::new(body.to_string()));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(delay) = self.retry_after() {
            headers.insert(RETRY_AFTER, delay.as_secs().into());
        }
        response
    }
}

/// The status that a gRPC method answers a refusal with: code, sentence, an ErrorInfo that names the reason, and for
/// TRUST_STALE a RetryInfo.
impl From<&Refusal> for Status {
    fn from(refusal: &Refusal) -> Self {
        let mut details = ErrorDetails::with_error_info(refusal.reason(), DOMAIN, []);
        if let Some(delay) = refusal.retry_after() {
            details.set_retry_info(Some(delay));
        }
        Self::with_error_details(refusal.codes().0, refusal.to_string(), details)
    }
}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        Self::from(&refusal)
    }
}

/// What a gRPC request is answered as; `None` for any other request. gRPC-Web reads a head of trailers too, under its
/// own name. Media types have no case, and may have parameters (RFC 9110, section 8.3.1).
fn grpc_content_type(request: &HeaderMap) -> Option<HeaderValue> {
    let asked = request.get(CONTENT_TYPE)?;
    let essence = asked.as_bytes().split(|b| *b == b';').next()?.trim_ascii().to_ascii_lowercase();
    let name = essence.split(|b| *b == b'+').next()?;
    match name {
        b"application/grpc" => Some(HeaderValue::from_static("application/grpc")),
        b"application/grpc-web" | b"application/grpc-web-text" => Some(asked.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use countersign_verify::Defect;
    use http_body_util::BodyExt;

    use super::*;

    fn refusals() -> [(Refusal, Code, u16, &'static str); 9] {
        use Code::{PermissionDenied, Unauthenticated, Unavailable, Unimplemented};
        let staleness = Some(Duration::from_secs(31));
        [
            (Refusal::CredentialsMissing, Unauthenticated, 401, "CREDENTIALS_MISSING"),
            (Refusal::CredentialsInvalid, Unauthenticated, 401, "CREDENTIALS_INVALID"),
            (Refusal::TokenInvalid(Defect::Signature), Unauthenticated, 401, "TOKEN_INVALID"),
            (Refusal::OtherUser, Unauthenticated, 401, "TOKEN_INVALID"),
            (Refusal::TokenExpired, Unauthenticated, 401, "TOKEN_EXPIRED"),
            (Refusal::TokenRevoked, Unauthenticated, 401, "TOKEN_REVOKED"),
            (Refusal::RoleRequired, PermissionDenied, 403, "ROLE_REQUIRED"),
            (Refusal::MethodUnknown, Unimplemented, 404, "METHOD_UNKNOWN"),
            (Refusal::TrustStale { staleness }, Unavailable, 503, "TRUST_STALE"),
        ]
    }

    fn asked_with(content_type: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(content_type))])
    }

    #[test]
    fn a_grpc_call_is_refused_with_a_status_that_names_the_reason() {
        for (refusal, code, _, reason) in refusals() {
            let response = refusal.answer(&asked_with("application/grpc"));
            assert_eq!(response.status(), StatusCode::OK);
            assert_eq!(response.headers()[CONTENT_TYPE], "application/grpc");
            let status = Status::from_header_map(response.headers()).unwrap();
            assert_eq!((status.code(), status.message()), (code, refusal.to_string().as_str()));
            let details = status.get_error_details();
            let info = details.error_info().unwrap();
            assert_eq!((info.reason.as_str(), info.domain.as_str()), (reason, "auth.v1"));
            let retry = details.retry_info().and_then(|info| info.retry_delay);
            assert_eq!(retry, (code == Code::Unavailable).then_some(Duration::from_secs(1)));
        }
    }

    #[tokio::test]
    async fn any_other_request_is_refused_in_json() {
        for (refusal, code, http, reason) in refusals() {
            let response = refusal.answer(&asked_with("application/json"));
            assert_eq!(response.status().as_u16(), http);
            assert_eq!(response.headers()[CONTENT_TYPE], "application/json");
            let retry = response.headers().get(RETRY_AFTER).map(HeaderValue::as_bytes);
            assert_eq!(retry, (http == 503).then_some(&b"1"[..]));
            let challenge = response.headers().get(WWW_AUTHENTICATE).map(HeaderValue::as_bytes);
            assert_eq!(challenge, (http == 401).then_some(&b"Bearer"[..]));
            let body = response.into_body().collect().await.unwrap().to_bytes();
            let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(body["code"], i32::from(code));
            assert_eq!(body["message"], refusal.to_string());
            let info = json!({
                "@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "auth.v1",
            });
            let retry = json!({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "1s"});
            let details = if http == 503 { json!([info, retry]) } else { json!([info]) };
            assert_eq!(body["details"], details);
        }
    }

    #[test]
    fn the_forms_of_grpc_are_told_from_everything_else() {
        let answered = |asked| grpc_content_type(&asked_with(asked));
        for asked in [
            "application/grpc",
            "application/grpc+proto",
            "application/grpc;x=y",
            "Application/GRPC",
            "application/gRPC+Proto;foo",
            "application/grpc ; x=y",
            " application/grpc+json",
        ] {
            assert_eq!(answered(asked).unwrap(), "application/grpc", "{asked}");
        }
        for asked in
            ["application/grpc-web+proto", "Application/gRPC-Web", "application/grpc-web-text+proto;x=y"]
        {
            assert_eq!(answered(asked).unwrap(), asked);
        }
        for asked in [
            "application/json",
            "application/grpcx",
            "application/grpc-webx",
            "text/plain;application/grpc",
            "text/plain",
            "",
        ] {
            assert_eq!(answered(asked), None, "{asked}");
        }
        assert_eq!(grpc_content_type(&HeaderMap::new()), None);
    }

    #[test]
    fn which_check_a_token_failed_is_not_told() {
        let told = |defect| format!("{:?}", Status::from(Refusal::TokenInvalid(defect)));
        assert_eq!(told(Defect::Signature), told(Defect::Audience));
    }
}
