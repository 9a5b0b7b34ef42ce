//! Tokens that nobody issued.

use countersign::pb::auth::v1::GreetRequest;
use countersign::pb::auth::v1::auth_service_client::AuthServiceClient;
use tokio::task::JoinSet;
use tonic::metadata::MetadataValue;

use crate::harness::{Credentials, PASSWORD, Refused, SeededEntropy, TestServer, refused};

const TOKENS: usize = 10_000;

/// One of many ways to make a token of nothing or of a good one; never the good one itself.
fn hostile(good: &str, entropy: &SeededEntropy) -> Vec<u8> {
    let pick = |below: usize| usize::try_from(entropy.next() % u64::try_from(below).unwrap()).unwrap();
    let visible = || u8::try_from(0x21 + entropy.next() % 0x5e).unwrap();
    let mut token = good.as_bytes().to_vec();
    let at = pick(token.len());
    match pick(8) {
        0 => token[at] = visible(),
        1 => token.truncate(at),
        2 => token.insert(at, visible()),
        3 => drop(token.remove(at)),
        4 => token.rotate_left(at),
        5 => token = (0..pick(600)).map(|_| visible()).collect(),
        6 => token = [b"v4.public.".to_vec(), (0..pick(600)).map(|_| visible()).collect()].concat(),
        _ => token.extend((0..=pick(4)).map(|_| b".=A "[pick(4)])),
    }
    token
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_hostile_tokens_are_refused() {
    let server = TestServer::start().await;
    let client = server.client().await;
    client.create_user("alice", PASSWORD).await.unwrap();
    let good = client.sign_in("alice", PASSWORD).await;
    let entropy = SeededEntropy::new(42);
    let mut tokens: Vec<Vec<u8>> = std::iter::repeat_with(|| hostile(&good, &entropy))
        .filter(|token| token != good.as_bytes() && token.trim_ascii() != good.as_bytes())
        .take(TOKENS)
        .collect();
    tokens.push(format!("{good}.").into_bytes());

    let mut workers = JoinSet::new();
    for chunk in tokens.chunks(TOKENS / 8) {
        let (chunk, mut raw) = (chunk.to_vec(), AuthServiceClient::new(server.channel().await));
        workers.spawn(async move {
            for token in chunk {
                let header = [b"Bearer ", token.as_slice()].concat();
                let mut request = tonic::Request::new(GreetRequest {});
                request
                    .metadata_mut()
                    .insert("authorization", MetadataValue::try_from(header.as_slice()).unwrap());
                let refusal = refused(&raw.greet(request).await.unwrap_err());
                let expected = ["TOKEN_INVALID", "CREDENTIALS_INVALID"].map(Refused::unauthenticated);
                assert!(expected.contains(&refusal), "{refusal:?} for {:?}", String::from_utf8_lossy(&token));
            }
        });
    }
    workers.join_all().await;
    client.greet(Credentials::Bearer(&good)).await.unwrap();
}

#[tokio::test]
async fn a_token_has_one_spelling() {
    let server = TestServer::start().await;
    let client = server.client().await;
    client.create_user("alice", PASSWORD).await.unwrap();
    let good = client.sign_in("alice", PASSWORD).await;
    let (body, footer) = good.rsplit_once('.').unwrap();
    // The last character of a base64 text can hold bits that count for nothing.
    let last = body.chars().last().unwrap();
    let others = ('A'..='Z').chain('a'..='z').chain('0'..='9').filter(|c| *c != last);
    let mut spellings: Vec<String> =
        others.map(|c| format!("{}{c}.{footer}", &body[..body.len() - 1])).collect();
    spellings.extend([
        format!("{good}."),
        format!("{good}="),
        body.to_owned(),
        format!("{body}."),
        format!("{body}.{footer}.{footer}"),
        good.replacen("v4", "V4", 1),
        good.replace('_', "/").replace('-', "+"),
        format!("k4.public.{}", &good[10..]),
        format!("v3.public.{}", &good[10..]),
        format!("v4.local.{}", &good[10..]),
    ]);
    for spelling in spellings.iter().filter(|spelling| **spelling != good) {
        for credentials in [Credentials::Bearer(spelling), Credentials::Basic(spelling, "")] {
            let refusal = client.greet(credentials).await.unwrap_err();
            let expected = ["TOKEN_INVALID", "CREDENTIALS_INVALID"].map(Refused::unauthenticated);
            assert!(expected.contains(&refusal), "{refusal:?} for {spelling}");
        }
    }
    client.greet(Credentials::Bearer(&good)).await.unwrap();
}
