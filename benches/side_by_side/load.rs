//! The load: connections times streams that call as fast as they are answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use countersign::pb::auth::v1::auth_service_client::AuthServiceClient;
use countersign::pb::auth::v1::{GetUserRequest, GreetRequest};
use tokio::task::JoinSet;
use tonic::Request;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::Channel;

use crate::server::Measured;

/// One connection has one lock; fewer would measure that.
const CONNECTIONS: usize = 8;
const STREAMS: usize = 32;

/// What is called, with which tokens in turn.
#[derive(Clone)]
pub struct Load {
    target: Target,
    headers: Arc<Vec<MetadataValue<Ascii>>>,
    next: Arc<AtomicUsize>,
}

#[derive(Clone)]
enum Target {
    Greet,
    /// The users that are asked for in turn.
    GetUser(Arc<Vec<String>>),
}

pub struct Outcome {
    pub cpu_micros_a_call: f64,
    pub calls_a_second: f64,
}

impl Load {
    pub fn greet(tokens: Vec<String>) -> Self {
        let headers = tokens.iter().map(|token| format!("Bearer {token}").parse().unwrap()).collect();
        Self { target: Target::Greet, headers: Arc::new(headers), next: Arc::default() }
    }

    pub fn get_user(token: &str, ids: Vec<String>) -> Self {
        Self { target: Target::GetUser(Arc::new(ids)), ..Self::greet(vec![token.to_owned()]) }
    }

    /// Loads `server` for about `span`.
    pub async fn drive(&self, server: &Measured, span: Duration) -> Outcome {
        let mut channels = Vec::new();
        for _ in 0..CONNECTIONS {
            channels.push(server.connect().await);
        }
        let (cpu, began) = (server.cpu_micros(), Instant::now());
        let mut workers = JoinSet::new();
        for worker in 0..CONNECTIONS * STREAMS {
            let (load, channel) = (self.clone(), channels[worker % CONNECTIONS].clone());
            workers.spawn(async move { load.call_until(channel, began + span).await });
        }
        let calls: usize = workers.join_all().await.into_iter().sum();
        let (cpu, took) = (server.cpu_micros() - cpu, began.elapsed());
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52 calls")]
        let calls = calls as f64;
        Outcome { cpu_micros_a_call: cpu / calls, calls_a_second: calls / took.as_secs_f64() }
    }

    async fn call_until(&self, channel: Channel, end: Instant) -> usize {
        let mut client = AuthServiceClient::new(channel);
        let mut calls = 0;
        while Instant::now() < end {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let header = &self.headers[number % self.headers.len()];
            match &self.target {
                Target::Greet => {
                    client.greet(with(header, GreetRequest {})).await.unwrap();
                }
                Target::GetUser(ids) => {
                    let user_id = ids[number % ids.len()].clone();
                    client.get_user(with(header, GetUserRequest { user_id })).await.unwrap();
                }
            }
            calls += 1;
        }
        calls
    }
}

fn with<T>(header: &MetadataValue<Ascii>, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", header.clone());
    request
}
