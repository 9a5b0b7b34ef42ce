//! Histories that must be refused, and what tells them from those that must not.

use super::history::{Answer, Call, Disturbances, Moment, Record};
use super::rules::check;

const PASSWORD: &str = "correct horse battery";

/// A history that is written down call by call, each beginning when the one before it has ended.
struct Story {
    records: Vec<Record>,
    disturbances: Disturbances,
    now: Moment,
}

impl Story {
    /// Of a user with one session: `s1`, its access token `t1` and its refresh token `r1`.
    fn begin() -> Self {
        let mut story = Self { records: Vec::new(), disturbances: Disturbances::default(), now: 0 };
        story.says(Call::CreateUser { password: PASSWORD.into() }, Answer::Done);
        story.says(sign_in(), issued(1, 1));
        story
    }

    fn says(&mut self, call: Call, answer: Answer) -> &mut Self {
        self.records.push(Record { began: self.now, ended: self.now + 10, replica: 0, call, answer });
        self.now += 10;
        self
    }

    fn after(&mut self, span: Moment) -> &mut Self {
        self.now += span;
        self
    }

    #[track_caller]
    fn is_good(&self) {
        check(&self.records, &self.disturbances).unwrap();
    }

    #[track_caller]
    fn is_refused(&self, why: &str) {
        let wrong = check(&self.records, &self.disturbances).unwrap_err();
        assert!(wrong.starts_with(why), "{wrong}");
    }
}

fn sign_in() -> Call {
    Call::SignIn { password: PASSWORD.into() }
}

fn issued(session: u64, number: u64) -> Answer {
    Answer::Issued {
        session: format!("s{session}"),
        token: format!("t{number}"),
        refresh_token: format!("r{number}"),
    }
}

fn refresh(number: u64, key: u64) -> Call {
    Call::Refresh { refresh_token: format!("r{number}"), retry_key: key }
}

fn greet(number: u64) -> Call {
    Call::Greet { token: format!("t{number}") }
}

fn revoke(number: u64) -> Call {
    Call::RevokeToken { token: format!("t{number}") }
}

fn list() -> Call {
    Call::ListSessions { password: PASSWORD.into() }
}

fn change() -> Call {
    Call::ChangePassword { bearer: "t1".into(), current: PASSWORD.into(), new: "new".into() }
}

fn sessions(numbers: &[u64]) -> Answer {
    Answer::Sessions(numbers.iter().map(|number| format!("s{number}")).collect())
}

fn refused(reason: &str) -> Answer {
    Answer::Refused(reason.to_owned())
}

#[test]
fn an_acknowledged_user_session_password_or_role_that_is_lost_is_refused() {
    Story::begin().says(list(), sessions(&[1])).is_good();
    Story::begin().says(list(), sessions(&[])).is_refused("session s1 is not there");
    Story::begin()
        .says(sign_in(), refused("CREDENTIALS_INVALID"))
        .is_refused("the right password is refused");
    Story::begin()
        .says(change(), issued(2, 2))
        .says(sign_in(), issued(3, 3))
        .is_refused("a password is taken");
    let set = || Call::SetRoles { role: "new".into() };
    let read = || Call::ReadRoles { password: PASSWORD.into() };
    Story::begin().says(set(), Answer::Done).says(read(), Answer::Role("new".into())).is_good();
    Story::begin().says(set(), Answer::Unknown).says(read(), Answer::Role(String::new())).is_good();
    Story::begin().says(set(), Answer::Done).says(read(), Answer::Role(String::new())).is_refused("the role");
    Story::begin()
        .says(Call::CreateUser { password: PASSWORD.into() }, refused("USERNAME_TAKEN"))
        .is_refused("the name");
}

#[test]
fn a_spent_token_gives_its_one_successor_to_its_own_retry_key_alone() {
    Story::begin().says(refresh(1, 5), issued(1, 2)).says(refresh(1, 5), issued(1, 2)).is_good();
    Story::begin().says(refresh(1, 5), Answer::Unknown).says(refresh(1, 5), issued(1, 2)).is_good();
    Story::begin()
        .says(refresh(1, 5), issued(1, 2))
        .says(refresh(1, 5), issued(1, 3))
        .is_refused("two successors");
    Story::begin()
        .says(refresh(1, 5), issued(1, 2))
        .says(refresh(1, 6), issued(1, 2))
        .is_refused("a spent token");
}

