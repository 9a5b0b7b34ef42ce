//! Tokens: what is asked for them, and what is told about them.

use zeroize::Zeroizing;

use super::time::{duration, span, timestamp};
use crate::auth::{CallContext, Error, IssueCommand, Issued, IssuedResetCode, Presented, RefreshCommand};
use crate::pb::auth::v1 as pb;

/// A secret field, wiped when dropped.
pub(in crate::grpc) fn secret(text: String) -> Zeroizing<String> {
    Zeroizing::new(text)
}

pub(in crate::grpc) fn issue_command(
    request: pb::IssueTokenRequest,
    presented: Presented,
    context: CallContext,
) -> Result<IssueCommand, Error> {
    Ok(IssueCommand {
        presented,
        username: request.username,
        password: secret(request.password),
        lifetime: request.lifetime.map(span).transpose()?,
        audience: request.audience,
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

/// Three messages say the same: each method has an answer of its own, to which fields may come.
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
    refreshed -> RefreshTokenResponse,
    changed_password -> ChangePasswordResponse
);

pub(in crate::grpc) fn reset_code(issued: &IssuedResetCode) -> pb::CreateResetCodeResponse {
    pb::CreateResetCodeResponse {
        reset_code: issued.code.as_str().to_owned(),
        expire_time: Some(timestamp(issued.expires)),
    }
}
