//! Every method there is, by its exact path, with the rule of who may call it. What is not in here does not exist.

use std::collections::HashMap;
use std::sync::Arc;

use countersign_verify::{AccessError, AccessRule, AccessTable, Authorization, Credentials, Scheme};

use crate::auth::{Caller, Error};
use crate::pb::DESCRIPTOR_SET;

/// The services of ours; every method of theirs carries its rule in the descriptor set.
const OWN_SERVICES: [(&str, Service); 3] = [
    ("auth.v1.AdminService", Service::Admin),
    ("auth.v1.AuthService", Service::Auth),
    ("auth.v1.TrustService", Service::Trust),
];

/// The methods of other people's services, whose protos carry no rule of ours.
const LIBRARY_METHODS: [(&str, Service, bool); 4] = [
    ("/grpc.health.v1.Health/Check", Service::Health, false),
    ("/grpc.health.v1.Health/Watch", Service::Health, true),
    ("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", Service::ReflectionV1, true),
    ("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", Service::ReflectionV1Alpha, true),
];

/// Which service answers a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Service {
    Admin,
    Auth,
    Trust,
    Health,
    ReflectionV1,
    ReflectionV1Alpha,
}

/// A method and its rule.
#[derive(Debug)]
pub(super) struct Method {
    pub(super) path: String,
    pub(super) service: Service,
    pub(super) streaming: bool,
    pub(super) rule: AccessRule,
}

/// What of the API is there, and what is asked beside the access rules of its protos.
#[derive(Clone, Copy, Debug)]
pub struct MethodsConfig {
    /// Whether the reflection services are there.
    pub reflection: bool,
    /// Whether AdminService asks for a client certificate.
    pub admin_client_certificate: bool,
}

/// The table of methods.
pub struct Methods(HashMap<String, Arc<Method>>);

