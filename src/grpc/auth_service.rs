//! The RPCs of `auth.v1.AuthService`: decode, one use case, encode.

use tonic::{Request, Response, Status};

use super::refresh_cookie::RefreshCookie;
use super::{call, convert};
use crate::auth::{Authority, CallContext, Caller, VerifierWait};
use crate::pb::auth::v1 as pb;
use crate::pb::auth::v1::auth_service_server::AuthService;

/// The service, on the use cases of `auth`.
pub(super) struct AuthRpc {
    authority: Authority,
}

impl AuthRpc {
    pub(super) fn new(authority: Authority) -> Self {
        Self { authority }
    }

    /// An answer whose refresh token is put where the caller wants it.
    fn keep<T>(
        &self,
        cookie: &RefreshCookie,
        answer: T,
        token: impl FnOnce(&mut T) -> &mut String,
    ) -> Response<T> {
        cookie.keep(Response::new(answer), token, self.authority.session_idle_limit())
    }

    /// How many verifiers have not applied in time what has been revoked, and their names.
    async fn wait_for_verifiers(
        &self,
        wait: VerifierWait,
        caller: Option<&Caller>,
        context: &CallContext,
    ) -> (i32, Vec<String>) {
        convert::pending(self.authority.wait_for_verifiers(wait, (caller, None), context).await)
    }
}

#[tonic::async_trait]
impl AuthService for AuthRpc {
    async fn create_user(
        &self,
        request: Request<pb::CreateUserRequest>,
    ) -> Result<Response<pb::CreateUserResponse>, Status> {
        let context = call::context(&request);
        let presented = call::presented(&request);
        let (username, password) = convert::new_user(request.into_inner());
        let user = self.authority.register(&presented, &username, &password, &context).await?;
        Ok(Response::new(pb::CreateUserResponse { user: Some(convert::user(&user)) }))
    }

    async fn get_user(
        &self,
        request: Request<pb::GetUserRequest>,
    ) -> Result<Response<pb::GetUserResponse>, Status> {
        let caller = call::caller(&request)?;
        let wanted = convert::user_ref(&request.into_inner().user_id)?;
        let user = self.authority.lookup_user(&caller, wanted).await?;
        Ok(Response::new(pb::GetUserResponse { user: Some(convert::user(&user)) }))
    }

    async fn issue_token(
        &self,
        request: Request<pb::IssueTokenRequest>,
    ) -> Result<Response<pb::IssueTokenResponse>, Status> {
        let context = call::context(&request);
        let presented = call::presented(&request);
        let cookie = RefreshCookie::of(&request);
        let opens = call::opens(&request);
        let command = convert::issue_command(request.into_inner(), presented, (opens, context))?;
        let issued = self.authority.issue_token(command).await?;
        Ok(self.keep(&cookie, convert::issued(&issued), |answer| &mut answer.refresh_token))
    }

    async fn greet(&self, request: Request<pb::GreetRequest>) -> Result<Response<pb::GreetResponse>, Status> {
        let caller = call::caller(&request)?;
        let certificate = call::certificate(&request);
        Ok(Response::new(pb::GreetResponse {
            message: format!("Hello, {}!", caller.username()),
            caller: Some(convert::caller(&caller, certificate.as_deref())),
        }))
    }

    async fn refresh_token(
        &self,
        request: Request<pb::RefreshTokenRequest>,
    ) -> Result<Response<pb::RefreshTokenResponse>, Status> {
        let context = call::context(&request);
        let mut cookie = RefreshCookie::of(&request);
        let mut message = request.into_inner();
        message.refresh_token = cookie.token_or(message.refresh_token);
        let issued = self.authority.refresh(convert::refresh_command(message, context)).await?;
        Ok(self.keep(&cookie, convert::refreshed(&issued), |answer| &mut answer.refresh_token))
    }

    async fn revoke_token(
        &self,
        request: Request<pb::RevokeTokenRequest>,
    ) -> Result<Response<pb::RevokeTokenResponse>, Status> {
        let context = call::context(&request);
        let mut cookie = RefreshCookie::of(&request);
        let message = request.into_inner();
        let wait = convert::verifier_wait(message.wait_for_verifiers)?;
        // Whoever names another token keeps the cookie, whose session goes on.
        let by_cookie = cookie.asked() && message.token.is_empty();
        let token = convert::secret(cookie.token_or(message.token));
        if token.is_empty() && by_cookie {
            // A page that signs out and has lost the cookie already: what it wants is so.
            return Ok(cookie.forget(Response::new(pb::RevokeTokenResponse::default())));
        }
        let holder = self.authority.revoke_token(&token, &context).await?;
        // A stranger with no token of ours has nothing to wait for, and nothing to learn.
        let (verifiers_pending, _) = match holder {
            Some(_) => {
                convert::pending(self.authority.wait_for_verifiers(wait, (None, holder), &context).await)
            }
            None => Default::default(),
        };
        let answer = Response::new(pb::RevokeTokenResponse { verifiers_pending });
        Ok(if by_cookie { cookie.forget(answer) } else { answer })
    }

