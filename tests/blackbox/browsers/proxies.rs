//! Behind a proxy that is believed, and one that is not.

use countersign::pb::auth::v1 as pb;
use countersign::transport::TrustedProxies;

use super::{call, outcome};
use crate::harness::{PASSWORD, TestServer, basic_header};

/// From where the session of a sign-in behind a proxy is shown to have been opened.
async fn shown_peer(server: &TestServer) -> String {
    server.client().await.create_user("alice", PASSWORD).await.unwrap();
    let forwarded = ("x-forwarded-for", "198.51.100.1, 203.0.113.7");
    let basic = basic_header("alice", PASSWORD);
    let headers = [forwarded, ("authorization", &*basic)];
    let answer = call(server, "IssueToken", &headers, &pb::IssueTokenRequest::default()).await;
    let issued: pb::IssueTokenResponse = outcome(&answer).unwrap();
    let bearer = format!("Bearer {}", issued.token);
    let headers = [("authorization", &*bearer)];
    let answer = call(server, "ListSessions", &headers, &pb::ListSessionsRequest::default()).await;
    let listed: pb::ListSessionsResponse = outcome(&answer).unwrap();
    listed.sessions[0].peer.clone()
}

#[tokio::test]
async fn a_proxy_of_ours_says_whose_request_it_brings() {
    let server = TestServer::start_with(|config| {
        config.trusted_proxies = TrustedProxies::parse(["127.0.0.0/8"]).unwrap();
    })
    .await;
    assert_eq!(shown_peer(&server).await, "203.0.113.7");
}

#[tokio::test]
async fn anybody_else_says_what_they_like() {
    assert_eq!(shown_peer(&TestServer::start().await).await, "127.0.0.1");
}

/// Whoever is on the way of plaintext can make a page of the same host of their own.
#[tokio::test]
async fn behind_a_proxy_that_speaks_https_a_plaintext_page_of_the_same_host_is_not_ours() {
    let behind = TestServer::start_with(|config| {
        config.trusted_proxies = TrustedProxies::parse(["127.0.0.0/8"]).unwrap();
    })
    .await;
    let alone = TestServer::start().await;
    for (server, said, origin, expected) in [
        (&behind, Some("https"), "http", 403),
        (&behind, Some("https"), "https", 200),
        (&behind, Some("http"), "http", 200),
        (&behind, Some("http"), "https", 200),
        (&behind, None, "http", 200),
        (&behind, None, "https", 200),
        (&alone, Some("https"), "http", 200),
    ] {
        let origin = format!("{origin}://{}", server.address);
        let forwarded = [("x-forwarded-for", "203.0.113.7"), ("origin", &*origin)];
        let headers: Vec<_> =
            forwarded.into_iter().chain(said.map(|said| ("x-forwarded-proto", said))).collect();
        let answer = call(server, "Greet", &headers, &pb::GreetRequest {}).await;
        assert_eq!(answer.status.as_u16(), expected, "{headers:?}");
    }
}
