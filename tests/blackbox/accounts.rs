//! CreateUser and GetUser.

use countersign::domain::Registration;
use tonic::Code;

use crate::harness::{Credentials, PASSWORD, Refused, TestServer};

#[tokio::test]
async fn a_new_user_is_shown_as_typed_and_found_under_any_case() {
    let server = TestServer::start().await;
    let client = server.client().await;
    let user = client.create_user("Alice", PASSWORD).await.unwrap();
    assert_eq!((user.username.as_str(), user.disabled, user.roles.len()), ("Alice", false, 0));
    assert_eq!(user.user_id.len(), 36);
    assert_eq!(user.create_time.unwrap().seconds, 1_767_225_600);

    let me = client.get_user(Credentials::Basic("ALICE", PASSWORD), "me").await.unwrap();
    assert_eq!(me, user);
    let by_id = client.get_user(Credentials::Basic("alice", PASSWORD), &user.user_id).await.unwrap();
    assert_eq!(by_id, user);
    assert_eq!(client.greet(Credentials::Basic("alice", PASSWORD)).await.unwrap().message, "Hello, Alice!");
}

#[tokio::test]
async fn a_name_is_taken_in_every_spelling() {
    let server = TestServer::start().await;
    let client = server.client().await;
    client.create_user("Ångström", PASSWORD).await.unwrap();
    for name in ["Ångström", "ångström", "A\u{30a}ngstro\u{308}m", "ÅNGSTRÖM"] {
        let refused = client.create_user(name, PASSWORD).await.unwrap_err();
        assert_eq!(refused, Refused::new(Code::AlreadyExists, "USERNAME_TAKEN"), "{name}");
    }
}

#[tokio::test]
async fn a_field_that_breaks_a_rule_is_named_and_nothing_is_stored() {
    let server = TestServer::start().await;
    let client = server.client().await;
    let long_name = "a".repeat(65);
    let long_password = "long ".repeat(26);
    for (username, password, field) in [
        ("", PASSWORD, "username"),
        ("a:b", PASSWORD, "username"),
        ("a b", PASSWORD, "username"),
        ("a\nb", PASSWORD, "username"),
        ("v4.public.x", PASSWORD, "username"),
        ("csr_alice", PASSWORD, "username"),
        (&long_name, PASSWORD, "username"),
        ("alice", "", "password"),
        ("alice", "seven77", "password"),
        ("alice", &long_password, "password"),
        ("alice-liddell", "ALICE-liddell", "password"),
        ("alice", "Countersign", "password"),
        ("alice", "password1", "password"),
        ("alice", "Passw0rd", "password"),
    ] {
        let refused = client.create_user(username, password).await.unwrap_err();
        assert_eq!(refused, Refused::field(field), "{username:?} {password:?}");
    }
    assert_eq!(server.query_number("SELECT COUNT(*) FROM users").await, 0);
}

#[tokio::test]
async fn nobody_learns_about_others_but_admins_and_services() {
    let server = TestServer::start().await;
    let client = server.client().await;
    let alice = client.create_user("alice", PASSWORD).await.unwrap();
    client.create_user("bob", PASSWORD).await.unwrap();
    let absent = "0193b4a0-5f6e-7c3a-8d5e-1f2a3b4c5d6e";
    for role in ["", "verifier", "administrator"] {
        server.execute_sql(&format!("UPDATE users SET roles = '{role}' WHERE name_shown = 'bob'")).await;
        let token = client.sign_in("bob", PASSWORD).await;
        for credentials in [Credentials::Bearer(&token), Credentials::Basic("bob", PASSWORD)] {
            for id in [alice.user_id.as_str(), absent] {
                let refused = client.get_user(credentials.clone(), id).await.unwrap_err();
                assert_eq!(refused, Refused::new(Code::PermissionDenied, "ROLE_REQUIRED"), "{role} {id}");
            }
        }
    }
    for role in ["admin", "service"] {
        server.execute_sql(&format!("UPDATE users SET roles = '{role}' WHERE name_shown = 'bob'")).await;
        let token = client.sign_in("bob", PASSWORD).await;
        for credentials in [Credentials::Bearer(&token), Credentials::Basic("bob", PASSWORD)] {
            assert_eq!(client.get_user(credentials.clone(), &alice.user_id).await.unwrap(), alice);
            let refused = client.get_user(credentials, absent).await.unwrap_err();
            assert_eq!(refused, Refused::new(Code::NotFound, "USER_NOT_FOUND"));
        }
    }
}

