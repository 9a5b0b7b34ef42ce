//! `@connectrpc/connect-web`, as a page has it, in Node.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use countersign::pb::DESCRIPTOR_SET;
use serde_json::Value;
use tempfile::TempDir;

use super::{Foreign, decode_reason, service};
use crate::harness::run;

pub struct ConnectWeb {
    pub node: PathBuf,
    pub address: SocketAddr,
}

impl Foreign for ConnectWeb {
    fn call(&self, method: &str, authorization: Option<&str>, body: &Value) -> Result<Value, String> {
        let folder = TempDir::new().unwrap();
        let descriptors = folder.path().join("descriptors.binpb");
        fs::write(&descriptors, DESCRIPTOR_SET).unwrap();
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/connect_web.mjs");
        let mut command = Command::new(&self.node);
        command.arg(program).arg(self.address.to_string()).arg(descriptors);
        command.arg(service(method)).arg(method).args(authorization);
        let output = run(&mut command, &body.to_string());
        let said: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
        if output.status.success() { Ok(said) } else { Err(decode_reason(&said["info"])) }
    }
}
