//! A server, a stream and a verifier in random histories: revocations, rotations, cuts, delays, frames that come twice,
//! restarts on either side, lives of the log that begin anew. After every step the verifier must know what its
//! position says and nothing untrue, never less than it knew, and nothing may be missing that is older than its staleness; when things calm
//! down, it knows what the server knows.

use std::collections::VecDeque;
use std::time::Duration;

use countersign_verify::{TrustFrame, TrustPosition, TrustView};
use proptest::prelude::{ProptestConfig, Strategy, any, prop_oneof, proptest};
use proptest::{collection, strategy};

use super::trust_view::{at, end, has_ended, key_set};

const PART: usize = 2;

#[derive(Clone, Debug)]
enum Step {
    Revoke,
    Rotate,
    /// The server reads its log.
    Read,
    /// The server sends so many frames.
    Send(usize),
    /// So many frames come through; the last one perhaps twice.
    Deliver(usize, bool),
    /// The verifier answers.
    Report,
    /// Time passes, in milliseconds.
    Pass(u64),
    /// The stream is cut and opened again; perhaps the server cannot tell what was missed, and sends a snapshot.
    Reconnect(bool),
    /// The verifier starts anew, knowing nothing.
    Restart,
    /// The log is restored to what it was, so many revocations ago.
    Restore(usize),
}

/// One life of the log: the session that each entry ends, and when it was committed.
#[derive(Clone, Default)]
struct Log(Vec<(i64, Duration)>);

struct World {
    now: Duration,
    /// All lives, the present one last.
    logs: Vec<Log>,
    sessions: i64,
    keys: u8,
    read: (Duration, usize),
    stream: Stream,
    view: TrustView,
    seen: Option<TrustPosition>,
    nonces: u64,
}

#[derive(Default)]
struct Stream {
    told_keys: Option<u8>,
    /// In which life, and up to where everything has been told.
    told: Option<(usize, usize)>,
    /// How much of the log has been told, of that life or of the snapshot that is being told.
    cursor: usize,
    snapshot: bool,
    nonce: u64,
    on_the_way: VecDeque<TrustFrame>,
    reports: VecDeque<u64>,
}

