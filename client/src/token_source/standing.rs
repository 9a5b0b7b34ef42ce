//! How a source stands, as its background task publishes it to everybody who asks. Pure: what a caller is answered
//! depends on the standing and the time.

use tokio::time::Instant;

use super::{Token, TokenError};

/// What the background task publishes.
pub(super) struct Published {
    /// Counts the ends of attempts that decided something: a token or a refusal. Whoever wants more than there is wants
    /// the next round.
    pub(super) round: u64,
    pub(super) standing: Standing,
    /// What failed last; `None` since the last success.
    pub(super) trouble: Option<TokenError>,
}

pub(super) enum Standing {
    /// No token: none has been asked for yet, or its session is over and no other was opened yet.
    Empty,
    /// A token, whose time may be over.
    Held(Token),
    /// The server has refused. Until `rests_until` nobody asks again; `None` is for ever.
    Refused { error: TokenError, rests_until: Option<Instant> },
    /// Over, by its user's wish.
    SignedOut,
}

impl Published {
    pub(super) fn new() -> Self {
        Self { round: 0, standing: Standing::Empty, trouble: None }
    }

    /// What a caller gets who has no use for tokens up to the round `rejected`; `None` is for waiting.
    pub(super) fn answer(&self, rejected: u64, now: Instant) -> Option<Result<Token, TokenError>> {
        match &self.standing {
            Standing::Held(token) if token.round() > rejected && token.is_good(now) => {
                Some(Ok(token.clone()))
            }
            Standing::Refused { error, rests_until } if rests_until.is_none_or(|until| now < until) => {
                Some(Err(error.clone()))
            }
            Standing::SignedOut => Some(Err(TokenError::SignedOut)),
            Standing::Empty | Standing::Held(_) | Standing::Refused { .. } => None,
        }
    }

    /// Whether the token of now is still good.
    pub(super) fn has_good_token(&self, now: Instant) -> bool {
        matches!(&self.standing, Standing::Held(token) if token.is_good(now))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tonic::Status;
    use zeroize::Zeroizing;

    use super::super::clock;
    use super::*;

    fn published(round: u64, standing: Standing) -> Published {
        Published { round, standing, trouble: None }
    }

    fn held(round: u64, expires: Instant) -> Published {
        let token = Token::new(Zeroizing::new("v4.public.x".to_owned()), expires, round).unwrap();
        published(round, Standing::Held(token))
    }

    fn refused(rests_until: Option<Instant>) -> Published {
        let error = TokenError::Refused(Status::unauthenticated("no"));
        published(1, Standing::Refused { error, rests_until })
    }

    #[test]
    fn a_good_token_is_handed_out_and_one_whose_time_is_over_is_not() {
        let now = clock::now();
        let second = Duration::from_secs(1);
        assert!(matches!(held(1, now + second).answer(0, now), Some(Ok(_))));
        assert!(held(1, now + second).answer(0, now + second).is_none());
    }

    #[test]
    fn whoever_met_a_refusal_waits_for_a_later_token() {
        let now = clock::now();
        let expires = now + Duration::from_secs(1);
        assert!(held(7, expires).answer(7, now).is_none());
        // Another caller met the same refusal before, and its refresh serves this one too.
        assert!(matches!(held(8, expires).answer(7, now), Some(Ok(token)) if token.round() == 8));
    }

    #[test]
    fn a_refusal_holds_for_a_while_or_for_ever() {
        let now = clock::now();
        let until = now + Duration::from_secs(30);
        for (rests_until, later, expected) in
            [(Some(until), now, true), (Some(until), until, false), (None, until, true)]
        {
            assert_eq!(refused(rests_until).answer(0, later).is_some(), expected);
        }
    }

    #[test]
    fn after_a_sign_out_there_is_nothing_to_wait_for() {
        let answer = published(3, Standing::SignedOut).answer(0, clock::now());
        assert!(matches!(answer, Some(Err(TokenError::SignedOut))));
        assert!(published(0, Standing::Empty).answer(0, clock::now()).is_none());
    }
}
