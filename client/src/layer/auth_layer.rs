//! What a service configures: whom to believe, and what to ask of requests.

use std::sync::Arc;

use countersign_verify::AccessTable;
use tower_layer::Layer;

use super::AuthService;
use super::rules::{Rules, RulesError};
use crate::Verifier;

/// Lets requests in whose callers a [`Verifier`] accepts, and puts the [`Caller`](crate::Caller) into their extensions;
/// answers all others by itself, in gRPC or in JSON, as Countersign does. For tonic's `Server` and `Routes`, for
/// `axum::Router`, and for any other `tower` stack over HTTP; a cheap clone.
///
/// Tokens come in `authorization`: as Bearer, or as the user name of Basic. A password cannot be checked offline and is
/// refused with CREDENTIALS_INVALID: its owner signs in at Countersign and brings the token.
#[derive(Clone)]
pub struct AuthLayer {
    pub(super) verifier: Verifier,
    pub(super) rules: Arc<Rules>,
}

impl AuthLayer {
    /// Every request needs a good token, whatever its path. Health checks are requests too: their service belongs outside
    /// of this layer.
    #[must_use]
    pub fn new(verifier: Verifier) -> Self {
        Self { verifier, rules: Arc::new(Rules::for_every_request()) }
    }

    /// Every method needs what its option `(auth.v1.access)` says:
    ///
    /// - CREDENTIALS_IGNORED: nothing; `authorization` is not looked at.
    /// - CREDENTIALS_OPTIONAL: nothing, or a good token. (Unlike Countersign's own methods, yours are never handed anything
    ///   unverified.)
    /// - CREDENTIALS_REQUIRED: a good token.
    /// - CREDENTIALS_TOKEN_ONLY: a good token as Bearer.
    /// - `roles`: the caller has one of them, unless `self` is set. Then the method has to decide: it lets in whoever acts
    ///   on itself, and asks [`Caller::has_any_role`](crate::Caller::has_any_role) about everybody else.
    ///
    /// A path that is not byte for byte a method's of the table is refused with METHOD_UNKNOWN, with a query too. The
    /// methods of `grpc.health.v1.Health` and of server reflection are open.
    ///
    /// # Errors
    ///
    /// A method asks for a client certificate (`client_certificate`): the layer sees none, and a rule that is not kept must
    /// not look as if it were.
    pub fn with_rules(verifier: Verifier, methods: AccessTable) -> Result<Self, RulesError> {
        Ok(Self { verifier, rules: Arc::new(Rules::of_methods(methods)?) })
    }

    /// Callers need this role, in addition to what the rule of a method asks. Named several times, it is one of the roles
    /// that they need. Where a request is let in without a caller, nobody is asked.
    #[must_use]
    pub fn require_role(mut self, role: impl Into<String>) -> Self {
        Arc::make_mut(&mut self.rules).add_role(role.into());
        self
    }

    /// With a table, health and reflection are no longer open: as methods without a rule they are refused.
    #[must_use]
    pub fn refuse_health_and_reflection(mut self) -> Self {
        Arc::make_mut(&mut self.rules).close_library_methods();
        self
    }
}

impl<S> Layer<S> for AuthLayer {
    type Service = AuthService<S>;

    fn layer(&self, inner: S) -> AuthService<S> {
        AuthService::new(inner, self.clone())
    }
}
