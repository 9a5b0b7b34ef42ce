//! The calls that carry sessions on and end them, and what admins call.

use countersign::pb::auth::v1 as pb;
use countersign::pb::auth::v1::admin_service_client::AdminServiceClient;
use tonic::Response;
use tonic::transport::Channel;

use super::calls::{Client, Credentials, Refused, refused};

/// What a client holds of a session.
pub type Tokens = pb::IssueTokenResponse;

impl Client {
    /// Opens a session.
    pub async fn open(&self, username: &str, password: &str) -> Tokens {
        self.issue(Credentials::Basic(username, password), pb::IssueTokenRequest::default()).await.unwrap()
    }

    /// Spends a refresh token; an empty key is none.
    pub async fn refresh(&self, token: &str, key: &[u8]) -> Result<pb::RefreshTokenResponse, Refused> {
        let message = pb::RefreshTokenRequest {
            refresh_token: token.to_owned(),
            retry_key: key.to_vec(),
            audience: String::new(),
        };
        self.refresh_with(message).await
    }

    pub async fn refresh_with(
        &self,
        message: pb::RefreshTokenRequest,
    ) -> Result<pb::RefreshTokenResponse, Refused> {
        told(self.service().refresh_token(message).await)
    }

    /// The same where the service may be gone before it answers.
    pub async fn try_refresh(
        &self,
        token: &str,
        key: &[u8],
    ) -> Result<pb::RefreshTokenResponse, tonic::Status> {
        let message = pb::RefreshTokenRequest {
            refresh_token: token.to_owned(),
            retry_key: key.to_vec(),
            audience: String::new(),
        };
        self.service().refresh_token(message).await.map(Response::into_inner)
    }

    /// The same where the service may be gone before it answers.
    pub async fn try_revoke(&self, token: &str) -> Result<(), tonic::Status> {
        let message = pb::RevokeTokenRequest { token: token.to_owned(), wait_for_verifiers: None };
        self.service().revoke_token(message).await.map(|_| ())
    }

    pub async fn revoke_token(&self, token: &str) -> Result<(), Refused> {
        let message = pb::RevokeTokenRequest { token: token.to_owned(), wait_for_verifiers: None };
        told(self.service().revoke_token(message).await).map(|_| ())
    }

    /// An empty `user_id` is the caller.
    pub async fn list_sessions(
        &self,
        credentials: Credentials<'_>,
        user_id: &str,
    ) -> Result<Vec<pb::Session>, Refused> {
        let message = pb::ListSessionsRequest { user_id: user_id.to_owned() };
        told(self.service().list_sessions(credentials.attach(message)).await).map(|answer| answer.sessions)
    }

    pub async fn revoke_session(
        &self,
        credentials: Credentials<'_>,
        session_id: &str,
    ) -> Result<(), Refused> {
        let message =
            pb::RevokeSessionRequest { session_id: session_id.to_owned(), wait_for_verifiers: None };
        told(self.service().revoke_session(credentials.attach(message)).await).map(|_| ())
    }

    /// How many were ended.
    pub async fn revoke_all_sessions(
        &self,
        credentials: Credentials<'_>,
        user_id: &str,
        keep_current: bool,
    ) -> Result<i32, Refused> {
        let message = pb::RevokeAllSessionsRequest {
            user_id: user_id.to_owned(),
            keep_current,
            wait_for_verifiers: None,
        };
        let answer = self.service().revoke_all_sessions(credentials.attach(message)).await;
        told(answer).map(|answer| answer.revoked_count)
    }

    pub async fn change_password(
        &self,
        credentials: Credentials<'_>,
        current: &str,
        new: &str,
    ) -> Result<pb::ChangePasswordResponse, Refused> {
        let message = pb::ChangePasswordRequest {
            current_password: current.to_owned(),
            new_password: new.to_owned(),
            wait_for_verifiers: None,
        };
        told(self.service().change_password(credentials.attach(message)).await)
    }

    pub async fn reset_password(&self, code: &str, new: &str) -> Result<(), Refused> {
        let message = pb::ResetPasswordRequest {
            reset_code: code.to_owned(),
            new_password: new.to_owned(),
            wait_for_verifiers: None,
        };
        told(self.service().reset_password(message).await).map(|_| ())
    }

