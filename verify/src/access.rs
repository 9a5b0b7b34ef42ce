//! Who may call a method, read from a descriptor set in which each method carries the option `(auth.v1.access)`.
//! Owns the rules and their look-up by path; enforcing them is the caller's part.

use prost::Message as _;

/// What a caller must present in the `authorization` metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// `authorization` is never looked at, valid or not.
    Ignored,
    /// `authorization` is handed to the method unverified; the method decides whether it needs it.
    Optional,
    /// A token, or a user name and password.
    Required,
    /// A token in the Bearer scheme; Basic is refused.
    TokenOnly,
}

/// The access rule of one method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessRule {
    /// What the caller must present.
    pub credentials: Credentials,
    /// Roles of which the caller needs one; empty asks for none.
    pub roles: Vec<String>,
    /// A caller without such a role is let through as far as it acts on itself, which the method decides.
    pub acts_on_self: bool,
    /// The connection has to have come with a verified client certificate, whatever else is asked.
    pub client_certificate: bool,
}

/// A method and its rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MethodRule {
    /// The path of the call, `/package.Service/Method`.
    pub path: String,
    /// Who may call it.
    pub rule: AccessRule,
    /// Whether either side sends a stream.
    pub streaming: bool,
}

/// The rules of all methods of a server.
#[derive(Clone, Debug)]
pub struct AccessTable {
    /// Sorted by path.
    methods: Vec<MethodRule>,
}

/// Why there is no table, which must stop a server's start.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum AccessError {
    /// The bytes are not a `google.protobuf.FileDescriptorSet`.
    #[error("the descriptor set cannot be decoded")]
    Undecodable,
    /// These services are not in the set.
    #[error("not in the descriptor set: {}", .0.join(", "))]
    ServiceAbsent(Vec<String>),
    /// These methods are described twice, and nobody can say which rule is meant.
    #[error("described twice: {}", .0.join(", "))]
    MethodRepeated(Vec<String>),
    /// These methods do not say who may call them.
    #[error("no access option: {}", .0.join(", "))]
    RuleAbsent(Vec<String>),
    /// These methods name roles but demand no credentials: the roles would guard nothing.
    #[error("roles without required credentials: {}", .0.join(", "))]
    RoleUnguarded(Vec<String>),
}

impl AccessTable {
    /// Reads the rules of the named services, `package.Service` each, from an encoded `FileDescriptorSet`. An error
    /// names every service or method at fault, by path.
    pub fn parse(descriptor_set: &[u8], services: &[&str]) -> Result<Self, AccessError> {
        let set = descriptor::Set::decode(descriptor_set).map_err(|_| AccessError::Undecodable)?;
        let mut found = Vec::new();
        let mut methods = Vec::new();
        for (service, described) in set.services() {
            if !services.contains(&service.as_str()) {
                continue;
            }
            methods.extend(described.methods.iter().map(|method| (method.path(&service), method)));
            found.push(service);
        }
        refuse(
            services.iter().filter(|name| !found.iter().any(|service| service == *name)),
            AccessError::ServiceAbsent,
        )?;
        methods.sort_by(|(one, _), (other, _)| one.cmp(other));
        let twice = methods.windows(2).filter(|pair| pair[0].0 == pair[1].0);
        refuse(twice.map(|pair| &pair[0].0), AccessError::MethodRepeated)?;
        Self::of(methods)
    }

    fn of(methods: Vec<(String, &descriptor::Method)>) -> Result<Self, AccessError> {
        let mut absent = Vec::new();
        let mut rules = Vec::new();
        for (path, method) in methods {
            match method.rule() {
                Some(rule) => rules.push(MethodRule {
                    path,
                    rule,
                    streaming: method.client_streaming || method.server_streaming,
                }),
                None => absent.push(path),
            }
        }
        refuse(absent.iter(), AccessError::RuleAbsent)?;
        let unguarded = rules.iter().filter(|method| method.rule.is_unguarded());
        refuse(unguarded.map(|method| &method.path), AccessError::RoleUnguarded)?;
        Ok(Self { methods: rules })
    }

    /// The rule of the method with exactly this path. No other spelling of a path finds one, so that a path which a
    /// router would take for a method's is refused if it is not byte for byte its path (grpc-go CVE-2026-33186).
    #[must_use]
    pub fn rule(&self, path: &str) -> Option<&MethodRule> {
        let index = self.methods.binary_search_by(|method| method.path.as_str().cmp(path));
        index.ok().map(|index| &self.methods[index])
    }

    /// All methods, sorted by path.
    pub fn iter(&self) -> impl Iterator<Item = &MethodRule> {
        self.methods.iter()
    }
}

impl AccessRule {
    fn is_unguarded(&self) -> bool {
        !self.roles.is_empty() && matches!(self.credentials, Credentials::Ignored | Credentials::Optional)
    }
}

/// An error that lists the faults, if there are any.
fn refuse<T: ToString>(
    faults: impl Iterator<Item = T>,
    error: fn(Vec<String>) -> AccessError,
) -> Result<(), AccessError> {
    let faults: Vec<String> = faults.map(|fault| fault.to_string()).collect();
    if faults.is_empty() { Ok(()) } else { Err(error(faults)) }
}

/// The few fields of google/protobuf/descriptor.proto that are read here. The option is declared as a plain field of
/// `MethodOptions`: on the wire an extension is nothing else, and prost keeps no unknown fields.
mod descriptor {
    use super::{AccessRule, Credentials};

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Set {
        #[prost(message, repeated, tag = "1")]
        files: Vec<File>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    struct File {
        #[prost(string, tag = "2")]
        package: String,
        #[prost(message, repeated, tag = "6")]
        services: Vec<Service>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Service {
        #[prost(string, tag = "1")]
        name: String,
        #[prost(message, repeated, tag = "2")]
        pub(super) methods: Vec<Method>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Method {
        #[prost(string, tag = "1")]
        name: String,
        #[prost(message, optional, tag = "4")]
        options: Option<Options>,
        #[prost(bool, tag = "5")]
        pub(super) client_streaming: bool,
        #[prost(bool, tag = "6")]
        pub(super) server_streaming: bool,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    struct Options {
        #[prost(message, optional, tag = "50617")]
        access: Option<Access>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    struct Access {
        #[prost(int32, tag = "1")]
        credentials: i32,
        #[prost(string, repeated, tag = "2")]
        roles: Vec<String>,
        #[prost(bool, tag = "3")]
        acts_on_self: bool,
        #[prost(bool, tag = "4")]
        client_certificate: bool,
    }

    impl Set {
        /// Every service with its full name.
        pub(super) fn services(&self) -> impl Iterator<Item = (String, &Service)> {
            self.files.iter().flat_map(|file| {
                file.services.iter().map(|service| match file.package.as_str() {
                    "" => (service.name.clone(), service),
                    package => (format!("{package}.{}", service.name), service),
                })
            })
        }
    }

    impl Method {
        pub(super) fn path(&self, service: &str) -> String {
            format!("/{service}/{}", self.name)
        }

        /// No option, unspecified credentials, and credentials that a later version added are all no rule.
        pub(super) fn rule(&self) -> Option<AccessRule> {
            let access = self.options.as_ref()?.access.as_ref()?;
            let credentials = match access.credentials {
                1 => Credentials::Ignored,
                2 => Credentials::Optional,
                3 => Credentials::Required,
                4 => Credentials::TokenOnly,
                _ => return None,
            };
            Some(AccessRule {
                credentials,
                roles: access.roles.clone(),
                acts_on_self: access.acts_on_self,
                client_certificate: access.client_certificate,
            })
        }
    }
}
