//! Replicas that start together on an empty database server: one of them makes the schema and the keys, and what one gives
//! out is good at all of them.

use std::time::Duration;

use countersign_test_servers::{MariaDb, Postgres};
use tokio::time::timeout;

use crate::harness::{Binary, Client, Credentials, PASSWORD, Refused, on_postgres, shared_master_key};

/// How long a replica may take to feel what another one did, before a test gives up on it.
const PATIENCE: Duration = Duration::from_secs(30);

/// So many replicas on one database, started at the same moment.
fn start_together(count: usize, url: &str) -> Vec<Binary> {
    let key = shared_master_key().to_str().unwrap();
    let start =
        || Binary::start(&["--database-url", url, "--database-connections", "4", "--master-key-file", key]);
    std::thread::scope(|scope| {
        let starting: Vec<_> = (0..count).map(|_| scope.spawn(start)).collect();
        starting.into_iter().map(|replica| replica.join().unwrap()).collect()
    })
}

async fn clients(replicas: &[Binary]) -> Vec<Client> {
    let mut clients = Vec::new();
    for replica in replicas {
        clients.push(replica.client().await);
    }
    clients
}

/// Waits until every replica refuses a token.
pub async fn until_felt(clients: &[Client], token: &str) {
    for client in clients {
        let feeling = async {
            loop {
                if let Err(refusal) = client.greet(Credentials::Bearer(token)).await {
                    return refusal;
                }
                tokio::task::yield_now().await;
            }
        };
        let refusal = timeout(PATIENCE, feeling).await.unwrap();
        assert_eq!(refusal, Refused::unauthenticated("TOKEN_REVOKED"));
    }
}

/// The life of an account whose every step is at another replica.
async fn live(clients: &[Client]) {
    let mut at = clients.iter().cycle();
    let mut next = || at.next().unwrap();
    next().create_user("alice", PASSWORD).await.unwrap();
    let opened = next().open("alice", PASSWORD).await;
    let refreshed = next().refresh(&opened.refresh_token, &[1; 16]).await.unwrap();
    let repeated = next().refresh(&opened.refresh_token, &[1; 16]).await.unwrap();
    assert_eq!(repeated.refresh_token, refreshed.refresh_token);
    for client in clients {
        client.greet(Credentials::Bearer(&refreshed.token)).await.unwrap();
    }
    next().revoke_token(&refreshed.token).await.unwrap();
    until_felt(clients, &refreshed.token).await;
    assert_eq!(
        next().refresh(&repeated.refresh_token, &[2; 16]).await.unwrap_err(),
        Refused::unauthenticated("TOKEN_REVOKED")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_replicas_that_start_together_make_one_schema_and_one_ring() {
    if !on_postgres() {
        return; // A file of SQLite is for one machine.
    }
    let postgres = Postgres::shared().unwrap();
    let url = postgres.create_database();
    let database = url.rsplit_once('/').unwrap().1;
    let replicas = start_together(10, &url);
    for (table, rows) in [("key_ring", "1"), ("server_key", "1"), ("trust_counter", "1")] {
        assert_eq!(postgres.psql(database, &format!("SELECT count(*) FROM {table}")), rows, "{table}");
    }
    let twice = "SELECT count(*) - count(DISTINCT number) FROM schema_migrations";
    assert_eq!(postgres.psql(database, twice), "0");
    let clients = clients(&replicas).await;
    clients[0].create_user("root", PASSWORD).await.unwrap();
    for from in &clients {
        let tokens = from.open("root", PASSWORD).await;
        for at in &clients {
            at.greet(Credentials::Bearer(&tokens.token)).await.unwrap();
        }
    }
    live(&clients).await;
}

/// Two are enough to see that they take turns; the list of tests does not run on MariaDB.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_lives_on_two_replicas_on_mariadb() {
    if !on_postgres() {
        return; // Once is enough.
    }
    let Some(mariadb) = MariaDb::shared() else { return };
    let replicas = start_together(2, &mariadb.create_database());
    live(&clients(&replicas).await).await;
}