impl World {
    fn new() -> Self {
        let mut world = Self {
            now: Duration::from_secs(100),
            logs: vec![Log::default()],
            sessions: 0,
            keys: 1,
            read: (Duration::from_secs(100), 0),
            stream: Stream::default(),
            view: TrustView::default(),
            seen: None,
            nonces: 0,
        };
        world.reconnect(false);
        world
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Revoke => {
                self.sessions += 1;
                let entry = (self.sessions, self.now);
                self.logs.last_mut().unwrap().0.push(entry);
            }
            Step::Rotate => self.keys += 1,
            Step::Read => self.read = (self.now, self.logs.last().unwrap().0.len()),
            Step::Send(frames) => (0..*frames).for_each(|_| self.send()),
            Step::Deliver(frames, twice) => self.deliver(*frames, *twice),
            Step::Report => {
                let nonce = self.nonce();
                self.stream.reports.push_back(nonce);
            }
            Step::Pass(millis) => self.now += Duration::from_millis(*millis),
            Step::Reconnect(forgetful) => self.reconnect(*forgetful),
            Step::Restart => {
                (self.view, self.seen) = (TrustView::default(), None);
                self.reconnect(false);
            }
            Step::Restore(lost) => {
                let mut log = self.logs.last().unwrap().clone();
                log.0.truncate(log.0.len().saturating_sub(*lost));
                self.read = (self.now, log.0.len());
                self.logs.push(log);
                // Half a snapshot may be out: the server ends such a stream.
                if self.stream.snapshot {
                    self.reconnect(false);
                }
            }
        }
        self.check();
    }

    fn nonce(&mut self) -> u64 {
        self.nonces += 1;
        self.view.expect_nonce(self.nonces, self.now);
        self.nonces
    }

    fn reconnect(&mut self, forgetful: bool) {
        let resume = self.view.begin_stream().map(|position| {
            (usize::from(position.incarnation.0[0]), usize::try_from(position.sequence).unwrap())
        });
        let life = self.logs.len() - 1;
        let told = resume.filter(|(resumed, _)| *resumed == life && !forgetful);
        let cursor = told.map_or(0, |(_, complete)| complete);
        self.stream = Stream { told, cursor, nonce: self.nonce(), ..Stream::default() };
        // A server that knows less than the verifier has seen reads its log before it answers.
        self.read = (self.now, self.logs[life].0.len());
    }

    /// The next frame that is due.
    fn send(&mut self) {
        self.stream.nonce = self.stream.reports.drain(..).next_back().unwrap_or(self.stream.nonce);
        let frame = self.due();
        self.stream.on_the_way.push_back(frame);
    }

    fn due(&mut self) -> TrustFrame {
        let (life, (read_at, known)) = (self.logs.len() - 1, self.read);
        let position = |sequence: usize| at(u8::try_from(life).unwrap(), i64::try_from(sequence).unwrap());
        let entries = |from: usize, to: usize| {
            let numbered = (1_i64..).zip(&self.logs[life].0).skip(from).take(to - from);
            numbered.map(|(sequence, (session, _))| end(sequence, *session)).collect()
        };
        let stream = &mut self.stream;
        if stream.told_keys != Some(self.keys) {
            stream.told_keys = Some(self.keys);
            return key_set(&[self.keys, self.keys + 1]);
        }
        if !stream.snapshot && stream.told.is_none_or(|(told, _)| told != life) {
            (stream.snapshot, stream.cursor) = (true, 0);
        }
        let from = stream.cursor;
        if !stream.snapshot && from == known {
            return TrustFrame::Heartbeat {
                position: position(from),
                age: self.now - read_at,
                nonce: stream.nonce,
            };
        }
        stream.cursor = known.min(from + PART);
        let (revocations, is_last) = (entries(from, stream.cursor), stream.cursor == known);
        let before = stream.told.map_or(0, |(_, complete)| complete);
        if is_last {
            stream.told = Some((life, known));
        }
        if stream.snapshot {
            stream.snapshot = !is_last;
            return TrustFrame::Snapshot { revocations, complete: is_last.then(|| position(known)) };
        }
        let sequence = position(if is_last { known } else { before }).sequence;
        TrustFrame::Revocations { revocations, sequence }
    }

    fn deliver(&mut self, frames: usize, twice: bool) {
        let frames = frames.min(self.stream.on_the_way.len());
        for frame in self.stream.on_the_way.drain(..frames).collect::<Vec<_>>() {
            self.view.apply(frame.clone(), self.now).unwrap();
            let is_part = matches!(frame, TrustFrame::Snapshot { .. });
            // The last part of a snapshot again is refused; the rest changes nothing.
            assert!(!twice || self.view.apply(frame, self.now).is_ok() || is_part);
        }
    }

    fn check(&mut self) {
        let position = self.view.position();
        if let (Some(before), Some(position)) = (self.seen, position) {
            assert!(before.incarnation.0 <= position.incarnation.0);
            assert!(before.incarnation != position.incarnation || before.sequence <= position.sequence);
        }
        assert!(self.seen.is_none() || position.is_some());
        self.seen = position;
        let life = position.map_or(0, |position| usize::from(position.incarnation.0[0]));
        let known = position.map_or(0, |position| usize::try_from(position.sequence).unwrap());
        let log = &self.logs[life].0;
        for session in 1..=self.sessions {
            let place = log.iter().position(|(ended, _)| *ended == session);
            let has_ended = has_ended(&self.view, session);
            assert!(has_ended || place.is_none_or(|place| place >= known), "{session} at {position:?}");
            assert!(!has_ended || place.is_some(), "{session} at {position:?}");
        }
        if let Some(staleness) = self.view.staleness(self.now) {
            let complete = self.now.saturating_sub(staleness);
            let missing = log[known..].iter().find(|(_, committed)| *committed < complete);
            assert_eq!(missing, None, "at {position:?}, said to be {staleness:?} old");
        }
    }

    /// All that is on the way comes through, the log is read, and a report is answered.
    fn calm_down(&mut self) {
        self.take(&Step::Read);
        self.take(&Step::Report);
        let frames = self.logs.last().unwrap().0.len() + 5;
        for _ in 0..2 {
            self.take(&Step::Send(frames));
            self.take(&Step::Deliver(usize::MAX, false));
        }
    }

    fn assert_converged(&self) {
        let life = self.logs.len() - 1;
        let position = at(u8::try_from(life).unwrap(), i64::try_from(self.logs[life].0.len()).unwrap());
        assert_eq!(self.view.position(), Some(position));
        assert_eq!(self.view.staleness(self.now), Some(Duration::ZERO));
        let mut current = TrustView::default();
        current.apply(key_set(&[self.keys, self.keys + 1]), Duration::ZERO).unwrap();
        assert!(self.view.keys().keys().eq(current.keys().keys()));
    }
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => strategy::Just(Step::Revoke),
        1 => strategy::Just(Step::Rotate),
        4 => strategy::Just(Step::Read),
        8 => (1_usize..4).prop_map(Step::Send),
        8 => (1_usize..4, any::<bool>()).prop_map(|(frames, twice)| Step::Deliver(frames, twice)),
        4 => strategy::Just(Step::Report),
        4 => (0_u64..3000).prop_map(Step::Pass),
        1 => any::<bool>().prop_map(Step::Reconnect),
        1 => strategy::Just(Step::Restart),
        1 => (0_usize..5).prop_map(Step::Restore),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_verifier_never_goes_back_and_ends_up_knowing_what_the_server_knows(steps in collection::vec(step(), 1..120)) {
        let mut world = World::new();
        steps.iter().for_each(|step| world.take(step));
        world.calm_down();
        world.assert_converged();
    }
}
