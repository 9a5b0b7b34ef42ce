//! Health and reflection, which need no credentials.

use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

use crate::harness::{Refused, TestServer, refused};

fn service(name: &str) -> HealthCheckRequest {
    HealthCheckRequest { service: name.to_owned() }
}

#[tokio::test]
async fn a_server_becomes_ready_and_is_alive() {
    let server = TestServer::start().await;
    let mut health = HealthClient::new(server.channel().await);
    for name in ["", "auth.v1.AuthService"] {
        let mut watch = health.watch(service(name)).await.unwrap().into_inner();
        while watch.message().await.unwrap().unwrap().status() != ServingStatus::Serving {}
        assert_eq!(health.check(service(name)).await.unwrap().into_inner().status(), ServingStatus::Serving);
    }
    assert_eq!(
        health.check(service("liveness")).await.unwrap().into_inner().status(),
        ServingStatus::Serving
    );
    let unknown = Refused::new(Code::NotFound, "SERVICE_UNKNOWN");
    assert_eq!(refused(&health.check(service("nothing")).await.unwrap_err()), unknown);
    assert_eq!(refused(&health.watch(service("nothing")).await.unwrap_err()), unknown);
}

#[tokio::test]
async fn a_stop_ends_the_streams_that_wait_for_news() {
    let server = TestServer::start().await;
    let mut health = HealthClient::new(server.channel().await);
    let mut watch = health.watch(service("liveness")).await.unwrap().into_inner();
    assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::Serving);
    server.begin_stop();
    let end = watch.message().await.unwrap_err();
    assert_eq!(end.code(), Code::Unavailable);
    server.stop().await;
}

async fn reflect(server: &TestServer, message: MessageRequest) -> Result<MessageResponse, tonic::Status> {
    let mut reflection = ServerReflectionClient::new(server.channel().await);
    let request = ServerReflectionRequest { host: String::new(), message_request: Some(message) };
    let mut answers = reflection.server_reflection_info(tokio_stream::once(request)).await?.into_inner();
    Ok(answers.message().await?.unwrap().message_response.unwrap())
}

#[tokio::test]
async fn reflection_names_every_service_and_refuses_like_everything_else() {
    let server = TestServer::start().await;
    let MessageResponse::ListServicesResponse(list) =
        reflect(&server, MessageRequest::ListServices(String::new())).await.unwrap()
    else {
        panic!("not a list");
    };
    let mut names: Vec<_> = list.service.into_iter().map(|service| service.name).collect();
    names.sort();
    assert_eq!(
        names,
        [
            "auth.v1.AdminService",
            "auth.v1.AuthService",
            "auth.v1.TrustService",
            "grpc.health.v1.Health",
            "grpc.reflection.v1.ServerReflection"
        ]
    );

    let unknown =
        reflect(&server, MessageRequest::FileContainingSymbol("no.such.Symbol".into())).await.unwrap_err();
    assert_eq!(unknown.code(), Code::NotFound);
    use tonic_types::StatusExt;
    assert_eq!(unknown.get_error_details().error_info().unwrap().reason, "SERVICE_UNKNOWN");
}

#[tokio::test]
async fn reflection_that_is_off_is_not_there() {
    let server = TestServer::start_with(|config| config.reflection = false).await;
    let refusal = reflect(&server, MessageRequest::ListServices(String::new())).await.unwrap_err();
    assert_eq!(refused(&refusal), Refused::new(Code::Unimplemented, "METHOD_UNKNOWN"));
}

#[tokio::test]
async fn streams_that_stay_open_take_no_more_than_their_share() {
    let server = TestServer::start().await;
    let channel = server.channel().await;
    let mut health = HealthClient::new(channel.clone());
    let mut open = Vec::new();
    let refusal = loop {
        match health.watch(service("liveness")).await {
            Ok(stream) => open.push(stream),
            Err(status) => break refused(&status),
        }
    };
    assert_eq!(refusal, Refused::new(Code::ResourceExhausted, "RATE_LIMITED"));
    assert_eq!(open.len(), 128);
    health.check(service("liveness")).await.unwrap();
    drop(open);
    // A closed stream is noticed when its reset arrives; the connection keeps the order.
    while health.watch(service("liveness")).await.is_err() {}
}
