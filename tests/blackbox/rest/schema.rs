//! What the protos say, read here once more and not as the server reads it.

use countersign::pb::DESCRIPTOR_SET;
use http::Method;
use prost_reflect::{DescriptorPool, DynamicMessage, ExtensionDescriptor, MethodDescriptor};
use serde_json::Value;

pub struct Schema {
    pool: DescriptorPool,
    rule: ExtensionDescriptor,
}

impl Schema {
    pub fn read() -> Self {
        let pool = DescriptorPool::decode(DESCRIPTOR_SET).unwrap();
        let rule = pool.get_extension_by_name("google.api.http").unwrap();
        Self { pool, rule }
    }

    /// Every method that has an HTTP rule.
    pub fn methods(&self) -> Vec<MethodDescriptor> {
        let all = self.pool.services().flat_map(|service| service.methods().collect::<Vec<_>>());
        all.filter(|method| method.options().has_extension(&self.rule)).collect()
    }

    /// The verb and the path of a method.
    pub fn rule(&self, method: &MethodDescriptor) -> (Method, String) {
        let options = method.options();
        let rule = options.get_extension(&self.rule);
        let text = |name: &str| {
            rule.as_message().unwrap().get_field_by_name(name).unwrap().as_str().unwrap().to_owned()
        };
        let verbs = [("get", Method::GET), ("post", Method::POST), ("delete", Method::DELETE)];
        let found =
            verbs.into_iter().map(|(name, verb)| (verb, text(name))).find(|(_, path)| !path.is_empty());
        found.unwrap()
    }
}

pub fn json_of(message: &DynamicMessage) -> Value {
    serde_json::to_value(message).unwrap()
}
