//! The RPCs of `auth.v1.AdminService`: decode, one use case, encode. That the caller is an admin is the door's to see.

use tonic::{Request, Response, Status};

use super::{call, convert};
use crate::auth::{Authority, CallContext, Caller, PageRequest, VerifierWait};
use crate::pb::auth::v1 as pb;
use crate::pb::auth::v1::admin_service_server::AdminService;

/// The service, on the use cases of `auth`.
pub(super) struct AdminRpc {
    authority: Authority,
}

impl AdminRpc {
    pub(super) fn new(authority: Authority) -> Self {
        Self { authority }
    }

    /// How many verifiers have not applied in time what has been revoked, and their names.
    async fn wait_for_verifiers(
        &self,
        wait: VerifierWait,
        caller: &Caller,
        context: &CallContext,
    ) -> (i32, Vec<String>) {
        convert::pending(self.authority.wait_for_verifiers(wait, (Some(caller), None), context).await)
    }
}

#[tonic::async_trait]
impl AdminService for AdminRpc {
    async fn list_users(
        &self,
        request: Request<pb::ListUsersRequest>,
    ) -> Result<Response<pb::ListUsersResponse>, Status> {
        let message = request.into_inner();
        let page = PageRequest { size: message.page_size, token: message.page_token };
        let page = self.authority.list_users(&message.username, &page).await?;
        Ok(Response::new(pb::ListUsersResponse {
            users: page.entries.iter().map(convert::user).collect(),
            next_page_token: page.next,
        }))
    }

    async fn disable_user(
        &self,
        request: Request<pb::DisableUserRequest>,
    ) -> Result<Response<pb::DisableUserResponse>, Status> {
        let (caller, context) = (call::caller(&request)?, call::context(&request));
        let message = request.into_inner();
        let id = convert::user_id(&message.user_id)?;
        let wait = convert::verifier_wait(message.wait_for_verifiers)?;
        let user = Some(convert::user(&self.authority.disable_user(&caller, id, &context).await?));
        let (verifiers_pending, pending_verifiers) = self.wait_for_verifiers(wait, &caller, &context).await;
        Ok(Response::new(pb::DisableUserResponse { user, verifiers_pending, pending_verifiers }))
    }

    async fn enable_user(
        &self,
        request: Request<pb::EnableUserRequest>,
    ) -> Result<Response<pb::EnableUserResponse>, Status> {
        let (caller, context) = (call::caller(&request)?, call::context(&request));
        let id = convert::user_id(&request.into_inner().user_id)?;
        let user = self.authority.enable_user(&caller, id, &context).await?;
        Ok(Response::new(pb::EnableUserResponse { user: Some(convert::user(&user)) }))
    }

    async fn set_roles(
        &self,
        request: Request<pb::SetRolesRequest>,
    ) -> Result<Response<pb::SetRolesResponse>, Status> {
        let (caller, context) = (call::caller(&request)?, call::context(&request));
        let message = request.into_inner();
        let (id, roles) = (convert::user_id(&message.user_id)?, convert::roles(&message.roles)?);
        let wait = convert::verifier_wait(message.wait_for_verifiers)?;
        let user = Some(convert::user(&self.authority.set_roles(&caller, id, roles, &context).await?));
        let (verifiers_pending, pending_verifiers) = self.wait_for_verifiers(wait, &caller, &context).await;
        Ok(Response::new(pb::SetRolesResponse { user, verifiers_pending, pending_verifiers }))
    }

    async fn create_reset_code(
        &self,
        request: Request<pb::CreateResetCodeRequest>,
    ) -> Result<Response<pb::CreateResetCodeResponse>, Status> {
        let (caller, context) = (call::caller(&request)?, call::context(&request));
        let id = convert::user_id(&request.into_inner().user_id)?;
        let code = self.authority.create_reset_code(&caller, id, &context).await?;
        Ok(Response::new(convert::reset_code(&code)))
    }

    async fn rotate_key(
        &self,
        request: Request<pb::RotateKeyRequest>,
    ) -> Result<Response<pb::RotateKeyResponse>, Status> {
        let (caller, context) = (call::caller(&request)?, call::context(&request));
        let moment = self.authority.rotate_key(&caller, &context).await?;
        Ok(Response::new(pb::RotateKeyResponse {
            keys: convert::verification_keys(&self.authority.key_set()),
            rotate_time: Some(convert::timestamp(moment)),
        }))
    }

    async fn revoke_key(
        &self,
        request: Request<pb::RevokeKeyRequest>,
    ) -> Result<Response<pb::RevokeKeyResponse>, Status> {
        let (caller, context) = (call::caller(&request)?, call::context(&request));
        let message = request.into_inner();
        let which = convert::which_keys(&message)?;
        let wait = convert::verifier_wait(message.wait_for_verifiers)?;
        self.authority.revoke_key(&caller, &which, &context).await?;
        let keys = convert::verification_keys(&self.authority.key_set());
        let (verifiers_pending, pending_verifiers) = self.wait_for_verifiers(wait, &caller, &context).await;
        Ok(Response::new(pb::RevokeKeyResponse { keys, verifiers_pending, pending_verifiers }))
    }

    async fn list_verifiers(
        &self,
        _: Request<pb::ListVerifiersRequest>,
    ) -> Result<Response<pb::ListVerifiersResponse>, Status> {
        Ok(Response::new(convert::verifiers(&self.authority.list_verifiers())))
    }

    async fn list_security_events(
        &self,
        request: Request<pb::ListSecurityEventsRequest>,
    ) -> Result<Response<pb::ListSecurityEventsResponse>, Status> {
        let message = request.into_inner();
        let of = convert::optional_user_id(&message.user_id)?;
        let page = PageRequest { size: message.page_size, token: message.page_token };
        let page = self.authority.list_security_events(of, &page).await?;
        Ok(Response::new(pb::ListSecurityEventsResponse {
            events: page.entries.iter().map(convert::event).collect(),
            next_page_token: page.next,
        }))
    }
}