/// The descriptor set cannot be served: a method without a rule must not start.
#[derive(Debug, thiserror::Error)]
#[error("the access rules of the API are incomplete")]
pub struct MethodsError(#[from] AccessError);

impl Methods {
    /// The methods of this API: our services with the rules of their descriptor set, health and, if it is on, reflection.
    pub fn of_api(config: MethodsConfig) -> Result<Self, MethodsError> {
        Self::read(DESCRIPTOR_SET, config)
    }

    fn read(descriptor_set: &[u8], config: MethodsConfig) -> Result<Self, MethodsError> {
        let table = AccessTable::parse(descriptor_set, &OWN_SERVICES.map(|(name, _)| name))?;
        let service_of = |path: &str| {
            let name = path.trim_start_matches('/').split('/').next();
            OWN_SERVICES.iter().find(|(known, _)| Some(*known) == name).map(|(_, service)| *service)
        };
        let own = table.iter().filter_map(|method| {
            let service = service_of(&method.path)?;
            let (streaming, mut rule) = (method.streaming, method.rule.clone());
            rule.client_certificate |= config.admin_client_certificate && service == Service::Admin;
            Some(Method { path: method.path.clone(), service, streaming, rule })
        });
        let library = LIBRARY_METHODS
            .into_iter()
            .filter(|(_, service, _)| config.reflection || *service == Service::Health)
            .map(|(path, service, streaming)| Method {
                path: path.to_owned(),
                service,
                streaming,
                rule: open(),
            });
        Ok(Self(own.chain(library).map(|method| (method.path.clone(), Arc::new(method))).collect()))
    }

    /// The method of exactly this path: no other spelling of a path reaches a handler (CVE-2026-33186 of grpc-go).
    pub(super) fn find(&self, path_and_query: &str) -> Option<&Arc<Method>> {
        self.0.get(path_and_query)
    }
}

impl Method {
    /// Whether anybody may keep a stream open. Who needs credentials for it is counted where they are known.
    pub(super) fn is_open_stream(&self) -> bool {
        self.streaming && self.rule.credentials == Credentials::Ignored
    }

    /// Whether credentials of this kind are taken at all, before anything about them is checked.
    pub(super) fn takes(&self, authorization: &Authorization<'_>) -> Result<(), Error> {
        let bearer = matches!(authorization, Authorization::Token(Scheme::Bearer, _));
        match authorization {
            Authorization::Missing => Err(Error::CredentialsMissing),
            Authorization::Unreadable => Err(Error::CredentialsInvalid),
            _ if self.rule.credentials == Credentials::TokenOnly && !bearer => Err(Error::BearerNeeded),
            Authorization::Token(..) | Authorization::Password { .. } => Ok(()),
        }
    }

    /// Whether the caller has a role that the rule asks for, or the use case is to decide.
    pub(super) fn authorize(&self, caller: &Caller) -> Result<(), Error> {
        let AccessRule { roles, acts_on_self, .. } = &self.rule;
        if roles.is_empty() || *acts_on_self || caller.has_any_role(roles) {
            Ok(())
        } else {
            Err(Error::RoleRequired)
        }
    }
}

fn open() -> AccessRule {
    let credentials = Credentials::Ignored;
    AccessRule { credentials, roles: Vec::new(), acts_on_self: false, client_certificate: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn method(credentials: Credentials, roles: &[&str], acts_on_self: bool) -> Method {
        let roles = roles.iter().map(|&role| role.to_owned()).collect();
        let rule = AccessRule { credentials, roles, acts_on_self, client_certificate: false };
        Method { path: "/x/Y".to_owned(), service: Service::Auth, streaming: false, rule }
    }

    fn taken(credentials: Credentials, authorization: Option<&'static str>) -> Result<(), String> {
        let authorization = Authorization::read(authorization.map(str::as_bytes));
        method(credentials, &[], false).takes(&authorization).map_err(|error| error.to_string())
    }

    #[test]
    fn a_method_for_tokens_alone_takes_no_basic() {
        let invalid = Err(Error::CredentialsInvalid.to_string());
        let needs_bearer = Err(Error::BearerNeeded.to_string());
        let (bearer, password, token) = ("Bearer v4.public.x", "Basic YTpi", "Basic djQucHVibGljLng6");
        for authorization in [bearer, password, token] {
            assert_eq!(taken(Credentials::Required, Some(authorization)), Ok(()), "{authorization}");
        }
        assert_eq!(taken(Credentials::TokenOnly, Some(bearer)), Ok(()));
        assert_eq!(taken(Credentials::TokenOnly, Some(password)), needs_bearer);
        assert_eq!(taken(Credentials::TokenOnly, Some(token)), needs_bearer);
        assert_eq!(taken(Credentials::Required, Some("nonsense")), invalid);
        assert_eq!(taken(Credentials::Required, None), Err(Error::CredentialsMissing.to_string()));
    }

    #[test]
    fn a_role_is_asked_for_unless_the_use_case_decides() {
        let caller = |roles: &[&str]| Caller::with_roles(roles);
        let admins = method(Credentials::Required, &["admin", "service"], false);
        assert!(admins.authorize(&caller(&["x", "service"])).is_ok());
        assert!(matches!(admins.authorize(&caller(&["x"])), Err(Error::RoleRequired)));
        assert!(matches!(admins.authorize(&caller(&[])), Err(Error::RoleRequired)));
        assert!(method(Credentials::Required, &["admin"], true).authorize(&caller(&[])).is_ok());
        assert!(method(Credentials::Required, &[], false).authorize(&caller(&[])).is_ok());
    }

    #[test]
    fn every_method_of_the_api_has_a_rule_and_a_missing_one_stops_the_start() {
        let with_reflection = MethodsConfig { reflection: true, admin_client_certificate: false };
        let methods = Methods::of_api(with_reflection).unwrap();
        assert_eq!(methods.0.len(), 12 + 9 + 3 + LIBRARY_METHODS.len());
        let without = MethodsConfig { reflection: false, ..with_reflection };
        assert_eq!(Methods::of_api(without).unwrap().0.len(), 12 + 9 + 3 + 2);
        // The option's number, 50617, as a field key of two wire types: made into another number, the rule is gone.
        let key = [0xca, 0xdb, 0x18];
        let at = DESCRIPTOR_SET.windows(3).rposition(|window| window == key).unwrap();
        let mut broken = DESCRIPTOR_SET.to_vec();
        broken[at] = 0xd2;
        assert!(matches!(
            Methods::read(&broken, with_reflection),
            Err(MethodsError(AccessError::RuleAbsent(_)))
        ));
        assert!(Methods::read(&[], with_reflection).is_err());
    }
    #[test]
    fn a_client_certificate_is_asked_for_by_the_methods_of_admins_alone_and_only_if_that_is_wanted() {
        for wanted in [true, false] {
            let config = MethodsConfig { reflection: true, admin_client_certificate: wanted };
            for method in Methods::of_api(config).unwrap().0.values() {
                let asks = wanted && method.service == Service::Admin;
                assert_eq!(method.rule.client_certificate, asks, "{}", method.path);
            }
        }
    }
}
