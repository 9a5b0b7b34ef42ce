//! How a ring becomes the next one. Each transition takes a ring and the present and gives another ring; the store writes it
//! only if nobody else has changed the one that it was made from.
//!
//! - There is always a key that is published and does not sign yet, and it is published at least the *lead* before it signs:
//!   twice as long as any verifier may keep what it has read.
//! - A key signs for the *period*, and verifies for the *tail* after it: as long as its last token may live, and a minute.
//! - Only an emergency breaks the lead: a key that is revoked must not sign another moment.

use std::time::Duration;

use countersign_verify::KeyId;

use super::{MasterKey, Ring, RingError, RingKey, SecretKey};
use crate::domain::{Entropy, KeyState, Timestamp};

/// How long each part of a key's life takes.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    /// How long a key signs.
    pub period: Duration,
    /// How long it is published before, at least.
    pub lead: Duration,
    /// How long it verifies after.
    pub tail: Duration,
    /// How long it is kept after that: as long as a session may live whose expired token comes back.
    pub kept: Duration,
}

/// Makes and wraps keys.
#[derive(Clone, Copy)]
pub struct KeyMaker<'a> {
    /// Wraps them.
    pub master_key: &'a MasterKey,
    /// Where they come from.
    pub entropy: &'a dyn Entropy,
    /// How long their lives take.
    pub schedule: Schedule,
}

impl Ring {
    /// The first ring: a key that signs from now on, and the one after it.
    #[must_use]
    pub fn first(now: Timestamp, maker: &KeyMaker<'_>) -> Self {
        Self { keys: Vec::new() }.maintained(now, maker).unwrap_or(Self { keys: Vec::new() })
    }

    /// The ring with all that it should have at `now`; `None` if it has. A key that signs without end gets an end; one
    /// that nobody's session can be of is dropped; a key to come is published. If none signs at all, the earliest of those to
    /// come does at once; a new one, if there is none because nobody was there to publish it in time.
    #[must_use]
    pub fn maintained(&self, now: Timestamp, maker: &KeyMaker<'_>) -> Option<Self> {
        let kept = |key: &&RingKey| key.verify_until.is_none_or(|end| now < end.plus(maker.schedule.kept));
        let mut keys: Vec<RingKey> = self.keys.iter().filter(kept).cloned().collect();
        for key in &mut keys {
            if key.sign_until.is_none() {
                maker.end(key, key.sign_from.plus(maker.schedule.period).max(now.plus(maker.schedule.lead)));
            }
        }
        if !keys.iter().any(|key| key.state_at(now) == KeyState::Active) {
            match keys
                .iter_mut()
                .filter(|key| key.state_at(now) == KeyState::Next)
                .min_by_key(|key| key.sign_from)
            {
                // It was to sign at once when it was made, and the clock has been set back since.
                Some(key) => key.sign_from = now,
                None => keys.push(maker.make(now, now)),
            }
        }
        if !keys.iter().any(|key| key.state_at(now) == KeyState::Next) {
            let last = keys.iter().filter_map(|key| key.sign_until).max().unwrap_or(now);
            keys.push(maker.make(now, last.max(now.plus(maker.schedule.lead))));
        }
        close_gaps(&mut keys, now, maker);
        (keys != self.keys).then_some(Self { keys })
    }

    /// The ring whose next key signs as early as it may: at once, if it has been published for long enough. When it does.
    #[must_use]
    pub fn rotated(&self, now: Timestamp, maker: &KeyMaker<'_>) -> (Self, Timestamp) {
        let mut ring = self.maintained(now, maker).unwrap_or_else(|| self.clone());
        let Some(next) = ring.keys.iter().position(|key| key.state_at(now) == KeyState::Next) else {
            return (ring, now);
        };
        let moment =
            now.max(ring.keys[next].published.plus(maker.schedule.lead)).min(ring.keys[next].sign_from);
        ring.hand_over(next, moment, maker);
        let ring = ring.maintained(now, maker).unwrap_or(ring);
        (ring, moment)
    }

    /// The ring without a key, as if it had never been; the next one signs at once if it was the one that did. It fails if
    /// there is no such key.
    pub fn without(&self, id: &KeyId, now: Timestamp, maker: &KeyMaker<'_>) -> Result<Self, RingError> {
        let Some(revoked) = self.keys.iter().position(|key| key.key.id() == id) else {
            return Err(RingError::NoSuchKey);
        };
        let mut ring = self.clone();
        let was_active = ring.keys.remove(revoked).state_at(now) == KeyState::Active;
        if was_active && let Some(next) = ring.keys.iter().position(|key| key.state_at(now) == KeyState::Next)
        {
            ring.hand_over(next, now, maker);
        }
        Ok(ring.maintained(now, maker).unwrap_or(ring))
    }

    /// The same keys, all wrapped by the maker's master key; `None` if they are. It fails where one cannot be unwrapped.
    pub fn rewrapped(
        &self,
        master_keys: &[MasterKey],
        maker: &KeyMaker<'_>,
    ) -> Result<Option<Self>, RingError> {
        let id = maker.master_key.id();
        let mut keys = self.keys.clone();
        for key in keys.iter_mut().filter(|key| key.wrapped_by != id) {
            let secret = key.unwrap(master_keys)?;
            key.wrapped_key = maker.master_key.wrap(&secret, maker.entropy);
            key.wrapped_by.clone_from(&id);
        }
        Ok((keys != self.keys).then_some(Self { keys }))
    }

    /// Lets the key at `next` sign from `moment` on, for a whole period, and the one before it up to then.
    fn hand_over(&mut self, next: usize, moment: Timestamp, maker: &KeyMaker<'_>) {
        for key in &mut self.keys[..next] {
            if key.sign_until.is_none_or(|end| end > moment) && key.sign_from <= moment {
                maker.end(key, moment);
            }
        }
        let key = &mut self.keys[next];
        key.sign_from = moment;
        maker.end(key, moment.plus(maker.schedule.period));
    }
}

impl KeyMaker<'_> {
    /// A key that is published at `now` and signs from `sign_from` on.
    fn make(&self, now: Timestamp, sign_from: Timestamp) -> RingKey {
        let secret = SecretKey::generate(self.entropy);
        let mut key = RingKey {
            key: secret.public_key().clone(),
            wrapped_key: self.master_key.wrap(&secret, self.entropy),
            wrapped_by: self.master_key.id(),
            published: now,
            sign_from,
            sign_until: None,
            verify_until: None,
        };
        self.end(&mut key, sign_from.plus(self.schedule.period));
        key
    }

    fn end(&self, key: &mut RingKey, sign_until: Timestamp) {
        key.sign_until = Some(sign_until);
        key.verify_until = Some(sign_until.plus(self.schedule.tail));
    }
}

/// A key to come must take over where the one before it ends: between the two nobody would sign.
fn close_gaps(keys: &mut [RingKey], now: Timestamp, maker: &KeyMaker<'_>) {
    keys.sort_by_key(|key| key.sign_from);
    for index in 1..keys.len() {
        let (before, from) = (keys[index - 1].sign_until, keys[index].sign_from);
        if before.is_some_and(|end| end < from && now < end) {
            maker.end(&mut keys[index - 1], from);
        }
    }
}
