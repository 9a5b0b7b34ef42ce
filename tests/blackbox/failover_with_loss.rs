//! A failover to a standby that was behind. What it lacks is lost, and every replica that knew of it notices; what is revoked
//! afterwards gets the numbers of what was lost, and is felt everywhere all the same.

use std::time::Duration;

use countersign_test_servers::{Postgres, Signal};
use tokio::time::timeout;
use tonic::Code;

use crate::harness::{Binary, Client, Credentials, PASSWORD, Proxy, Refused, on_postgres};
use crate::replicas_start::until_felt;

/// How long replicas may take to find the new primary before the test gives up on them.
const PATIENCE: Duration = Duration::from_secs(30);

async fn revoke(client: &Client, token: &str) {
    let revoking = async {
        while let Err(refusal) = client.revoke_token(token).await {
            assert_eq!(refusal, Refused::new(Code::Unavailable, "STORE_UNAVAILABLE"));
        }
    };
    timeout(PATIENCE, revoking).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_revoked_after_a_failover_with_loss_is_felt_at_every_replica() {
    if !on_postgres() {
        return;
    }
    let Some(primary) = Postgres::start_with(&[]) else { return };
    let database = primary.create_database().rsplit_once('/').unwrap().1.to_owned();
    let (mut proxies, mut replicas, mut clients) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..2 {
        let proxy = Proxy::to(([127, 0, 0, 1], primary.port()).into()).await;
        let url = format!("postgres://countersign@{}/{database}", proxy.address);
        let replica = Binary::start(&["--database-url", &url, "--database-connections", "6"]);
        clients.push(replica.client().await);
        proxies.push(proxy);
        replicas.push(replica);
    }
    clients[0].create_user("alice", PASSWORD).await.unwrap();
    let mut tokens = Vec::new();
    for _ in 0..4 {
        tokens.push(clients[0].open("alice", PASSWORD).await.token);
    }
    let [kept, lost, first, second] = <[String; 4]>::try_from(tokens).unwrap();
    revoke(&clients[0], &kept).await;
    until_felt(&clients, &kept).await;
    let standby = primary.standby();
    standby.stop(Signal::Fast);
    revoke(&clients[0], &lost).await;
    until_felt(&clients, &lost).await;

    primary.stop(Signal::Immediate);
    proxies.iter().for_each(Proxy::cut);
    standby.start();
    standby.promote();
    proxies.iter().for_each(|proxy| proxy.mend(([127, 0, 0, 1], standby.port()).into()));
    // Both at once: whoever comes first takes the number of what was lost.
    tokio::join!(revoke(&clients[0], &first), revoke(&clients[1], &second));
    for token in [&kept, &first, &second] {
        until_felt(&clients, token).await;
    }
    for client in &clients {
        client.greet(Credentials::Bearer(&lost)).await.expect("that it is good again is what the log says");
    }
    for replica in replicas {
        let (_, log, _) = replica.stop();
        assert!(log.contains("a standby promoted that had not got everything"), "{log}");
    }
}