#[test]
fn an_honest_client_that_is_logged_out_is_refused() {
    Story::begin().says(refresh(1, 5), refused("REFRESH_TOKEN_REUSED")).is_refused("an honest refresh");
    Story::begin().says(refresh(1, 5), refused("TOKEN_REVOKED")).is_refused("a session is over");
    Story::begin().says(greet(1), refused("TOKEN_REVOKED")).is_refused("a token is revoked");
    Story::begin().says(greet(1), refused("TOKEN_EXPIRED")).is_refused("a token has expired");
    Story::begin().says(greet(1), refused("INTERNAL")).is_refused("refused with INTERNAL");
    Story::begin().says(revoke(1), Answer::Unknown).says(greet(1), refused("TOKEN_REVOKED")).is_good();
    Story::begin()
        .says(refresh(1, 5), issued(1, 2))
        .says(refresh(1, 6), refused("REFRESH_TOKEN_REUSED"))
        .says(refresh(2, 7), refused("TOKEN_REVOKED"))
        .is_good();
}

#[test]
fn what_has_been_ended_and_lives_is_refused() {
    Story::begin().says(revoke(1), Answer::Done).after(900).says(greet(1), Answer::Done).is_good();
    let late = "a revoked token is accepted";
    Story::begin().says(revoke(1), Answer::Done).after(1001).says(greet(1), Answer::Done).is_refused(late);
    Story::begin().says(revoke(1), Answer::Unknown).after(5000).says(greet(1), Answer::Done).is_good();
    Story::begin()
        .says(revoke(1), Answer::Done)
        .says(refresh(1, 5), issued(1, 2))
        .is_refused("a session that is over");
    Story::begin().says(revoke(1), Answer::Done).says(list(), sessions(&[1])).is_refused("session s1 lives");
    Story::begin().says(revoke(1), Answer::Done).says(change(), issued(2, 2)).is_refused("something is done");
    let all = Call::RevokeAllSessions { bearer: "t1".into() };
    Story::begin().says(all, Answer::Done).says(list(), sessions(&[1])).is_refused("session s1 lives");
    Story::begin().says(list(), sessions(&[1, 2])).is_refused("there are more sessions");
    Story::begin().says(sign_in(), Answer::Unknown).says(list(), sessions(&[1, 2])).is_good();
}

#[test]
fn what_was_not_answered_may_come_late_and_not_after_what_was_acknowledged() {
    let mut story = Story::begin();
    story.says(change(), Answer::Unknown).says(sign_in(), issued(2, 2)).says(list(), sessions(&[1, 2]));
    story.says(greet(2), refused("TOKEN_REVOKED")).says(sign_in(), refused("CREDENTIALS_INVALID")).is_good();
    let mut story = Story::begin();
    story.says(change(), Answer::Unknown).after(20_000).says(sign_in(), issued(2, 2));
    story.says(greet(2), refused("TOKEN_REVOKED")).is_refused("a token is revoked");
}

#[test]
fn a_replica_that_is_cut_off_may_be_behind_for_a_while_and_no_longer() {
    let story = |asked: Moment, over: Option<Moment>, replica: usize| {
        let mut story = Story::begin();
        story.disturbances.begin(Some(replica), 15);
        if let Some(over) = over {
            story.disturbances.end(over);
        }
        story.says(revoke(1), Answer::Done).after(asked).says(greet(1), Answer::Done);
        story
    };
    story(29_000, None, 0).is_good();
    story(31_000, None, 0).is_refused("a revoked token is accepted");
    story(29_000, None, 1).is_refused("a revoked token is accepted");
    story(6000, Some(4100), 0).is_good();
    story(6200, Some(4100), 0).is_refused("a revoked token is accepted");
}
