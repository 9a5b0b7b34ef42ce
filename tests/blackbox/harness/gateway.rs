//! The real Envoy with the files in `deploy/`, on ports of its own.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use countersign_test_servers::free_port;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::tool;

/// How long it may take to listen.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running gateway; it ends when this is dropped.
pub struct Gateway {
    pub address: SocketAddr,
    child: Child,
    _folder: TempDir,
}

impl Gateway {
    /// Starts it before the server at `behind`; `None` if it is not installed, which has been said then.
    pub async fn start(behind: SocketAddr) -> Option<Self> {
        let buf = tool("buf")?;
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let folder = TempDir::new().unwrap();
        let descriptors = folder.path().join("countersign.binpb");
        let built = Command::new(buf).current_dir(root).arg("build").arg("-o").arg(&descriptors).status();
        assert!(built.unwrap().success());
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let config = fs::read_to_string(root.join("deploy/envoy.yaml")).unwrap();
        let config = config
            .replace("port_value: 8080", &format!("port_value: {}", address.port()))
            .replace("port_value: 50051", &format!("port_value: {}", behind.port()))
            .replace("deploy/countersign.binpb", descriptors.to_str().unwrap());
        Self::run(&config, address, folder).await
    }

    /// Starts the one of `deploy/envoy-cluster.yaml` before two replicas.
    pub async fn start_before(replicas: [SocketAddr; 2]) -> Option<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let mut config = fs::read_to_string(root.join("deploy/envoy-cluster.yaml")).unwrap();
        config = config
            .replace("0.0.0.0, port_value: 8080", &format!("127.0.0.1, port_value: {}", address.port()));
        for (name, replica) in ["replica-1", "replica-2"].into_iter().zip(replicas) {
            let there = format!("address: {}, port_value: {}", replica.ip(), replica.port());
            config = config.replace(&format!("address: {name}, port_value: 50051"), &there);
        }
        Self::run(&config, address, TempDir::new().unwrap()).await
    }

    async fn run(config: &str, address: SocketAddr, folder: TempDir) -> Option<Self> {
        let envoy = tool("envoy")?;
        let path = folder.path().join("envoy.yaml");
        fs::write(&path, config).unwrap();
        let child = Command::new(envoy)
            .arg("-c")
            .arg(path)
            .args(["--use-dynamic-base-id", "--concurrency", "1", "--log-level", "error"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let gateway = Self { address, child, _folder: folder };
        let listening = async { while TcpStream::connect(address).await.is_err() {} };
        timeout(PATIENCE, listening).await.expect("the gateway listens");
        Some(gateway)
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _gone_already = self.child.kill();
        let _reaped_already = self.child.wait();
    }
}
