//! The commands of an admin, against a running server, as they are typed.

use std::collections::BTreeSet;

use countersign::pb::auth::v1::auth_service_client::AuthServiceClient;
use countersign::pb::auth::v1::{IssueTokenRequest, ResetPasswordRequest};
use serde_json::{Value, json};
use tonic::transport::Endpoint;

use crate::harness::{Desk, PASSWORD, run, said_no, said_yes};

/// An id of nobody and of no session.
const NOBODY: &str = "0193b4a0-5f6e-7c3a-8d5e-1f2a3b4c5d6e";

fn texts<'a>(list: &'a Value, name: &str) -> Vec<&'a str> {
    list.as_array().unwrap().iter().map(|item| item[name].as_str().unwrap()).collect()
}

#[test]
fn everybody_is_listed_for_people_and_for_programs() {
    let desk = Desk::open();
    desk.create_user("alice", &[]);
    let list = desk.json(&["user", "list"]);
    assert_eq!(list.as_object().unwrap().keys().collect::<Vec<_>>(), ["users"]);
    assert_eq!(texts(&list["users"], "username"), ["root", "alice"], "the oldest first");
    let root = &list["users"][0];
    assert_eq!(root["roles"], json!(["admin"]));
    assert!(root["createTime"].as_str().unwrap().ends_with('Z'), "{root}");
    assert_eq!(root.get("disabled"), None, "what is empty is left out");

    let table = desk.table(&["user", "list"]);
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 3, "{table}");
    assert!(lines[0].starts_with("USER ID") && lines[0].contains("USERNAME  ROLES"), "{table}");
    let column = lines[0].find("USERNAME").unwrap();
    assert!(lines[1][column..].starts_with("root") && lines[2][column..].starts_with("alice"), "{table}");
    assert!(lines[1].starts_with(root["userId"].as_str().unwrap()), "{table}");

    let first = desk.json(&["user", "list", "--limit", "1"]);
    assert_eq!(texts(&first["users"], "username"), ["root"]);
    desk.refused(2, &["user", "list", "--limit", "0"]);
}

#[test]
fn a_user_is_named_by_id_or_by_name_in_any_spelling() {
    let desk = Desk::open();
    desk.create_user("alice", &[]);
    let alice = desk.json(&["user", "show", "ALICE"]);
    let id = alice["user"]["userId"].as_str().unwrap();
    assert_eq!(alice["user"]["username"], "alice");
    assert_eq!(desk.json(&["user", "show", id]), alice);
    assert_eq!(desk.json(&["user", "show", &id.to_uppercase()]), alice, "an id, and no name");
    assert!(desk.table(&["user", "show", "alice"]).contains(id));

    for nobody in ["bob", NOBODY] {
        let said = desk.refused(1, &["user", "show", nobody]);
        assert!(said.contains("(USER_NOT_FOUND)"), "{said}");
    }
    for nothing in ["", " "] {
        let said = desk.refused(2, &["user", "show", nothing]);
        assert!(said.contains("USER: must be"), "{said}");
    }
    let said = desk.refused(1, &["user", "show", "a b"]);
    assert!(said.contains("(FIELD_INVALID)"), "{said}");

    // Whoever registers under the id of another is not taken for that one.
    desk.create_user(id, &[]);
    assert_eq!(desk.json(&["user", "show", id]), alice);
}

#[test]
fn a_disabled_user_cannot_sign_in_until_it_is_enabled() {
    let desk = Desk::open();
    desk.create_user("alice", &[]);
    assert_eq!(desk.json(&["user", "disable", "alice"])["user"]["disabled"], true);
    let sign_in = || run(&mut desk.command(&["token", "issue", "--username", "alice"]), PASSWORD);
    let said = said_no(1, &sign_in());
    assert!(said.contains("(CREDENTIALS_INVALID)") && !said.contains(PASSWORD), "{said}");
    assert!(desk.table(&["user", "disable", "alice"]).contains("disabled"), "one that is disabled stays so");

    assert!(desk.table(&["user", "enable", "alice"]).contains("enabled"));
    said_yes(&sign_in());
    let said = desk.refused(1, &["user", "disable", "root"]);
    assert!(said.contains("(LAST_ADMIN)"), "{said}");
    let said = desk.refused(1, &["user", "enable", "bob"]);
    assert!(said.contains("(USER_NOT_FOUND)"), "{said}");
}

