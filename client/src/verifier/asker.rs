//! Asking the server about one token, for when what is known here is too old to decide by.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use tonic::Request;
use tonic::transport::Channel;

use super::credentials::Credentials;
use crate::pb::VerifyTokenRequest;
use crate::pb::trust_service_client::TrustServiceClient;

/// How long the answer may take: a caller waits for it.
const PATIENCE: Duration = Duration::from_secs(3);

/// The largest answer that is read. What a token says is less than 2 KiB.
pub(super) const MAX_MESSAGE_BYTES: usize = 64 << 10;

/// Calls VerifyToken.
pub(super) struct Asker {
    pub(super) client: TrustServiceClient<Channel>,
    pub(super) credentials: Arc<Credentials>,
    pub(super) audience: String,
}

impl Asker {
    /// Whether a token is good now; `None` if the server does not say.
    pub(super) async fn is_active(&self, token: &str) -> Option<bool> {
        let question = VerifyTokenRequest { token: token.into(), audience: self.audience.clone() };
        let mut request = Request::new(question);
        request.set_timeout(PATIENCE);
        let answer = timeout(PATIENCE, async {
            self.credentials.add_to(&mut request, None).await?;
            self.client.clone().verify_token(request).await
        });
        answer.await.ok()?.ok().map(|answer| answer.into_inner().active)
    }
}
