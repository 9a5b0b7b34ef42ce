//! Database servers that are reached by TLS, as one on another machine is: by its certificate, and with one of ours.

use countersign_test_servers::{MariaDb, Postgres};
use rcgen::SanType;
use tempfile::TempDir;

use super::kit::{Authority, Pair, put};
use crate::harness::{Binary, Credentials, PASSWORD, on_postgres, refused_database, shared_master_key};

/// Certificates in files, as a URL names them.
struct Files(TempDir);

impl Files {
    fn put(&self, name: &str, content: &str) -> String {
        put(self.0.path(), name, content).display().to_string()
    }
}

/// A certificate for this machine, by its name alone.
fn for_localhost(authority: &Authority) -> Pair {
    authority
        .sign(|params| params.subject_alt_names = vec![SanType::DnsName("localhost".try_into().unwrap())])
}

fn start(url: &str) -> Binary {
    let key = shared_master_key().to_str().unwrap();
    Binary::start(&["--database-url", url, "--database-connections", "4", "--master-key-file", key])
}

async fn live(server: &Binary) {
    let client = server.client().await;
    client.create_user("alice", PASSWORD).await.unwrap();
    let tokens = client.open("alice", PASSWORD).await;
    client.refresh(&tokens.refresh_token, &[1; 16]).await.unwrap();
    client.revoke_token(&tokens.token).await.unwrap();
    client.greet(Credentials::Bearer(&tokens.token)).await.unwrap_err();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgresql_is_believed_by_its_certificate_alone() {
    if !on_postgres() {
        return;
    }
    let (ours, theirs, clients) =
        (Authority::new("ours"), Authority::new("theirs"), Authority::new("clients"));
    let pair = for_localhost(&ours);
    let postgres = Postgres::start_with_tls(&pair.cert, &pair.key, &clients.pem()).unwrap();
    let files = Files(TempDir::new().unwrap());
    let (ours, theirs) = (files.put("ours.pem", &ours.pem()), files.put("theirs.pem", &theirs.pem()));
    let by_address = postgres.create_database();
    let by_name = by_address.replace("127.0.0.1", "localhost");

    let server = start(&format!("{by_name}?sslmode=verify-full&sslrootcert={ours}"));
    live(&server).await;
    let database = by_name.rsplit_once('/').unwrap().1;
    let plain = format!(
        "SELECT count(*) FILTER (WHERE ssl), count(*) FILTER (WHERE NOT ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING \
         (pid) WHERE datname = '{database}' AND backend_type = 'client backend'"
    );
    let (encrypted, readable) = (postgres.psql("postgres", &plain), "0");
    let (encrypted, others) = encrypted.split_once('|').unwrap();
    assert!(encrypted.parse::<u32>().unwrap() > 1, "{encrypted}");
    assert_eq!(others, readable);
    drop(server);

    for (url, why) in [
        (format!("{by_name}?sslmode=verify-full&sslrootcert={theirs}"), "certificate"),
        (format!("{by_address}?sslmode=verify-full&sslrootcert={ours}"), "certificate"),
        (format!("{by_name}?sslmode=verify-full"), "certificate"),
        // Also on this machine, whoever names an authority means it.
        (format!("{by_name}?sslrootcert={theirs}"), "certificate"),
        (format!("{by_address}?sslrootcert={ours}"), "certificate"),
        (format!("{by_name}?sslmode=disable"), "pg_hba.conf"),
    ] {
        let said = refused_database(1, &url, &[]);
        assert!(said.contains(why), "{url}: {said}");
    }
    start(&format!("{by_address}?sslmode=verify-ca&sslrootcert={ours}"));
    start(&format!("{by_name}?sslrootcert={ours}"));
    let said =
        refused_database(2, &format!("{by_name}?sslmode=verify-full&sslrootcert=/nowhere/ca.pem"), &[]);
    assert!(said.contains("--database-url: names the file /nowhere/ca.pem, which cannot be read"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgresql_that_asks_for_a_certificate_is_shown_one() {
    if !on_postgres() {
        return;
    }
    let (servers, clients) = (Authority::new("servers"), Authority::new("clients"));
    let pair = for_localhost(&servers);
    let postgres = Postgres::start_with_tls(&pair.cert, &pair.key, &clients.pem()).unwrap();
    let files = Files(TempDir::new().unwrap());
    let root = files.put("servers.pem", &servers.pem());
    let url = postgres.create_database().replace("127.0.0.1", "localhost");
    let name = url.rsplit_once('/').unwrap().1;
    postgres.psql("postgres", &format!("CREATE ROLE cert LOGIN; ALTER DATABASE {name} OWNER TO cert"));
    let as_cert = format!("{}?sslmode=verify-full&sslrootcert={root}", url.replace("countersign@", "cert@"));
    let shown = |pair: &Pair, name: &str| {
        let (cert, key) =
            (files.put(&format!("{name}.pem"), &pair.cert), files.put(&format!("{name}.key"), &pair.key));
        format!("{as_cert}&sslcert={cert}&sslkey={key}")
    };
    live(&start(&shown(&clients.of_client("cert"), "cert"))).await;
    let said = refused_database(1, &shown(&clients.of_client("another"), "another"), &[]);
    assert!(said.contains("cert"), "{said}");
    let said = refused_database(1, &as_cert, &[]);
    assert!(said.contains("certificate"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mariadb_is_believed_by_its_certificate_alone() {
    if on_postgres() {
        return; // Once is enough.
    }
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let pair = for_localhost(&ours);
    let Some(mariadb) = MariaDb::start_with_tls(&pair.cert, &pair.key) else { return };
    let files = Files(TempDir::new().unwrap());
    let (ours, theirs) = (files.put("ours.pem", &ours.pem()), files.put("theirs.pem", &theirs.pem()));
    let by_address = mariadb.create_database();
    let by_name = by_address.replace("127.0.0.1", "localhost");
    live(&start(&format!("{by_name}?ssl-mode=VERIFY_IDENTITY&ssl-ca={ours}"))).await;
    start(&format!("{by_name}?ssl-ca={ours}"));
    for (url, why) in [
        (format!("{by_name}?ssl-mode=VERIFY_IDENTITY&ssl-ca={theirs}"), "certificate"),
        (format!("{by_address}?ssl-mode=VERIFY_IDENTITY&ssl-ca={ours}"), "certificate"),
        (format!("{by_name}?ssl-ca={theirs}"), "certificate"),
        (format!("{by_address}?ssl-ca={ours}"), "certificate"),
        (format!("{by_name}?ssl-mode=DISABLED"), "Access denied"),
    ] {
        let said = refused_database(1, &url, &[]);
        assert!(said.contains(why), "{url}: {said}");
    }
}
