//! The RPCs of `auth.v1.TrustService`: decode, one use case, encode.

use tonic::codegen::BoxStream;
use tonic::{Request, Response, Status, Streaming};

use super::{call, convert, watch_stream};
use crate::auth::Authority;
use crate::pb::auth::v1 as pb;
use crate::pb::auth::v1::trust_service_server::TrustService;

/// The service, on the use cases of `auth`.
pub(super) struct TrustRpc {
    authority: Authority,
}

impl TrustRpc {
    pub(super) fn new(authority: Authority) -> Self {
        Self { authority }
    }
}

#[tonic::async_trait]
impl TrustService for TrustRpc {
    type WatchTrustStream = BoxStream<pb::WatchTrustResponse>;

    async fn get_key_set(
        &self,
        _: Request<pb::GetKeySetRequest>,
    ) -> Result<Response<pb::GetKeySetResponse>, Status> {
        Ok(Response::new(convert::key_set(&self.authority.key_set())))
    }

    async fn verify_token(
        &self,
        request: Request<pb::VerifyTokenRequest>,
    ) -> Result<Response<pb::VerifyTokenResponse>, Status> {
        let caller = call::caller(&request)?;
        let message = request.into_inner();
        let token = convert::secret(message.token);
        let verified = self.authority.verify_token(&caller, &token, &message.audience)?;
        Ok(Response::new(convert::verified(verified.as_ref())))
    }

    async fn watch_trust(
        &self,
        request: Request<Streaming<pb::WatchTrustRequest>>,
    ) -> Result<Response<Self::WatchTrustStream>, Status> {
        Ok(Response::new(watch_stream::watch(&self.authority, request).await?))
    }
}
