//! Files that change while the service runs. The tests wait for what new connections see, and give up after a minute.

use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::timeout;

use super::kit::{Authority, Pair, Site, Wish, serve};
use crate::harness::{Credentials, PASSWORD};

const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until new connections are shown this certificate.
async fn until_shown(address: SocketAddr, wish: Wish<'_>, pair: &Pair) {
    let shown = async { while wish.sees(address).await != pair.der() {} };
    timeout(PATIENCE, shown).await.expect("it was not taken up");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_is_replaced_under_traffic_and_no_call_fails() {
    let authority = Arc::new(Authority::new("ours"));
    let site = Site::new(&authority.of_server());
    let server = serve(site.config()).await;
    let address = server.address;
    let wish = Wish::believing(&authority);
    let old = wish.client(address).await;
    old.create_user("alice", PASSWORD).await.unwrap();
    let token = Arc::new(old.sign_in("alice", PASSWORD).await);

    let over = Arc::new(AtomicBool::new(false));
    let mut callers = JoinSet::new();
    for keeps_its_connection in [true, true, false] {
        let (over, token, old) = (Arc::clone(&over), Arc::clone(&token), old.clone());
        let authority = Arc::clone(&authority);
        callers.spawn(async move {
            while !over.load(Ordering::Relaxed) {
                let client = match keeps_its_connection {
                    true => old.clone(),
                    false => Wish::believing(&authority).client(address).await,
                };
                client.greet(Credentials::Bearer(&token)).await.unwrap();
            }
        });
    }
    for _ in 0..3 {
        let new = authority.of_server();
        site.replace(&new);
        until_shown(address, wish, &new).await;
    }
    over.store(true, Ordering::Relaxed);
    callers.join_all().await;
    old.greet(Credentials::Bearer(&token)).await.expect("a connection goes on with what it was made with");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_file_changes_nothing_until_a_good_one_comes() {
    let authority = Authority::new("ours");
    let first = authority.of_server();
    let site = Site::new(&first);
    let server = serve(site.config()).await;
    let wish = Wish::believing(&authority);
    // Written in place, by halves; then not at all.
    let second = authority.of_server();
    fs::write(site.path("cert.pem"), &second.cert[..second.cert.len() / 2]).unwrap();
    assert_eq!(wish.sees(server.address).await, first.der());
    fs::write(site.path("cert.pem"), &second.cert).unwrap();
    assert_eq!(wish.sees(server.address).await, first.der(), "the key is still the other one's");
    fs::remove_file(site.path("key.pem")).unwrap();
    assert_eq!(wish.sees(server.address).await, first.der());
    site.put("key.pem", &second.key);
    until_shown(server.address, wish, &second).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_authorities_of_clients_are_replaced_too() {
    let (servers, before, after) = (Authority::new("servers"), Authority::new("old"), Authority::new("new"));
    let site = Site::new(&servers.of_server());
    let server = serve(site.config_with_clients(&before, true)).await;
    let (old, new) = (before.of_client("orders"), after.of_client("orders"));
    let wish = Wish::believing(&servers);
    assert!(wish.showing(&old).is_let_in(server.address).await);
    assert!(!wish.showing(&new).is_let_in(server.address).await);
    site.put("ca.pem", &after.pem());
    let let_in = async { while !wish.showing(&new).is_let_in(server.address).await {} };
    timeout(PATIENCE, let_in).await.expect("it was not taken up");
    assert!(!wish.showing(&old).is_let_in(server.address).await);
}
