use std::io;
use std::sync::Mutex;

use super::tests::{CHEAP, SECRET, hasher, password, reference, settled};
use super::*;

#[tokio::test]
async fn a_poisoned_row_costs_a_decoy_and_says_nothing_of_itself() {
    let hasher = hasher(CHEAP);
    let standard = effort(&hasher.0.params);
    let most = settled(&hasher).await.allocated_kib.max(hasher.0.budget_kib);
    let (argon2i, argon2d) = (Algorithm::Argon2i, Algorithm::Argon2d);
    let salt = b"0123456789abcdef";
    let rows = [
        spoilt("m=64", "m=4294967296"),
        spoilt("m=64", "m=4294967295"),
        spoilt("m=64", "m=1048577"),
        spoilt("m=64", "m=1048576"),
        spoilt("m=64,t=2", "m=64,t=2147483648"),
        spoilt("t=2", "t=33"),
        spoilt("m=64,t=2", "m=1048576,t=5"),
        spoilt("p=1", "p=16777215"),
        spoilt("p=1", "p=17"),
        spoilt("p=1", "p=9"),
        spoilt("p=1", "p=0"),
        spoilt("t=2", "t=0"),
        spoilt("m=64", "m=7"),
        spoilt("m=64,", ""),
        spoilt("t=2", "t=2,t=2"),
        spoilt("p=1", "p=1,data=AAAA"),
        spoilt("p=1", "p=1,keyid=AAAA"),
        spoilt("m=64,t=2,p=1$", ""),
        spoilt("v=19", "v=16"),
        spoilt("$v=19", ""),
        spoilt("argon2id", "argon2i"),
        spoilt("argon2id", "scrypt"),
        spoilt("MDEyMzQ1Njc4OWFiY2RlZg", "MDEyMzQ1Ng"),
        spoilt("MDEyMzQ1Njc4OWFiY2RlZg", "a"),
        spoilt("$MDEyMzQ1Njc4OWFiY2RlZg", ""),
        reference(Algorithm::Argon2id, Version::V0x13, [64, 2, 1], salt, 15),
        reference(Algorithm::Argon2id, Version::V0x10, [64, 2, 1], salt, 32),
        reference(argon2i, Version::V0x13, [64, 2, 1], salt, 32),
        reference(argon2d, Version::V0x13, [64, 2, 1], salt, 32),
        String::new(),
        "password".into(),
        "$".repeat(257),
        "x".repeat(1 << 20),
    ];
    for row in rows {
        let before = settled(&hasher).await.effort;
        let logged = Log::default();
        let guard = tracing::subscriber::set_default(logged.subscriber());
        let poisoned = StoredPassword::from_phc(row.clone());
        let result = hasher.verify(password(SECRET), poisoned, None).await;
        drop(guard);
        assert_eq!(result, Err(HashError::Unusable), "{row:.80}");
        let after = settled(&hasher).await;
        assert_eq!(after.effort - before, (standard.blocks as u64) * u64::from(standard.passes), "{row:.80}");
        assert!(after.peak_kib <= most, "{row:.80}");
        let lines = logged.text();
        assert!(lines.contains("ERROR") && lines.contains("cannot be used"), "{lines}");
        let parts = row.split(['$', ',']).filter(|part| part.len() > 3);
        for part in parts.filter(|part| *part != "password") {
            assert!(!lines.contains(part), "{part} of the row in {lines}");
        }
        assert!(!lines.contains(SECRET));
    }
}

/// A row that is right but for `from`, which becomes `to`.
fn spoilt(from: &str, to: &str) -> String {
    let row = reference(Algorithm::Argon2id, Version::V0x13, [64, 2, 1], b"0123456789abcdef", 32);
    assert!(row.contains(from), "{row} has no {from}");
    row.replacen(from, to, 1)
}

/// What the code under test logs.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn subscriber(&self) -> impl tracing::Subscriber + Send + Sync + use<> {
        let log = self.clone();
        tracing_subscriber::fmt()
            .with_ansi(false)
            .with_max_level(tracing::Level::TRACE)
            .with_writer(move || log.clone())
            .finish()
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