    pub async fn delete_user(
        &self,
        credentials: Credentials<'_>,
        user_id: &str,
        current: &str,
    ) -> Result<(), Refused> {
        let message = pb::DeleteUserRequest {
            user_id: user_id.to_owned(),
            current_password: current.to_owned(),
            wait_for_verifiers: None,
        };
        told(self.service().delete_user(credentials.attach(message)).await).map(|_| ())
    }
}

/// An admin, with a token of its own.
#[derive(Clone)]
pub struct AdminClient {
    service: AdminServiceClient<Channel>,
    token: String,
}

impl AdminClient {
    pub fn new(channel: Channel, token: &str) -> Self {
        Self { service: AdminServiceClient::new(channel), token: token.to_owned() }
    }

    fn credentials(&self) -> Credentials<'_> {
        Credentials::Bearer(&self.token)
    }

    pub async fn list_users(&self, message: pb::ListUsersRequest) -> Result<pb::ListUsersResponse, Refused> {
        told(self.service.clone().list_users(self.credentials().attach(message)).await)
    }

    pub async fn disable_user(&self, user_id: &str) -> Result<pb::User, Refused> {
        let message = pb::DisableUserRequest { user_id: user_id.to_owned(), wait_for_verifiers: None };
        let answer = self.service.clone().disable_user(self.credentials().attach(message)).await;
        told(answer).map(|answer| answer.user.unwrap())
    }

    pub async fn enable_user(&self, user_id: &str) -> Result<pb::User, Refused> {
        let message = pb::EnableUserRequest { user_id: user_id.to_owned() };
        let answer = self.service.clone().enable_user(self.credentials().attach(message)).await;
        told(answer).map(|answer| answer.user.unwrap())
    }

    pub async fn set_roles(&self, user_id: &str, roles: &[&str]) -> Result<pb::User, Refused> {
        let roles = roles.iter().map(|&role| role.to_owned()).collect();
        let message = pb::SetRolesRequest { user_id: user_id.to_owned(), roles, wait_for_verifiers: None };
        let answer = self.service.clone().set_roles(self.credentials().attach(message)).await;
        told(answer).map(|answer| answer.user.unwrap())
    }

    pub async fn create_reset_code(&self, user_id: &str) -> Result<pb::CreateResetCodeResponse, Refused> {
        let message = pb::CreateResetCodeRequest { user_id: user_id.to_owned() };
        told(self.service.clone().create_reset_code(self.credentials().attach(message)).await)
    }

    pub async fn rotate_key(&self) -> Result<pb::RotateKeyResponse, Refused> {
        told(self.service.clone().rotate_key(self.credentials().attach(pb::RotateKeyRequest {})).await)
    }

    /// An empty `key_id` is all of them.
    pub async fn revoke_key(&self, key_id: &str) -> Result<Vec<pb::VerificationKey>, Refused> {
        let message = pb::RevokeKeyRequest {
            key_id: key_id.to_owned(),
            all: key_id.is_empty(),
            wait_for_verifiers: None,
        };
        let answer = self.service.clone().revoke_key(self.credentials().attach(message)).await;
        told(answer).map(|answer| answer.keys)
    }

    pub async fn list_events(
        &self,
        message: pb::ListSecurityEventsRequest,
    ) -> Result<pb::ListSecurityEventsResponse, Refused> {
        told(self.service.clone().list_security_events(self.credentials().attach(message)).await)
    }

    /// What happened to a user of this kind, the latest first.
    pub async fn events(&self, user_id: &str, kind: pb::SecurityEventKind) -> Vec<pb::SecurityEvent> {
        let message = pb::ListSecurityEventsRequest {
            user_id: user_id.to_owned(),
            page_size: 200,
            ..Default::default()
        };
        let mut events = self.list_events(message).await.unwrap().events;
        events.retain(|event| event.kind() == kind);
        events
    }
}

fn told<T>(answer: Result<Response<T>, tonic::Status>) -> Result<T, Refused> {
    answer.map(Response::into_inner).map_err(|status| refused(&status))
}
