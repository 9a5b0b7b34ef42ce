//! Tokens: what is asked for them, and what is told about them.

use zeroize::Zeroizing;

use super::time::{duration, span, timestamp};
use crate::auth::{
    CallContext, Error, IssueCommand, Issued, IssuedResetCode, Opens, Presented, RefreshCommand,
};
use crate::pb::auth::v1 as pb;

/// A secret field, wiped when dropped.
pub(in crate::grpc) fn secret(text: String) -> Zeroizing<String> {
    Zeroizing::new(text)
}

pub(in crate::grpc) fn issue_command(
    request: pb::IssueTokenRequest,
    presented: Presented,
    (opens, context): (Opens, CallContext),
) -> Result<IssueCommand, Error> {
    Ok(IssueCommand {
        presented,
        username: request.username,
        password: secret(request.password),
        lifetime: request.lifetime.map(|lifetime| span("lifetime", lifetime)).transpose()?,
        audience: request.audience,
        opens,
        context,
    })
}

pub(in crate::grpc) fn refresh_command(
    request: pb::RefreshTokenRequest,
    context: CallContext,
) -> RefreshCommand {
    RefreshCommand {
        token: secret(request.refresh_token),
        retry_key: Zeroizing::new(request.retry_key),
        audience: request.audience,
        context,
    }
}

/// The tokens of the fresh session, and how many verifiers have not heard of the end of the others.
pub(in crate::grpc) fn changed_password(
    issued: &Issued,
    verifiers_pending: i32,
) -> pb::ChangePasswordResponse {
    let pb::IssueTokenResponse { token, token_type, duration, expire_time, refresh_token, session_id } =
        self::issued(issued);
    pb::ChangePasswordResponse {
        token,
        token_type,
        duration,
        expire_time,
        refresh_token,
        session_id,
        verifiers_pending,
    }
}

/// Two messages say the same: each method has an answer of its own, to which fields may come.
macro_rules! token_answers {
    ($($name:ident -> $message:ident),*) => {$(
        pub(in crate::grpc) fn $name(issued: &Issued) -> pb::$message {
            pb::$message {
                token: issued.token.as_str().to_owned(),
                token_type: "Bearer".to_owned(),
                duration: Some(duration(issued.lifetime)),
                expire_time: Some(timestamp(issued.expires)),
                refresh_token: issued.refresh_token.as_ref().map(|token| token.as_str().to_owned()).unwrap_or_default(),
                session_id: issued.session_id.to_string(),
            }
        }
    )*};
}

token_answers!(
    issued -> IssueTokenResponse,
    refreshed -> RefreshTokenResponse
);

pub(in crate::grpc) fn reset_code(issued: &IssuedResetCode) -> pb::CreateResetCodeResponse {
    pb::CreateResetCodeResponse {
        reset_code: issued.code.as_str().to_owned(),
        expire_time: Some(timestamp(issued.expires)),
    }
}
