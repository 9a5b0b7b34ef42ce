//! What was asked and answered, and when; and when something was made to go wrong. Moments are milliseconds since the start,
//! by one clock of the test's own.

/// Milliseconds since the start.
pub type Moment = u64;

/// How long a replica may take to feel what another one has revoked, while both have their database.
const FELT_WITHIN: Moment = 1000;
/// How long after a fault is over everything has to be as before.
pub const RECOVERED_WITHIN: Moment = 2000;
/// For how long a replica that cannot reach its database may go on checking tokens by what it knows.
const STALE_WITHIN: Moment = 30_000;

/// One call, about one user.
#[derive(Clone, Debug)]
pub struct Record {
    pub began: Moment,
    pub ended: Moment,
    pub replica: usize,
    pub call: Call,
    pub answer: Answer,
}

/// What was asked.
#[derive(Clone, Debug)]
pub enum Call {
    CreateUser {
        password: String,
    },
    SignIn {
        password: String,
    },
    Refresh {
        refresh_token: String,
        retry_key: u64,
    },
    Greet {
        token: String,
    },
    RevokeToken {
        token: String,
    },
    RevokeSession {
        bearer: String,
        session: String,
    },
    RevokeAllSessions {
        bearer: String,
    },
    ChangePassword {
        bearer: String,
        current: String,
        new: String,
    },
    /// By an admin.
    SetRoles {
        role: String,
    },
    /// By the password.
    ListSessions {
        password: String,
    },
    /// By the password.
    ReadRoles {
        password: String,
    },
}

/// What was answered.
#[derive(Clone, Debug)]
pub enum Answer {
    Done,
    Issued {
        session: String,
        token: String,
        refresh_token: String,
    },
    Sessions(Vec<String>),
    Role(String),
    /// Nothing has happened, for this reason.
    Refused(String),
    /// It may have happened, and may still: the answer is lost, or there was none in time.
    Unknown,
}

/// Something that was made to go wrong.
#[derive(Clone, Debug)]
struct Disturbance {
    /// None is all of them.
    replica: Option<usize>,
    began: Moment,
    ended: Option<Moment>,
}

/// All that was made to go wrong.
#[derive(Clone, Debug, Default)]
pub struct Disturbances(Vec<Disturbance>);

impl Disturbances {
    /// Something begins to go wrong.
    pub fn begin(&mut self, replica: Option<usize>, now: Moment) {
        self.0.push(Disturbance { replica, began: now, ended: None });
    }

    /// It is over.
    pub fn end(&mut self, now: Moment) {
        self.0.last_mut().unwrap().ended = Some(now);
    }

    /// Whether a replica that is asked at `asked` has to know what was acknowledged at `revoked`.
    pub fn must_know(&self, replica: usize, revoked: Moment, asked: Moment) -> bool {
        let mut latest = revoked + FELT_WITHIN;
        for disturbance in self.0.iter().filter(|one| one.replica.is_none_or(|hit| hit == replica)) {
            let over = disturbance.ended.map_or(Moment::MAX, |ended| ended + RECOVERED_WITHIN);
            if disturbance.began < latest && revoked < over {
                let stale = revoked.max(disturbance.began) + STALE_WITHIN;
                latest = latest.max(over.min(stale));
            }
        }
        asked > latest
    }
}
