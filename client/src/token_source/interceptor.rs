//! The token of the moment in every call of a generated client.

use tonic::service::Interceptor;
use tonic::{Request, Status};

use super::TokenSource;

/// Sets `authorization` on every call: `GreeterClient::with_interceptor(channel, source.interceptor())`. A call for which
/// there is no token ends with the status of the [`TokenError`](super::TokenError), and is not sent.
#[derive(Clone, Debug)]
pub struct TokenInterceptor(TokenSource);

impl TokenInterceptor {
    pub(super) fn new(source: TokenSource) -> Self {
        Self(source)
    }
}

impl Interceptor for TokenInterceptor {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let token = self.0.current()?;
        request.metadata_mut().insert("authorization", token.authorization());
        Ok(request)
    }
}
