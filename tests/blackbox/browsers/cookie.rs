//! The refresh token as a cookie of our own page.

use countersign::pb::auth::v1 as pb;
use countersign::web::WebOrigin;

use super::{call, outcome};
use crate::harness::{Credentials, HttpAnswer, PASSWORD, Refused, TestServer, basic_header, refused};

const SHOP: &str = "https://shop.example";
const ASKS: (&str, &str) = ("x-countersign-cookie", "refresh-token");

/// The cookie that an answer sets, as the browser sends it back.
fn cookie(answer: &HttpAnswer) -> String {
    let set = answer.header("set-cookie");
    let (pair, attributes) = set.split_once("; ").unwrap_or_else(|| panic!("{set:?}"));
    assert!(pair.starts_with("__Host-countersign-refresh="));
    for attribute in ["Path=/", "Secure", "HttpOnly", "SameSite=Strict"] {
        assert!(attributes.split("; ").any(|one| one == attribute), "{attributes}");
    }
    pair.to_owned()
}

async fn sign_in(server: &TestServer) -> (HttpAnswer, pb::IssueTokenResponse) {
    let basic = basic_header("alice", PASSWORD);
    let answer =
        call(server, "IssueToken", &[ASKS, ("authorization", &basic)], &pb::IssueTokenRequest::default())
            .await;
    let issued = outcome(&answer).unwrap();
    (answer, issued)
}

async fn refresh(server: &TestServer, headers: &[(&str, &str)], key: u8) -> HttpAnswer {
    let message = pb::RefreshTokenRequest { retry_key: vec![key; 16], ..Default::default() };
    call(server, "RefreshToken", headers, &message).await
}

async fn scene() -> TestServer {
    let server = TestServer::start_with(|config| {
        config.web.cors_origins = vec![WebOrigin::parse(SHOP).unwrap()];
    })
    .await;
    server.client().await.create_user("alice", PASSWORD).await.unwrap();
    server
}

#[tokio::test]
async fn a_page_refreshes_with_a_token_that_it_never_sees() {
    let server = scene().await;
    let (answer, issued) = sign_in(&server).await;
    assert!(issued.refresh_token.is_empty() && !issued.token.is_empty());
    assert!(answer.header("set-cookie").contains("Max-Age=604800"), "as long as the session may rest");
    let first = cookie(&answer);

    let answer = refresh(&server, &[ASKS, ("cookie", &first)], 1).await;
    let fresh: pb::RefreshTokenResponse = outcome(&answer).unwrap();
    assert!(fresh.refresh_token.is_empty());
    server.client().await.greet(Credentials::Bearer(&fresh.token)).await.unwrap();
    let second = cookie(&answer);
    assert_ne!(first, second);
    // The answer was lost: the same attempt again gives the same cookie.
    let again = refresh(&server, &[ASKS, ("cookie", &first)], 1).await;
    assert_eq!(cookie(&again), second);
    let stolen = refresh(&server, &[ASKS, ("cookie", &first)], 2).await;
    let reused = outcome::<pb::RefreshTokenResponse>(&stolen).unwrap_err();
    assert_eq!(refused(&reused), Refused::unauthenticated("REFRESH_TOKEN_REUSED"));
}

#[tokio::test]
async fn a_cookie_without_the_header_and_a_header_without_the_cookie_are_nothing() {
    let server = scene().await;
    let first = cookie(&sign_in(&server).await.0);
    for headers in [vec![("cookie", &*first)], vec![ASKS], vec![ASKS, ("cookie", "a=b")]] {
        let answer = refresh(&server, &headers, 1).await;
        let refusal = outcome::<pb::RefreshTokenResponse>(&answer).unwrap_err();
        assert_eq!(refused(&refusal), Refused::unauthenticated("TOKEN_INVALID"), "{headers:?}");
        assert_eq!(answer.header("set-cookie"), "");
    }
    // Nor for a page of another origin, whatever its browser lets it send.
    let listed = [ASKS, ("cookie", &*first), ("origin", SHOP)];
    let refusal = outcome::<pb::RefreshTokenResponse>(&refresh(&server, &listed, 1).await).unwrap_err();
    assert_eq!(refused(&refusal), Refused::unauthenticated("TOKEN_INVALID"));
    // Nor is it looked at by anything that it is not meant for.
    let answer = call(&server, "Greet", &[ASKS, ("cookie", &first)], &pb::GreetRequest {}).await;
    let refusal = outcome::<pb::GreetResponse>(&answer).unwrap_err();
    assert_eq!(refused(&refusal), Refused::unauthenticated("CREDENTIALS_MISSING"));
    outcome::<pb::RefreshTokenResponse>(&refresh(&server, &[ASKS, ("cookie", &first)], 1).await).unwrap();
}

#[tokio::test]
async fn signing_out_ends_the_session_and_the_cookie() {
    let server = scene().await;
    let (answer, issued) = sign_in(&server).await;
    let first = cookie(&answer);
    let revoke = async |headers: &[(&str, &str)]| {
        call(&server, "RevokeToken", headers, &pb::RevokeTokenRequest::default()).await
    };
    let kept = outcome::<pb::RevokeTokenResponse>(&revoke(&[("cookie", &first)]).await).unwrap_err();
    assert_eq!(refused(&kept), Refused::field("token"));

    // Another token's end is not the cookie's.
    let other = server.client().await.open("alice", PASSWORD).await;
    let message = pb::RevokeTokenRequest { token: other.token, wait_for_verifiers: None };
    let answer = call(&server, "RevokeToken", &[ASKS, ("cookie", &first)], &message).await;
    outcome::<pb::RevokeTokenResponse>(&answer).unwrap();
    assert_eq!(answer.header("set-cookie"), "");
    server.client().await.greet(Credentials::Bearer(&issued.token)).await.unwrap();

    for headers in [vec![ASKS, ("cookie", &*first)], vec![ASKS, ("cookie", &*first)], vec![ASKS]] {
        let answer = revoke(&headers).await;
        outcome::<pb::RevokeTokenResponse>(&answer).unwrap();
        assert!(answer.header("set-cookie").starts_with("__Host-countersign-refresh=; Max-Age=0;"));
    }
    let refusal = server.client().await.greet(Credentials::Bearer(&issued.token)).await.unwrap_err();
    assert_eq!(refusal, Refused::unauthenticated("TOKEN_REVOKED"));
}

#[tokio::test]
async fn a_changed_password_gives_another_cookie() {
    let server = scene().await;
    let (answer, issued) = sign_in(&server).await;
    let message = pb::ChangePasswordRequest {
        current_password: PASSWORD.to_owned(),
        new_password: "another horse battery".to_owned(),
        wait_for_verifiers: None,
    };
    let bearer = format!("Bearer {}", issued.token);
    let changed = call(&server, "ChangePassword", &[ASKS, ("authorization", &bearer)], &message).await;
    let fresh: pb::ChangePasswordResponse = outcome(&changed).unwrap();
    assert!(fresh.refresh_token.is_empty());
    assert_ne!(cookie(&changed), cookie(&answer));
    outcome::<pb::RefreshTokenResponse>(&refresh(&server, &[ASKS, ("cookie", &cookie(&changed))], 1).await)
        .unwrap();
}
