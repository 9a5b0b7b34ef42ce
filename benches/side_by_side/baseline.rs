//! The bare server: tonic as its documentation sets it up, with the same Greet and nothing that protects it; or with one
//! Ed25519 verification a call and nothing else.

use countersign::pb::auth::v1 as pb;
use countersign::pb::auth::v1::auth_service_server::{AuthService, AuthServiceServer};
use countersign::pb::auth::v1::{Caller, GreetRequest, GreetResponse};
use countersign_verify::{PublicKey, paseto};
use tokio::net::TcpListener;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

struct Bare {
    key: Option<PublicKey>,
}

impl Bare {
    fn verify<T>(&self, request: &Request<T>) -> Result<(), Status> {
        let Some(key) = &self.key else { return Ok(()) };
        let header = request.metadata().get("authorization").unwrap().to_str().unwrap();
        let parts = paseto::split(header.strip_prefix("Bearer ").unwrap()).unwrap();
        let message = paseto::signing_input(parts.payload(), parts.footer());
        if key.verifies(&message, parts.signature()) {
            Ok(())
        } else {
            Err(Status::unauthenticated("forged"))
        }
    }
}

#[tonic::async_trait]
impl AuthService for Bare {
    async fn greet(&self, request: Request<GreetRequest>) -> Result<Response<GreetResponse>, Status> {
        self.verify(&request)?;
        let caller = Caller {
            user_id: "019dd0e5-0000-7000-8000-000000000000".to_owned(),
            username: "alice".to_owned(),
            roles: Vec::new(),
            session_id: "019dd0e5-0000-7000-8000-000000000000".to_owned(),
            method: 2,
            key_id: "k4.pid.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned(),
            token_id: "019dd0e5-0000-7000-8000-000000000000".to_owned(),
            audience: "countersign".to_owned(),
            expire_time: Some(prost_types::Timestamp { seconds: 1_767_225_600, nanos: 0 }),
            client_certificate: None,
        };
        Ok(Response::new(GreetResponse { message: "Hello, alice!".to_owned(), caller: Some(caller) }))
    }

    async fn create_user(
        &self,
        _: Request<pb::CreateUserRequest>,
    ) -> Result<Response<pb::CreateUserResponse>, Status> {
        nothing_else()
    }

    async fn get_user(
        &self,
        _: Request<pb::GetUserRequest>,
    ) -> Result<Response<pb::GetUserResponse>, Status> {
        nothing_else()
    }

    async fn issue_token(
        &self,
        _: Request<pb::IssueTokenRequest>,
    ) -> Result<Response<pb::IssueTokenResponse>, Status> {
        nothing_else()
    }

    async fn refresh_token(
        &self,
        _: Request<pb::RefreshTokenRequest>,
    ) -> Result<Response<pb::RefreshTokenResponse>, Status> {
        nothing_else()
    }

    async fn revoke_token(
        &self,
        _: Request<pb::RevokeTokenRequest>,
    ) -> Result<Response<pb::RevokeTokenResponse>, Status> {
        nothing_else()
    }

    async fn list_sessions(
        &self,
        _: Request<pb::ListSessionsRequest>,
    ) -> Result<Response<pb::ListSessionsResponse>, Status> {
        nothing_else()
    }

    async fn revoke_session(
        &self,
        _: Request<pb::RevokeSessionRequest>,
    ) -> Result<Response<pb::RevokeSessionResponse>, Status> {
        nothing_else()
    }

    async fn revoke_all_sessions(
        &self,
        _: Request<pb::RevokeAllSessionsRequest>,
    ) -> Result<Response<pb::RevokeAllSessionsResponse>, Status> {
        nothing_else()
    }

    async fn change_password(
        &self,
        _: Request<pb::ChangePasswordRequest>,
    ) -> Result<Response<pb::ChangePasswordResponse>, Status> {
        nothing_else()
    }

    async fn reset_password(
        &self,
        _: Request<pb::ResetPasswordRequest>,
    ) -> Result<Response<pb::ResetPasswordResponse>, Status> {
        nothing_else()
    }

    async fn delete_user(
        &self,
        _: Request<pb::DeleteUserRequest>,
    ) -> Result<Response<pb::DeleteUserResponse>, Status> {
        nothing_else()
    }
}

fn nothing_else<T>() -> Result<Response<T>, Status> {
    Err(Status::unimplemented("the baseline greets"))
}

/// Serves on a free port, printed in the first line, until it is killed.
pub fn serve(key: Option<String>) {
    let key = key.map(|paserk| PublicKey::from_paserk(&paserk).unwrap());
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(async {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("listens on {}", socket.local_addr().unwrap());
        let incoming = TcpIncoming::from(socket).with_nodelay(Some(true));
        let service = AuthServiceServer::new(Bare { key });
        Server::builder().add_service(service).serve_with_incoming(incoming).await.unwrap();
    });
}
