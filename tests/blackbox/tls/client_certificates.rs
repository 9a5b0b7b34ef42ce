//! Clients that show who they are in the handshake.

use std::time::Duration;

use countersign::pb::auth::v1 as pb;
use countersign::pb::auth::v1::admin_service_client::AdminServiceClient;
use countersign::transport::TlsConfig;
use rcgen::{DnType, SanType};
use tokio_rustls::rustls::HandshakeKind;
use tonic::Status;

use super::kit::{Authority, Pair, Site, Wish, begin_http2, serve};
use crate::harness::{Client, Credentials, PASSWORD, Refused, TestServer, refused};

/// A server's authority and that of its clients, and a server's files.
fn scene() -> (Authority, Authority, Site) {
    let (servers, clients) = (Authority::new("servers"), Authority::new("clients"));
    let site = Site::new(&servers.of_server());
    (servers, clients, site)
}

#[tokio::test]
async fn where_a_certificate_is_required_nobody_else_is_let_in() {
    let (servers, clients, site) = scene();
    let server = serve(site.config_with_clients(&clients, true)).await;
    let (ours, foreign) = (clients.of_client("orders"), Authority::new("clients").of_client("orders"));
    let expired = clients.sign(|params| params.not_after = rcgen::date_time_ymd(2025, 6, 1));
    let for_servers = clients.sign(|params| {
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    });
    let wish = Wish::believing(&servers);
    assert!(wish.showing(&ours).is_let_in(server.address).await);
    assert!(!wish.is_let_in(server.address).await, "without one");
    for (pair, what) in [(&foreign, "foreign"), (&expired, "expired"), (&for_servers, "for servers")] {
        assert!(!wish.showing(pair).is_let_in(server.address).await, "{what}");
    }
}

#[tokio::test]
async fn where_it_is_optional_who_shows_one_shows_a_good_one() {
    let (servers, clients, site) = scene();
    let server = serve(site.config_with_clients(&clients, false)).await;
    let wish = Wish::believing(&servers);
    assert_eq!(wish.caller(server.address).await.client_certificate, None);
    let ours = clients.of_client("orders");
    let shown = wish.showing(&ours).caller(server.address).await.client_certificate.unwrap();
    assert_eq!(shown.subject, "CN=orders");
    let foreign = Authority::new("clients").of_client("orders");
    assert!(!wish.showing(&foreign).is_let_in(server.address).await);
}

#[tokio::test]
async fn the_greeting_says_what_the_certificate_says() {
    let (servers, clients, site) = scene();
    let server = serve(site.config_with_clients(&clients, true)).await;
    let pair = clients.sign(|params| {
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::OrganizationName, "Example, Inc.");
        params.distinguished_name.push(DnType::CommonName, "orders");
        params.subject_alt_names = vec![
            SanType::DnsName("orders.internal".try_into().unwrap()),
            SanType::URI("spiffe://example.org/orders".try_into().unwrap()),
        ];
    });
    let caller = Wish::believing(&servers).showing(&pair).caller(server.address).await;
    assert_eq!(caller.username, "alice", "the certificate says who holds the connection, not who calls");
    let expected = pb::ClientCertificate {
        subject: r"CN=orders,O=Example\, Inc.".to_owned(),
        dns_names: vec!["orders.internal".to_owned()],
        uris: vec!["spiffe://example.org/orders".to_owned()],
    };
    assert_eq!(caller.client_certificate, Some(expected));
}

#[tokio::test]
async fn a_certificate_is_good_by_the_services_own_clock_and_no_session_outlives_it() {
    let (servers, clients, site) = scene();
    let server = serve(site.config_with_clients(&clients, true)).await;
    let pair = clients.sign(|params| params.not_after = rcgen::date_time_ymd(2026, 1, 2));
    let wish = Wish::believing(&servers).showing(&pair);
    let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::new(wish.config()));
    let connect = async || {
        let stream = tokio::net::TcpStream::connect(server.address).await.unwrap();
        let mut stream = connector.connect("127.0.0.1".try_into().unwrap(), stream).await?;
        begin_http2(&mut stream).await?;
        std::io::Result::Ok(stream)
    };
    for _ in 0..2 {
        let stream = connect().await.unwrap();
        assert_eq!(stream.get_ref().1.handshake_kind(), Some(HandshakeKind::Full), "shown each time");
    }
    server.clock.advance(Duration::from_secs(2 * 86_400));
    assert!(connect().await.is_err());
}

/// A server whose AdminService asks for a certificate, and the token of its admin.
async fn guarded(tls: TlsConfig, wish: Wish<'_>) -> (TestServer, String) {
    let server = TestServer::start_with(|config| {
        config.tls = Some(tls);
        config.admin_client_certificate = true;
    })
    .await;
    let client = wish.client(server.address).await;
    client.create_user("root", PASSWORD).await.unwrap();
    server.execute_sql("UPDATE users SET roles = 'admin'").await;
    let token = client.sign_in("root", PASSWORD).await;
    (server, token)
}

async fn list_users(server: &TestServer, wish: Wish<'_>, token: &str) -> Result<(), Status> {
    let mut admin = AdminServiceClient::new(wish.channel(server.address).await.unwrap());
    let request = Credentials::Bearer(token).attach(pb::ListUsersRequest::default());
    admin.list_users(request).await.map(|_| ())
}

#[tokio::test]
async fn a_rule_that_asks_for_a_certificate_is_kept_whatever_else_is_presented() {
    let (servers, clients, site) = scene();
    let pair: Pair = clients.of_client("root's laptop");
    let without = Wish::believing(&servers);
    let (server, token) = guarded(site.config_with_clients(&clients, false), without).await;
    list_users(&server, without.showing(&pair), &token).await.unwrap();
    let refusal = list_users(&server, without, &token).await.unwrap_err();
    assert_eq!(refused(&refusal), Refused::unauthenticated("CREDENTIALS_MISSING"));
    assert!(refusal.message().contains("TLS client certificate"), "{}", refusal.message());
    // The certificate alone is not enough either.
    let refusal = list_users(&server, without.showing(&pair), "v4.public.x").await.unwrap_err();
    assert_eq!(refused(&refusal), Refused::unauthenticated("TOKEN_INVALID"));
    let client: Client = without.client(server.address).await;
    client.greet(Credentials::Bearer(&token)).await.unwrap();
}