#[test]
fn a_user_has_exactly_the_roles_that_are_named() {
    let desk = Desk::open();
    desk.create_user("alice", &["--role", "verifier"]);
    let roles = |arguments: &[&str]| {
        desk.json(&[&["user", "set-roles", "alice"], arguments].concat())["user"].get("roles").cloned()
    };
    assert_eq!(roles(&["service,billing"]), Some(json!(["billing", "service"])));
    assert_eq!(roles(&["verifier", "a.b"]), Some(json!(["a.b", "verifier"])));
    assert_eq!(roles(&["--none"]), None);

    for wrong in [&[][..], &["--none", "admin"], &[""], &["Not A Role"], &["admin,"]] {
        let said = desk.refused(2, &[&["user", "set-roles", "alice"], wrong].concat());
        assert!(said.contains("ROLE: "), "{said}");
    }
    let said = desk.refused(1, &["user", "set-roles", "root", "--none"]);
    assert!(said.contains("(LAST_ADMIN)"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reset_code_is_shown_once_and_sets_a_password() {
    let desk = Desk::open();
    desk.create_user("alice", &[]);
    let table = desk.table(&["user", "reset-code", "alice"]);
    let lines: Vec<&str> = table.lines().collect();
    assert!(lines[0].starts_with("RESET CODE") && lines[0].ends_with("EXPIRES"), "{table}");
    assert!(lines[1].starts_with("csp_") && lines[1].ends_with('Z'), "{table}");

    let made = desk.json(&["user", "reset-code", "alice"]);
    let code = made["resetCode"].as_str().unwrap().to_owned();
    assert_eq!(code.len(), 4 + 86);
    assert!(made["expireTime"].as_str().unwrap().ends_with('Z'), "{made}");
    let new_password = "another horse battery".to_owned();
    let request = ResetPasswordRequest {
        reset_code: code,
        new_password: new_password.clone(),
        wait_for_verifiers: None,
    };
    AuthServiceClient::new(desk.server.channel().await).reset_password(request).await.unwrap();
    said_yes(&run(&mut desk.command(&["token", "issue", "--username", "alice"]), &new_password));

    let said = desk.refused(1, &["user", "reset-code", NOBODY]);
    assert!(said.contains("(USER_NOT_FOUND)"), "{said}");
}

#[test]
fn a_user_is_deleted_only_if_it_is_meant() {
    let desk = Desk::open();
    desk.create_user("alice", &[]);
    desk.create_user("bob", &[]);
    let said = desk.refused(2, &["user", "delete", "alice"]);
    assert!(said.contains("--yes"), "{said}");
    let id = desk.json(&["user", "show", "alice"])["user"]["userId"].as_str().unwrap().to_owned();

    assert_eq!(desk.table(&["user", "delete", "alice", "--yes"]), format!("deleted {id}\n"));
    assert_eq!(desk.json(&["user", "delete", "bob", "--yes"]), json!({}));
    for gone in ["alice", &id] {
        let said = desk.refused(1, &["user", "delete", gone, "--yes"]);
        assert!(said.contains("(USER_NOT_FOUND)"), "{said}");
    }
    assert_eq!(texts(&desk.json(&["user", "list"])["users"], "username"), ["root"]);
}

#[test]
fn whoever_deletes_itself_gives_its_password() {
    let desk = Desk::open();
    let second = desk.create_user("second", &["--role", "admin"]);
    let token = desk.sign_in("second");
    let delete = |token: &str, whom: &str, password: &str| {
        run(
            desk.command(&["user", "delete", whom, "--yes"]).env("COUNTERSIGN_TOKEN", token),
            &format!("{password}\n"),
        )
    };
    for (password, expected) in
        [("", "needs your password"), ("wrong horse battery", "(CREDENTIALS_INVALID)")]
    {
        for whom in ["second", &second] {
            let said = said_no(1, &delete(&token, whom, password));
            assert!(said.contains(expected), "{said}");
            assert!(password.is_empty() || !said.contains(password), "{said}");
        }
    }
    assert_eq!(said_yes(&delete(&token, "second", PASSWORD)), format!("deleted {second}\n"));
    let said = said_no(1, &delete(&desk.token, "root", PASSWORD));
    assert!(said.contains("(LAST_ADMIN)"), "{said}");

    // Whoever is no admin can do it too, by its id.
    let alice = desk.create_user("alice", &[]);
    said_yes(&delete(&desk.sign_in("alice"), &alice, PASSWORD));
    let help = desk.table(&["user", "delete", "--help"]);
    assert!(help.contains("deletes itself"), "{help}");
}

#[test]
fn sessions_are_listed_and_ended() {
    let desk = Desk::open();
    desk.create_user("alice", &[]);
    let open = || {
        let arguments = ["token", "issue", "--username", "alice", "--json"];
        let issued: Value =
            serde_json::from_str(&said_yes(&run(&mut desk.command(&arguments), PASSWORD))).unwrap();
        issued["sessionId"].as_str().unwrap().to_owned()
    };
    let opened = [open(), open()];
    let list = desk.json(&["session", "list", "alice"]);
    let listed: BTreeSet<_> = texts(&list["sessions"], "sessionId").into_iter().collect();
    assert_eq!(listed, opened.iter().map(String::as_str).collect());
    let session = &list["sessions"][0];
    for time in ["createTime", "lastUseTime", "expireTime"] {
        assert!(session[time].as_str().unwrap().ends_with('Z'), "{session}");
    }
    assert!(session["userAgent"].as_str().unwrap().starts_with("countersign/"), "{session}");
    assert!(session["peer"].as_str().unwrap().starts_with("127.0.0.1"), "{session}");
    assert_eq!(session.get("current"), None);
    let own = desk.json(&["session", "list", "root"]);
    assert_eq!(own["sessions"][0]["current"], true);

    let table = desk.table(&["session", "list", "alice"]);
    assert!(table.starts_with("SESSION ID") && table.lines().count() == 3, "{table}");
    assert!(opened.iter().all(|id| table.contains(id)), "{table}");

    assert_eq!(desk.table(&["session", "revoke", &opened[0]]), format!("ended {}\n", opened[0]));
    for gone in [&opened[0], NOBODY] {
        let said = desk.refused(1, &["session", "revoke", gone]);
        assert!(said.contains("(SESSION_NOT_FOUND)"), "{said}");
    }
    desk.refused(2, &["session", "revoke", "alice"]);
    open();
    assert_eq!(desk.json(&["session", "revoke-all", "alice"]), json!({ "revokedCount": 2 }));
    assert_eq!(desk.table(&["session", "revoke-all", "alice"]), "ended 0 sessions\n");
    assert_eq!(desk.json(&["session", "list", "alice"]), json!({ "sessions": [] }));
    let said = desk.refused(1, &["session", "revoke-all", NOBODY]);
    assert!(said.contains("(USER_NOT_FOUND)"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hostile_user_agent_cannot_write_to_the_terminal() {
    let desk = Desk::open();
    desk.create_user("alice", &[]);
    // What HTTP/2 carries of what a terminal obeys: the eight-bit form of CSI, and a mark that reverses the text.
    let agent = "evil\u{9b}2J\u{202e}nimda".as_bytes();
    let endpoint = Endpoint::from_shared(desk.url.clone()).unwrap().user_agent(agent).unwrap();
    let request = IssueTokenRequest {
        username: "alice".to_owned(),
        password: PASSWORD.to_owned(),
        ..Default::default()
    };
    AuthServiceClient::new(endpoint.connect().await.unwrap()).issue_token(request).await.unwrap();
    for more in [&[][..], &["--json"]] {
        let shown = desk.table(&[&["session", "list", "alice"], more].concat());
        assert!(shown.contains("127.0.0.1"), "{shown:?}");
        assert!(!shown.contains(['\u{9b}', '\u{202e}', '\u{1b}']), "{shown:?}");
    }
}

#[test]
fn events_are_listed_the_latest_first() {
    let desk = Desk::open();
    desk.create_user("alice", &[]);
    desk.create_user("bob", &[]);
    for arguments in [
        &["user", "disable", "alice"][..],
        &["user", "enable", "alice"],
        &["user", "set-roles", "alice", "billing"],
        &["user", "set-roles", "bob", "billing"],
    ] {
        desk.table(arguments);
    }
    let id = |name: &str| desk.json(&["user", "show", name])["user"]["userId"].as_str().unwrap().to_owned();
    let all = desk.json(&["event", "list"]);
    let kinds = texts(&all["events"], "kind");
    assert_eq!(
        kinds[..4],
        ["ROLES_CHANGED", "ROLES_CHANGED", "USER_ENABLED", "USER_DISABLED"]
            .map(|kind| format!("SECURITY_EVENT_KIND_{kind}")),
    );
    let latest = &all["events"][0];
    assert_eq!(latest["userId"], id("bob").as_str());
    assert_eq!(latest["actorId"], id("root").as_str());
    assert_eq!(latest["count"], "1", "64-bit numbers are texts");
    assert!(latest["time"].as_str().unwrap().ends_with('Z'), "{latest}");

    let of_alice = desk.json(&["event", "list", "--user", "alice", "--limit", "3"]);
    let alice = id("alice");
    assert_eq!(texts(&of_alice["events"], "userId"), [alice.as_str(); 3]);
    let table = desk.table(&["event", "list", "--user", &alice]);
    assert!(table.starts_with("TIME") && table.contains("  USER_DISABLED  "), "{table}");
    let said = desk.refused(1, &["event", "list", "--user", "carol"]);
    assert!(said.contains("(USER_NOT_FOUND)"), "{said}");
    desk.refused(2, &["event", "list", "--user", ""]);
}

#[test]
fn the_events_of_a_deleted_user_are_found_by_its_id() {
    let desk = Desk::open();
    let alice = desk.create_user("alice", &[]);
    desk.table(&["user", "delete", "alice", "--yes"]);
    let said = desk.refused(1, &["event", "list", "--user", "alice"]);
    assert!(said.contains("(USER_NOT_FOUND); the events of a deleted user"), "{said}");
    assert!(said.contains("its id") && said.contains("USER_DELETED"), "{said}");

    let all = desk.table(&["event", "list"]);
    let deleted = all.lines().find(|line| line.contains("USER_DELETED")).unwrap();
    assert!(deleted.contains(&alice) && deleted.ends_with("alice"), "{all}");
    let of_alice = desk.json(&["event", "list", "--user", &alice]);
    assert!(texts(&of_alice["events"], "kind").contains(&"SECURITY_EVENT_KIND_USER_DELETED"), "{of_alice}");
}

#[test]
fn whoever_is_no_admin_is_refused() {
    let desk = Desk::open();
    desk.create_user("alice", &[]);
    let token = desk.sign_in("alice");
    for arguments in [
        &["user", "list"][..],
        &["user", "show", "root"],
        &["user", "show", NOBODY],
        &["user", "disable", NOBODY],
        &["user", "enable", NOBODY],
        &["user", "set-roles", NOBODY, "admin"],
        &["user", "reset-code", NOBODY],
        &["user", "delete", NOBODY, "--yes"],
        &["session", "list", NOBODY],
        &["session", "revoke-all", NOBODY],
        &["event", "list"],
    ] {
        let said = said_no(1, &desk.run_as(&token, arguments));
        assert!(said.contains("(ROLE_REQUIRED)") && !said.contains(&token), "{arguments:?}: {said}");
    }
    let said = said_no(1, &desk.run_as(&token, &["user", "list"]));
    assert_eq!(said, "countersign: the caller lacks the role for this (ROLE_REQUIRED)\n");
}