    async fn list_sessions(
        &self,
        request: Request<pb::ListSessionsRequest>,
    ) -> Result<Response<pb::ListSessionsResponse>, Status> {
        let caller = call::caller(&request)?;
        let wanted = convert::user_or_caller(&request.into_inner().user_id)?;
        let sessions = self.authority.list_sessions(&caller, wanted).await?;
        Ok(Response::new(pb::ListSessionsResponse {
            sessions: sessions.iter().map(convert::session).collect(),
        }))
    }

    async fn revoke_session(
        &self,
        request: Request<pb::RevokeSessionRequest>,
    ) -> Result<Response<pb::RevokeSessionResponse>, Status> {
        let (caller, context) = (call::caller(&request)?, call::context(&request));
        let message = request.into_inner();
        let id = convert::session_id(&message.session_id)?;
        let wait = convert::verifier_wait(message.wait_for_verifiers)?;
        self.authority.revoke_session(&caller, id, &context).await?;
        let (verifiers_pending, pending_verifiers) =
            self.wait_for_verifiers(wait, Some(&caller), &context).await;
        Ok(Response::new(pb::RevokeSessionResponse { verifiers_pending, pending_verifiers }))
    }

    async fn revoke_all_sessions(
        &self,
        request: Request<pb::RevokeAllSessionsRequest>,
    ) -> Result<Response<pb::RevokeAllSessionsResponse>, Status> {
        let (caller, context) = (call::caller(&request)?, call::context(&request));
        let message = request.into_inner();
        let wanted = convert::user_or_caller(&message.user_id)?;
        let wait = convert::verifier_wait(message.wait_for_verifiers)?;
        let count =
            self.authority.revoke_all_sessions(&caller, wanted, message.keep_current, &context).await?;
        let revoked_count = i32::try_from(count).unwrap_or(i32::MAX);
        let (verifiers_pending, pending_verifiers) =
            self.wait_for_verifiers(wait, Some(&caller), &context).await;
        Ok(Response::new(pb::RevokeAllSessionsResponse {
            revoked_count,
            verifiers_pending,
            pending_verifiers,
        }))
    }

    async fn change_password(
        &self,
        request: Request<pb::ChangePasswordRequest>,
    ) -> Result<Response<pb::ChangePasswordResponse>, Status> {
        let (caller, context) = (call::caller(&request)?, call::context(&request));
        let cookie = RefreshCookie::of(&request);
        let message = request.into_inner();
        let current = convert::secret(message.current_password);
        let new = convert::secret(message.new_password);
        let wait = convert::verifier_wait(message.wait_for_verifiers)?;
        let issued = self.authority.change_password(&caller, &current, &new, &context).await?;
        let (verifiers_pending, _) = self.wait_for_verifiers(wait, Some(&caller), &context).await;
        let answer = convert::changed_password(&issued, verifiers_pending);
        Ok(self.keep(&cookie, answer, |answer| &mut answer.refresh_token))
    }

    async fn reset_password(
        &self,
        request: Request<pb::ResetPasswordRequest>,
    ) -> Result<Response<pb::ResetPasswordResponse>, Status> {
        let context = call::context(&request);
        let message = request.into_inner();
        let (code, new) = (convert::secret(message.reset_code), convert::secret(message.new_password));
        let wait = convert::verifier_wait(message.wait_for_verifiers)?;
        self.authority.reset_password(&code, &new, &context).await?;
        let (verifiers_pending, _) = self.wait_for_verifiers(wait, None, &context).await;
        Ok(Response::new(pb::ResetPasswordResponse { verifiers_pending }))
    }

    async fn delete_user(
        &self,
        request: Request<pb::DeleteUserRequest>,
    ) -> Result<Response<pb::DeleteUserResponse>, Status> {
        let (caller, context) = (call::caller(&request)?, call::context(&request));
        let message = request.into_inner();
        let wanted = convert::user_ref(&message.user_id)?;
        let current = convert::secret(message.current_password);
        let wait = convert::verifier_wait(message.wait_for_verifiers)?;
        self.authority.delete_user(&caller, wanted, &current, &context).await?;
        let (verifiers_pending, pending_verifiers) =
            self.wait_for_verifiers(wait, Some(&caller), &context).await;
        Ok(Response::new(pb::DeleteUserResponse { verifiers_pending, pending_verifiers }))
    }
}
