//! The services behind the door, and which of them answers a method.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use http::{Request, Response};
use tonic::body::Body;
use tonic_health::pb::health_server::HealthServer;
use tonic_health::server::HealthService;
use tonic_reflection::server::Builder;
use tower_service::Service as _;

use super::admin_service::AdminRpc;
use super::auth_service::AuthRpc;
use super::health::Health;
use super::methods::Service;
use super::trust_service::TrustRpc;
use crate::auth::Authority;
use crate::pb::DESCRIPTOR_SET;
use crate::pb::auth::v1::admin_service_server::AdminServiceServer;
use crate::pb::auth::v1::auth_service_server::AuthServiceServer;
use crate::pb::auth::v1::trust_service_server::TrustServiceServer;

/// The largest message that is read, in bytes: before authentication every byte is a stranger's.
const MAX_MESSAGE_BYTES: usize = 64 * 1024;

/// A service's answer in the making.
pub(super) type Serving = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;
type Reflection = Arc<dyn Fn(Request<Body>) -> Serving + Send + Sync>;

/// The services; cheap to clone what a call needs.
pub struct Services {
    auth: AuthServiceServer<AuthRpc>,
    admin: AdminServiceServer<AdminRpc>,
    trust: TrustServiceServer<TrustRpc>,
    health: HealthServer<HealthService>,
    reflection: Option<(Reflection, Reflection)>,
}

/// The descriptor set cannot be reflected.
#[derive(Debug, thiserror::Error)]
#[error("the reflection service cannot be built")]
pub struct ServicesError(#[from] tonic_reflection::server::Error);

impl Services {
    /// Builds the services; reflection only if it is on.
    pub fn new(authority: Authority, health: &Health, reflection: bool) -> Result<Self, ServicesError> {
        Ok(Self {
            auth: AuthServiceServer::new(AuthRpc::new(authority.clone()))
                .max_decoding_message_size(MAX_MESSAGE_BYTES),
            admin: AdminServiceServer::new(AdminRpc::new(authority.clone()))
                .max_decoding_message_size(MAX_MESSAGE_BYTES),
            trust: TrustServiceServer::new(TrustRpc::new(authority))
                .max_decoding_message_size(MAX_MESSAGE_BYTES),
            health: HealthServer::new(health.service()).max_decoding_message_size(MAX_MESSAGE_BYTES),
            reflection: if reflection { Some(build_reflection()?) } else { None },
        })
    }

    /// Starts the answer of `service`; `None` if it is switched off.
    pub(super) fn call(&self, service: Service, request: Request<Body>) -> Option<Serving> {
        Some(match (service, &self.reflection) {
            (Service::Auth, _) => self.auth.clone().call(request),
            (Service::Admin, _) => self.admin.clone().call(request),
            (Service::Trust, _) => self.trust.clone().call(request),
            (Service::Health, _) => self.health.clone().call(request),
            (Service::ReflectionV1, Some((v1, _))) => v1(request),
            (Service::ReflectionV1Alpha, Some((_, v1alpha))) => v1alpha(request),
            (Service::ReflectionV1 | Service::ReflectionV1Alpha, None) => return None,
        })
    }
}

/// Both versions: what people have installed speaks one or the other.
fn build_reflection() -> Result<(Reflection, Reflection), ServicesError> {
    let builder = || {
        Builder::configure()
            .register_encoded_file_descriptor_set(DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            // With these, clients print the details of errors as text instead of bytes.
            .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)
    };
    let v1 = builder().build_v1()?.max_decoding_message_size(MAX_MESSAGE_BYTES);
    let v1alpha = builder().build_v1alpha()?.max_decoding_message_size(MAX_MESSAGE_BYTES);
    Ok((
        Arc::new(move |request| v1.clone().call(request)),
        Arc::new(move |request| v1alpha.clone().call(request)),
    ))
}