#[tokio::test]
async fn a_user_id_has_one_spelling() {
    let server = TestServer::start().await;
    let client = server.client().await;
    let alice = client.create_user("alice", PASSWORD).await.unwrap();
    let credentials = Credentials::Basic("alice", PASSWORD);
    for id in ["", "Me", "x", &alice.user_id.to_uppercase(), &alice.user_id.replace('-', ""), "' OR 1=1 --"] {
        let refused = client.get_user(credentials.clone(), id).await.unwrap_err();
        assert_eq!(refused, Refused::field("user_id"), "{id:?}");
    }
}

/// The row of a deleted user is there until its name has rested, and is nobody's.
#[tokio::test]
async fn all_tokens_of_a_deleted_user_are_revoked() {
    let server = TestServer::start().await;
    let client = server.client().await;
    client.create_user("alice", PASSWORD).await.unwrap();
    let tokens = client.open("alice", PASSWORD).await;
    client.delete_user(Credentials::Bearer(&tokens.token), "me", PASSWORD).await.unwrap();
    let revoked = Refused::unauthenticated("TOKEN_REVOKED");
    assert_eq!(client.greet(Credentials::Bearer(&tokens.token)).await.unwrap_err(), revoked);
    assert_eq!(client.refresh(&tokens.refresh_token, &[]).await.unwrap_err(), revoked);
    client.revoke_token(&tokens.refresh_token).await.unwrap();
    client.revoke_token(&tokens.token).await.unwrap();
}

#[tokio::test]
async fn closed_registration_is_for_admins() {
    let server = TestServer::start().await;
    let client = server.client().await;
    client.create_user("root", PASSWORD).await.unwrap();
    client.create_user("alice", PASSWORD).await.unwrap();
    server.execute_sql("UPDATE users SET roles = 'admin' WHERE name_shown = 'root'").await;

    let server = server.restart_with(|config| config.policy.registration = Registration::Closed).await;
    let client = server.client().await;
    let (admin, plain) = (client.sign_in("root", PASSWORD).await, client.sign_in("alice", PASSWORD).await);
    for (credentials, expected) in [
        (Credentials::None, Refused::unauthenticated("CREDENTIALS_MISSING")),
        (Credentials::Basic("root", "wrong password"), Refused::unauthenticated("CREDENTIALS_INVALID")),
        (Credentials::Raw("Digest x"), Refused::unauthenticated("CREDENTIALS_INVALID")),
        (Credentials::Bearer("v4.public.x"), Refused::unauthenticated("TOKEN_INVALID")),
        (Credentials::Basic("alice", PASSWORD), Refused::new(Code::PermissionDenied, "ROLE_REQUIRED")),
        (Credentials::Bearer(&plain), Refused::new(Code::PermissionDenied, "ROLE_REQUIRED")),
    ] {
        let refused = client.create_user_as(credentials.clone(), "carol", PASSWORD).await.unwrap_err();
        assert_eq!(refused, expected, "{credentials:?}");
    }
    client.create_user_as(Credentials::Bearer(&admin), "carol", PASSWORD).await.unwrap();
    client.create_user_as(Credentials::Basic("root", PASSWORD), "dave", PASSWORD).await.unwrap();
}

#[tokio::test]
async fn open_registration_never_looks_at_authorization() {
    let server = TestServer::start().await;
    let client = server.client().await;
    for (name, header) in
        [("a1", "Bearer v4.public.expired"), ("a2", "Basic !"), ("a3", "nonsense"), ("a4", "Basic Og==")]
    {
        client.create_user_as(Credentials::Raw(header), name, PASSWORD).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_hundred_who_want_one_name_one_gets_it() {
    let server = TestServer::start().await;
    let mut attempts = Vec::new();
    for n in 0..200 {
        let client = server.client().await;
        let name = if n % 2 == 0 { "Wanted" } else { "wanted" };
        attempts.push(tokio::spawn(async move { client.create_user(name, PASSWORD).await }));
    }
    let mut created = 0;
    for attempt in attempts {
        match attempt.await.unwrap() {
            Ok(_) => created += 1,
            Err(refused) => assert_eq!(refused, Refused::new(Code::AlreadyExists, "USERNAME_TAKEN")),
        }
    }
    assert_eq!(created, 1);
    assert_eq!(server.query_number("SELECT COUNT(*) FROM users").await, 1);
}
