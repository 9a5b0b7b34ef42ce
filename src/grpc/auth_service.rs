//! The RPCs of `auth.v1.AuthService`: decode, one use case, encode.

use tonic::{Request, Response, Status};

use super::{call, convert};
use crate::auth::Authority;
use crate::pb::auth::v1::auth_service_server::AuthService;
use crate::pb::auth::v1::{
    CreateUserRequest, CreateUserResponse, GetUserRequest, GetUserResponse, GreetRequest, GreetResponse,
    IssueTokenRequest, IssueTokenResponse,
};

/// The service, on the use cases of `auth`.
pub(super) struct AuthRpc {
    authority: Authority,
}

impl AuthRpc {
    pub(super) fn new(authority: Authority) -> Self {
        Self { authority }
    }
}

#[tonic::async_trait]
impl AuthService for AuthRpc {
    async fn create_user(
        &self,
        request: Request<CreateUserRequest>,
    ) -> Result<Response<CreateUserResponse>, Status> {
        let deadline = call::deadline(&request);
        let presented = call::presented(&request);
        let (username, password) = convert::new_user(request.into_inner());
        let user = self.authority.register(&presented, &username, &password, deadline).await?;
        Ok(Response::new(CreateUserResponse { user: Some(convert::user(&user)) }))
    }

    async fn get_user(&self, request: Request<GetUserRequest>) -> Result<Response<GetUserResponse>, Status> {
        let caller = call::caller(&request)?;
        let wanted = convert::user_ref(&request.into_inner().user_id)?;
        let user = self.authority.lookup_user(&caller, wanted).await?;
        Ok(Response::new(GetUserResponse { user: Some(convert::user(&user)) }))
    }

    async fn issue_token(
        &self,
        request: Request<IssueTokenRequest>,
    ) -> Result<Response<IssueTokenResponse>, Status> {
        let deadline = call::deadline(&request);
        let presented = call::presented(&request);
        let command = convert::issue_command(request.into_inner(), presented, deadline)?;
        let issued = self.authority.issue_token(command).await?;
        Ok(Response::new(convert::issued(issued)))
    }

    async fn greet(&self, request: Request<GreetRequest>) -> Result<Response<GreetResponse>, Status> {
        let caller = call::caller(&request)?;
        Ok(Response::new(GreetResponse {
            message: format!("Hello, {}!", caller.username()),
            caller: Some(convert::caller(&caller)),
        }))
    }
}
