//! grpcurl and `buf curl`.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use super::{Foreign, decode_reason, outcome, path};

pub struct Grpcurl {
    pub program: PathBuf,
    pub address: String,
    /// Where the protos are read from; by reflection if it is not set.
    pub protos: Option<PathBuf>,
}

pub struct BufCurl {
    pub program: PathBuf,
    pub address: String,
    pub folder: PathBuf,
    /// What it speaks: over gRPC-Web there is no reflection, which is a stream both ways.
    pub protocol: &'static str,
    /// See [`Grpcurl`].
    pub protos: Option<PathBuf>,
}

impl Foreign for Grpcurl {
    fn call(&self, method: &str, authorization: Option<&str>, body: &Value) -> Result<Value, String> {
        let mut command = Command::new(&self.program);
        command.args(["-plaintext", "-format-error", "-d", "@"]);
        if let Some(value) = authorization {
            command.args(["-H", &format!("authorization: {value}")]);
        }
        if let Some(protos) = &self.protos {
            command.arg("-import-path").arg(protos).args(["-proto", "auth/v1/auth_service.proto"]);
            command.args(["-use-reflection=false"]);
        }
        command.arg(&self.address).arg(path(method));
        outcome(&mut command, body).map_err(|said| {
            let error: Value = serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"));
            let details = error["details"].as_array().unwrap();
            let info =
                details.iter().find(|detail| detail["@type"] == "type.googleapis.com/google.rpc.ErrorInfo");
            let info = info.unwrap();
            // Readable where reflection has told what an ErrorInfo is, bytes otherwise.
            info["reason"].as_str().map_or_else(|| decode_reason(&info["@value"]), str::to_owned)
        })
    }
}

impl Foreign for BufCurl {
    fn call(&self, method: &str, authorization: Option<&str>, body: &Value) -> Result<Value, String> {
        let mut command = Command::new(&self.program);
        command.current_dir(&self.folder).args(["curl", "--protocol", self.protocol, "-d", "@-"]);
        if self.protocol == "grpc" {
            command.arg("--http2-prior-knowledge");
        }
        match &self.protos {
            Some(protos) => command.arg("--schema").arg(protos),
            None => command.args(["--reflect-protocol", "grpc-v1"]),
        };
        if let Some(value) = authorization {
            command.args(["-H", &format!("authorization: {value}")]);
        }
        command.arg(format!("http://{}/{}", self.address, path(method)));
        outcome(&mut command, body).map_err(|said| {
            let error: Value = serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"));
            let details = error["details"].as_array().unwrap();
            let info = details.iter().find(|detail| detail["type"] == "google.rpc.ErrorInfo").unwrap();
            decode_reason(&info["value"])
        })
    }
}
