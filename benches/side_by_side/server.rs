//! The processes that are measured, each in one of its own.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Command, Stdio};

use countersign::pb::auth::v1::auth_service_client::AuthServiceClient;
use countersign::pb::auth::v1::{CreateUserRequest, IssueTokenRequest};
use tempfile::TempDir;
use tokio::task::JoinSet;
use tonic::Request;
use tonic::transport::{Channel, Endpoint};

const PASSWORD: &str = "correct horse battery";

/// A server process; it is killed when this is dropped.
pub struct Measured {
    pub address: String,
    child: Child,
    _output: BufReader<ChildStdout>,
}

/// The service, with one user for most of what is measured.
pub struct Countersign {
    pub process: Measured,
    folder: TempDir,
}

impl Measured {
    fn spawn(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let word = line.split_whitespace().find(|word| word.contains("127.0.0.1:")).unwrap();
        Self { address: format!("http://{}", word.trim_end_matches(['.', ';'])), child, _output: output }
    }

    /// User and system time that the process has taken, in microseconds. Ticks are a hundredth of a second, the unit of
    /// `/proc` on every Linux.
    pub fn cpu_micros(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
        let ticks = |index: usize| fields[index].parse::<f64>().unwrap();
        (ticks(11) + ticks(12)) * 10_000.0
    }

    pub async fn connect(&self) -> Channel {
        Endpoint::from_shared(self.address.clone()).unwrap().tcp_nodelay(true).connect().await.unwrap()
    }
}

impl Drop for Measured {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

pub async fn start_baseline(key: Option<&str>) -> Measured {
    Measured::spawn(Command::new(std::env::current_exe().unwrap()).arg("baseline").args(key))
}

impl Countersign {
    pub async fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
        command.current_dir(folder.path()).args(["--listen", "127.0.0.1:0", "--max-token-lifetime", "1d"]);
        let process = Measured::spawn(command.args(["--token-lifetime", "1d"]));
        let message = CreateUserRequest { username: "alice".to_owned(), password: PASSWORD.to_owned() };
        AuthServiceClient::new(process.connect().await).create_user(message).await.unwrap();
        Self { process, folder }
    }

    pub async fn token(&self) -> String {
        self.token_for(Self::sign_in()).await
    }

    /// The token of one who may see other users.
    pub async fn service_token(&self) -> String {
        let mut child = Command::new(env!("CARGO_BIN_EXE_countersign"))
            .current_dir(self.folder.path())
            .args(["user", "create", "--username", "service", "--role", "service"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(PASSWORD.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success());
        self.token_for(IssueTokenRequest { username: "service".into(), ..Self::sign_in() }).await
    }

    async fn token_for(&self, sign_in: IssueTokenRequest) -> String {
        let mut client = AuthServiceClient::new(self.process.connect().await);
        client.issue_token(sign_in).await.unwrap().into_inner().token
    }

    /// The ids of that many new users.
    pub async fn users(&self, count: usize) -> Vec<String> {
        let mut workers = JoinSet::new();
        for worker in 0..4 {
            let mut client = AuthServiceClient::new(self.process.connect().await);
            workers.spawn(async move {
                let mut ids = Vec::new();
                for number in 0..count / 4 {
                    let username = format!("user-{worker}-{number}");
                    let message = CreateUserRequest { username, password: PASSWORD.to_owned() };
                    let made = client.create_user(message).await.unwrap().into_inner();
                    ids.push(made.user.unwrap().user_id);
                }
                ids
            });
        }
        workers.join_all().await.into_iter().flatten().collect()
    }

    /// The call that opens a session of its user.
    pub fn sign_in() -> IssueTokenRequest {
        IssueTokenRequest { username: "alice".into(), password: PASSWORD.into(), ..Default::default() }
    }

    /// Many tokens of one session.
    pub async fn tokens(&self, token: &str, count: usize) -> Vec<String> {
        let mut workers = JoinSet::new();
        for _ in 0..32 {
            let mut client = AuthServiceClient::new(self.process.connect().await);
            let header = format!("Bearer {token}");
            workers.spawn(async move {
                let mut tokens = Vec::new();
                for _ in 0..count / 32 {
                    let mut request = Request::new(IssueTokenRequest::default());
                    request.metadata_mut().insert("authorization", header.parse().unwrap());
                    tokens.push(client.issue_token(request).await.unwrap().into_inner().token);
                }
                tokens
            });
        }
        workers.join_all().await.into_iter().flatten().collect()
    }

    /// The key that signs its tokens.
    pub fn public_key(&self) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
        let output =
            command.current_dir(self.folder.path()).args(["key", "list", "--json"]).output().unwrap();
        let keys: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        keys["keys"][0]["key"].as_str().unwrap().to_owned()
    }
}
