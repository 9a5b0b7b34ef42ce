//! How the calls of the history go over the wire, and what their answers mean.

use std::future::Future;

use countersign::pb::auth::v1 as pb;
use countersign::pb::auth::v1::admin_service_client::AdminServiceClient;
use countersign::pb::auth::v1::auth_service_client::AuthServiceClient;
use tonic::transport::Channel;
use tonic::{Response, Status};
use tonic_types::StatusExt;

use super::history::{Answer, Call};
use super::replicas::ADMIN;
use crate::harness::{Credentials, PASSWORD};

/// What comes of a call.
pub async fn answer(channel: Channel, name: &str, call: &Call) -> Answer {
    let mut auth = AuthServiceClient::new(channel.clone());
    match call.clone() {
        Call::CreateUser { password } => {
            let message = pb::CreateUserRequest { username: name.to_owned(), password };
            read(auth.create_user(message), |_| Answer::Done).await
        }
        Call::SignIn { password } => {
            let request = Credentials::Basic(name, &password).attach(pb::IssueTokenRequest::default());
            read(auth.issue_token(request), |i| issued(i.session_id, i.token, i.refresh_token)).await
        }
        Call::Refresh { refresh_token, retry_key } => {
            let retry_key = [retry_key.to_le_bytes(), [7; 8]].concat();
            let message = pb::RefreshTokenRequest { refresh_token, retry_key, audience: String::new() };
            read(auth.refresh_token(message), |i| issued(i.session_id, i.token, i.refresh_token)).await
        }
        Call::Greet { token } => {
            read(auth.greet(Credentials::Bearer(&token).attach(pb::GreetRequest {})), |_| Answer::Done).await
        }
        Call::RevokeToken { token } => {
            let message = pb::RevokeTokenRequest { token, wait_for_verifiers: None };
            read(auth.revoke_token(message), |_| Answer::Done).await
        }
        Call::RevokeSession { bearer, session } => {
            let message = pb::RevokeSessionRequest { session_id: session, wait_for_verifiers: None };
            let request = Credentials::Bearer(&bearer).attach(message);
            read(auth.revoke_session(request), |_| Answer::Done).await
        }
        Call::RevokeAllSessions { bearer } => {
            let request = Credentials::Bearer(&bearer).attach(pb::RevokeAllSessionsRequest::default());
            read(auth.revoke_all_sessions(request), |_| Answer::Done).await
        }
        Call::ChangePassword { bearer, current, new } => {
            let (current_password, new_password) = (current, new);
            let message =
                pb::ChangePasswordRequest { current_password, new_password, wait_for_verifiers: None };
            let request = Credentials::Bearer(&bearer).attach(message);
            read(auth.change_password(request), |i| issued(i.session_id, i.token, i.refresh_token)).await
        }
        Call::SetRoles { role } => set_roles(channel, name, role).await,
        Call::ListSessions { password } => {
            let request = Credentials::Basic(name, &password).attach(pb::ListSessionsRequest::default());
            let ids = |sessions: Vec<pb::Session>| sessions.into_iter().map(|one| one.session_id).collect();
            read(auth.list_sessions(request), |i| Answer::Sessions(ids(i.sessions))).await
        }
        Call::ReadRoles { password } => {
            let message = pb::GetUserRequest { user_id: "me".to_owned() };
            let request = Credentials::Basic(name, &password).attach(message);
            read(auth.get_user(request), |i| Answer::Role(i.user.unwrap().roles.concat())).await
        }
    }
}

/// The admin signs in for it, and reads who that user is; if that fails, nothing was asked for.
async fn set_roles(channel: Channel, name: &str, role: String) -> Answer {
    let nothing = || Answer::Refused("RATE_LIMITED".to_owned());
    let mut auth = AuthServiceClient::new(channel.clone());
    let request = Credentials::Basic(ADMIN, PASSWORD).attach(pb::IssueTokenRequest::default());
    let Ok(token) = auth.issue_token(request).await else { return nothing() };
    let token = token.into_inner().token;
    let bearer = Credentials::Bearer(&token);
    let mut admin = AdminServiceClient::new(channel);
    let Ok(users) = admin.list_users(bearer.attach(pb::ListUsersRequest::default())).await else {
        return nothing();
    };
    let user = users.into_inner().users.into_iter().find(|user| user.username == name);
    let user_id = user.map(|user| user.user_id).unwrap_or_default();
    let message = pb::SetRolesRequest { user_id, roles: vec![role], wait_for_verifiers: None };
    read(admin.set_roles(bearer.attach(message)), |_| Answer::Done).await
}

fn issued(session: String, token: String, refresh_token: String) -> Answer {
    Answer::Issued { session, token, refresh_token }
}

async fn read<T>(
    call: impl Future<Output = Result<Response<T>, Status>>,
    read: impl FnOnce(T) -> Answer,
) -> Answer {
    match call.await {
        Ok(answer) => read(answer.into_inner()),
        Err(status) => match status.get_error_details().error_info() {
            // Without a reason it is not the service that speaks, but a connection that broke.
            None => Answer::Unknown,
            Some(info) if matches!(info.reason.as_str(), "STORE_UNAVAILABLE" | "DEADLINE_EXCEEDED") => {
                Answer::Unknown
            }
            Some(info) => Answer::Refused(info.reason.clone()),
        },
    }
}
