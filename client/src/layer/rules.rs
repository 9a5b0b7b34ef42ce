//! Which request needs what, and what may be presented for it. Owns the look-up of a request's rule and the order of the
//! questions; whether a token is good is the verifier's.

use countersign_verify::{AccessRule, AccessTable, Authorization, Credentials, Scheme, TokenText};
use http::HeaderMap;
use http::header::AUTHORIZATION;

use crate::{Caller, Refusal};

/// The methods of other people's services, whose protos carry no rule: health and reflection, by their exact paths.
const LIBRARY_METHODS: [&str; 4] = [
    "/grpc.health.v1.Health/Check",
    "/grpc.health.v1.Health/Watch",
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
];

/// What is asked of requests.
#[derive(Clone)]
pub(super) struct Rules {
    source: Source,
    /// Roles of which every caller needs one, whatever its method's rule asks beside them; empty asks for none.
    roles: Vec<String>,
}

/// Why a layer cannot keep the rules of its methods.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum RulesError {
    /// These methods ask for a client certificate, by `client_certificate` in their option. The layer sees requests and not
    /// their connections, and would let in who has none.
    #[error(
        "these methods ask for a TLS client certificate, which the layer cannot see: {}; ask for it where the service's TLS \
         is set up, and take client_certificate out of their access option",
        .0.join(", ")
    )]
    ClientCertificate(Vec<String>),
}

#[derive(Clone)]
enum Source {
    /// One rule for all requests.
    Every(AccessRule),
    /// A rule for each method, and for the library's methods if they are open.
    Table { methods: AccessTable, library: Option<AccessRule> },
}

impl Rules {
    /// Every request needs a token.
    pub(super) fn for_every_request() -> Self {
        Self { source: Source::Every(rule(Credentials::Required)), roles: Vec::new() }
    }

    /// What the table says of each method; health and reflection are open. A rule that asks for a client certificate could
    /// not be kept: requests do not say with which one their connection was made.
    pub(super) fn of_methods(methods: AccessTable) -> Result<Self, RulesError> {
        let asking = methods.iter().filter(|method| method.rule.client_certificate);
        let asking: Vec<_> = asking.map(|method| method.path.clone()).collect();
        if !asking.is_empty() {
            return Err(RulesError::ClientCertificate(asking));
        }
        let library = Some(rule(Credentials::Ignored));
        Ok(Self { source: Source::Table { methods, library }, roles: Vec::new() })
    }

    /// A further role with which a caller is let in.
    pub(super) fn add_role(&mut self, role: String) {
        self.roles.push(role);
    }

    /// Makes the library's methods unknown ones.
    pub(super) fn close_library_methods(&mut self) {
        if let Source::Table { library, .. } = &mut self.source {
            *library = None;
        }
    }

    /// The rule of a request. A path with a query is no method's.
    pub(super) fn find(&self, path_and_query: &str) -> Result<&AccessRule, Refusal> {
        match &self.source {
            Source::Every(rule) => Ok(rule),
            Source::Table { methods, library } => match methods.rule(path_and_query) {
                Some(method) => Ok(&method.rule),
                None if LIBRARY_METHODS.contains(&path_and_query) => {
                    library.as_ref().ok_or(Refusal::MethodUnknown)
                }
                None => Err(Refusal::MethodUnknown),
            },
        }
    }

    /// Whether a caller has the roles that are asked for. Where the rule says that callers may act on themselves, its
    /// roles are the method's to ask for.
    pub(super) fn authorize(&self, rule: &AccessRule, caller: &Caller) -> Result<(), Refusal> {
        let has_one = |roles: &[String]| roles.is_empty() || caller.has_any_role(roles);
        let by_rule = rule.acts_on_self || has_one(&rule.roles);
        if by_rule && has_one(&self.roles) { Ok(()) } else { Err(Refusal::RoleRequired) }
    }
}

