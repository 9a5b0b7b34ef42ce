//! Every method there is, by its exact path, with the rule of who may call it. What is not in here does not exist.

use std::collections::HashMap;
use std::sync::Arc;

use countersign_verify::{AccessError, AccessRule, AccessTable, Credentials};

use crate::auth::{Caller, Error};
use crate::pb::DESCRIPTOR_SET;

/// The services of ours; every method of theirs carries its rule in the descriptor set.
const OWN_SERVICES: [&str; 1] = ["auth.v1.AuthService"];

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
    Auth,
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

/// The table of methods.
pub struct Methods(HashMap<String, Arc<Method>>);

/// The descriptor set cannot be served: a method without a rule must not start.
#[derive(Debug, thiserror::Error)]
#[error("the access rules of the API are incomplete")]
pub struct MethodsError(#[from] AccessError);

impl Methods {
    /// The methods of this API: our services with the rules of their descriptor set, health and, if it is on, reflection.
    pub fn of_api(reflection: bool) -> Result<Self, MethodsError> {
        Self::read(DESCRIPTOR_SET, reflection)
    }

    fn read(descriptor_set: &[u8], reflection: bool) -> Result<Self, MethodsError> {
        let table = AccessTable::parse(descriptor_set, &OWN_SERVICES)?;
        let own = table.iter().map(|method| Method {
            path: method.path.clone(),
            service: Service::Auth,
            streaming: method.streaming,
            rule: method.rule.clone(),
        });
        let library = LIBRARY_METHODS
            .into_iter()
            .filter(|(_, service, _)| reflection || *service == Service::Health)
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
    AccessRule { credentials: Credentials::Ignored, roles: Vec::new(), acts_on_self: false }
}