/// The token that has to be good before the request is let in; `None` where it may come without one and did.
pub(super) fn presented<'a>(
    rule: &AccessRule,
    headers: &'a HeaderMap,
) -> Result<Option<TokenText<'a>>, Refusal> {
    if rule.credentials == Credentials::Ignored {
        return Ok(None);
    }
    let values = headers.get_all(AUTHORIZATION).iter().map(http::HeaderValue::as_bytes);
    match Authorization::read(values) {
        Authorization::Missing if rule.credentials == Credentials::Optional => Ok(None),
        Authorization::Missing => Err(Refusal::CredentialsMissing),
        Authorization::Token(Scheme::Basic, _) if rule.credentials == Credentials::TokenOnly => {
            Err(Refusal::CredentialsInvalid)
        }
        Authorization::Token(_, token) => Ok(Some(token)),
        Authorization::Unreadable | Authorization::Password { .. } => Err(Refusal::CredentialsInvalid),
    }
}

fn rule(credentials: Credentials) -> AccessRule {
    AccessRule { credentials, roles: Vec::new(), acts_on_self: false, client_certificate: false }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    /// What is done about these values of `authorization`: the token to verify, nothing to verify, or the refusal.
    fn asked(credentials: Credentials, authorization: &[&'static str]) -> Result<Option<String>, Refusal> {
        let values = authorization.iter().map(|value| (AUTHORIZATION, HeaderValue::from_static(value)));
        let headers = HeaderMap::from_iter(values);
        presented(&rule(credentials), &headers).map(|token| token.map(|token| token.to_owned()))
    }

    const BEARER: &str = "Bearer v4.public.x";
    /// The user name is `v4.public.x`, the password `y`.
    const TOKEN_IN_BASIC: &str = "Basic djQucHVibGljLng6eQ==";
    /// The user name is `a`, the password `b`.
    const PASSWORD: &str = "Basic YTpi";

    #[test]
    fn a_method_that_ignores_credentials_looks_at_none() {
        for authorization in [&[][..], &[BEARER], &[PASSWORD], &["nonsense"], &[BEARER, BEARER]] {
            assert_eq!(asked(Credentials::Ignored, authorization), Ok(None));
        }
    }

    #[test]
    fn a_method_that_requires_credentials_takes_a_token_in_either_scheme_and_no_password() {
        let token = Ok(Some("v4.public.x".to_owned()));
        let asked = |authorization: &[&'static str]| asked(Credentials::Required, authorization);
        assert_eq!(asked(&[]), Err(Refusal::CredentialsMissing));
        assert_eq!(asked(&[BEARER]), token);
        assert_eq!(asked(&[TOKEN_IN_BASIC]), token);
        assert_eq!(asked(&[PASSWORD]), Err(Refusal::CredentialsInvalid));
        assert_eq!(asked(&["nonsense"]), Err(Refusal::CredentialsInvalid));
        assert_eq!(asked(&[BEARER, BEARER]), Err(Refusal::CredentialsInvalid));
    }

    #[test]
    fn a_method_for_tokens_alone_takes_no_basic() {
        let asked = |authorization: &[&'static str]| asked(Credentials::TokenOnly, authorization);
        assert_eq!(asked(&[]), Err(Refusal::CredentialsMissing));
        assert_eq!(asked(&[BEARER]), Ok(Some("v4.public.x".to_owned())));
        assert_eq!(asked(&[TOKEN_IN_BASIC]), Err(Refusal::CredentialsInvalid));
        assert_eq!(asked(&[PASSWORD]), Err(Refusal::CredentialsInvalid));
    }

    #[test]
    fn optional_credentials_may_be_absent_but_not_bad() {
        let asked = |authorization: &[&'static str]| asked(Credentials::Optional, authorization);
        assert_eq!(asked(&[]), Ok(None));
        assert_eq!(asked(&[BEARER]), Ok(Some("v4.public.x".to_owned())));
        assert_eq!(asked(&[TOKEN_IN_BASIC]), Ok(Some("v4.public.x".to_owned())));
        assert_eq!(asked(&[PASSWORD]), Err(Refusal::CredentialsInvalid));
        assert_eq!(asked(&["nonsense"]), Err(Refusal::CredentialsInvalid));
    }
}
