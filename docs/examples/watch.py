"""Keeps a verifier's keys and revocations by WatchTrust, with grpcio."""

import asyncio
import contextlib
import logging
import math
import random
import secrets
import time
from datetime import UTC, datetime

import grpc
from auth.v1 import trust_service_pb2 as pb
from auth.v1.trust_service_pb2_grpc import TrustServiceStub

from verify import Refused, TokenVerifier, named_key

NO_EPOCH = 2**63  # above every claim `ep`
# For the channel: a connection whose other end is gone is given up, and another one tried every few seconds.
OPTIONS = [("grpc.keepalive_time_ms", 10_000), ("grpc.keepalive_timeout_ms", 5_000),
           ("grpc.max_reconnect_backoff_ms", 5_000)]


class Revocations:
    """The lowest epoch that is still good, by user, session and key, and when to forget it, in seconds since 1970."""

    def __init__(self) -> None:
        self.entries: dict[tuple[str, str], tuple[int, int]] = {}

    def add(self, revocation: pb.Revocation) -> None:
        match kind := revocation.WhichOneof("revoked"):
            case "user":
                what, below_epoch = revocation.user.user_id, revocation.user.below_epoch
            case "session":
                what, below_epoch = revocation.session.session_id, NO_EPOCH
            case "key_id":
                what, below_epoch = revocation.key_id, NO_EPOCH
            case None:
                raise ValueError("a revocation of a kind that is not known here")
        epoch, forget = self.entries.get((kind, what), (0, 0))
        self.entries[kind, what] = (max(epoch, below_epoch), max(forget, revocation.forget_time.seconds + 1))

    def hit(self, claims: dict, key_id: str) -> bool:
        places = ("user", claims["sub"]), ("session", claims["sid"]), ("key_id", key_id)
        return any(claims["ep"] < self.entries.get(place, (0, 0))[0] for place in places)

    def hit_key(self, key_id: str | None) -> bool:
        return ("key_id", key_id) in self.entries

    def forget(self, now: float) -> None:
        self.entries = {place: entry for place, entry in self.entries.items() if entry[1] > now}


class Watcher:
    """`run` keeps it up to date, in one event loop; `check` may be called from any thread and never waits."""

    def __init__(self, channel: grpc.aio.Channel, authorization: str, verifier: TokenVerifier, instance: str,
                 max_staleness: float = 30, clock=time.monotonic) -> None:
        self.stub, self.authorization = TrustServiceStub(channel), authorization
        self.verifier, self.instance, self.run_id = verifier, instance, secrets.token_bytes(16)
        self.max_staleness, self.clock = max_staleness, clock
        self.revocations, self.parts = Revocations(), []
        self.position: pb.TrustPosition | None = None  # up to where everything is known
        self.known_at = -math.inf  # when everything up to there was known, by our clock
        self.nonce, self.sent = 0, {}  # the last nonce, and when each that was not answered yet was sent
        self.ready = asyncio.Event()

    def check(self, token: str) -> dict:
        """The claims of a good token; raises Refused otherwise."""
        if self.clock() - self.known_at > self.max_staleness:
            raise Refused("stale")
        # First of all: a revoked key leaves the key set before its revocation comes, and its tokens would be invalid. But
        # their holders may refresh, and do so when they hear that a token was revoked.
        if self.revocations.hit_key(named_key(token)):
            raise Refused("revoked")
        claims, key_id = self.verifier.check(token)
        if self.revocations.hit(claims, key_id):
            raise Refused("revoked")
        return claims

    async def run(self) -> None:
        """Until it is cancelled; a stream that breaks is begun again where it ended."""
        pause = 0.5
        while True:
            began = self.clock()
            try:
                await self.watch()
            except Exception as error:  # whatever it was: without a watch nothing is accepted for long
                logging.warning("the watch of revocations was interrupted: %r", error)
            # Not all verifiers at once, and ever more seldom where it does not work.
            pause = 0.5 if self.known_at > began else min(2 * pause, 10)
            await asyncio.sleep(random.uniform(0.2, 1) * pause)

    async def watch(self) -> None:
        stream = self.stub.WatchTrust(metadata=[("authorization", self.authorization)])
        self.reading, self.writing, self.parts = None, None, []
        hello = pb.VerifierHello(instance=self.instance, run_id=self.run_id, resume=self.position,
                                 nonce=self.next_nonce())
        hello.max_staleness.FromMilliseconds(round(self.max_staleness * 1000))
        try:
            await self.send(stream, hello=hello)
            # Two heartbeats are a second apart: who hears nothing for so long has lost the server.
            while (frame := await self.next_frame(stream, self.max_staleness)) is not grpc.aio.EOF:
                if self.apply(frame):
                    report = pb.VerifierReport(applied=self.position, nonce=self.next_nonce())
                    await self.send(stream, report=report)
        except asyncio.CancelledError:
            # The service stops. To close our side says that nothing is checked any more: nobody has to wait for us.
            self.known_at = -math.inf
            with contextlib.suppress(Exception):  # or it would be no cancellation any more
                await self.written()
                await stream.done_writing()
                while await self.next_frame(stream, 5) is not grpc.aio.EOF:
                    pass
            raise
        finally:
            # Any other end is a break: we go on checking while we may, and our side must not look closed.
            self.ready.clear()
            stream.cancel()

    async def send(self, stream, **message) -> None:
        """As `next_frame`, leaves the writing alone when the task is cancelled. (`wait_for` would do worse in Python 3.11: where
        both come at once, it forgets that the task was cancelled.)"""
        self.writing = asyncio.ensure_future(stream.write(pb.WatchTrustRequest(**message)))
        await self.written()

    async def written(self) -> None:
        await asyncio.wait([self.writing], timeout=self.max_staleness)
        if not self.writing.done():
            raise TimeoutError("the server reads nothing")
        self.writing.result()

    async def next_frame(self, stream, patience: float):
        """Leaves the reading alone when the task is cancelled meanwhile: to cancel that too would break the stream."""
        self.reading = self.reading or asyncio.ensure_future(stream.read())
        await asyncio.wait([self.reading], timeout=patience)
        if not self.reading.done():
            raise TimeoutError("the server says nothing")
        reading, self.reading = self.reading, None
        return reading.result()

    def next_nonce(self) -> int:
        self.nonce += 1
        self.sent[self.nonce] = self.clock()
        return self.nonce

    def apply(self, frame: pb.WatchTrustResponse) -> bool:
        """Whether there is something to report."""
        match frame.WhichOneof("frame"):
            case "key_set":
                self.verifier.set_keys(frame.key_set.keys)
            case "snapshot":
                self.parts += frame.snapshot.revocations
                if not frame.snapshot.last:
                    return False
                self.replace(frame.snapshot.position)
            case "revocations":
                for revocation in frame.revocations.revocations:
                    self.revocations.add(revocation)
                self.position = pb.TrustPosition(incarnation=self.position.incarnation,
                                                 sequence=frame.revocations.sequence)
            case "heartbeat":
                self.prove(frame.heartbeat)
            case None:
                return False  # of a later version
        return self.position is not None

    def replace(self, position: pb.TrustPosition) -> None:
        """A snapshot takes the place of all that was known, but never an older one of the same life of the log."""
        if self.position and position.incarnation == self.position.incarnation:
            if position.sequence < self.position.sequence:
                raise ValueError("a snapshot that is older than what is known")
        revocations = Revocations()
        for revocation in self.parts:
            revocations.add(revocation)
        self.revocations, self.position, self.parts = revocations, position, []

    def prove(self, heartbeat: pb.HeartbeatFrame) -> None:
        """Everything was known when the reading began that the heartbeat stands on: its age before we sent the nonce."""
        if heartbeat.position != self.position:
            raise ValueError("something is missing")
        sent = self.sent.get(heartbeat.nonce)
        if sent is not None:
            self.known_at = max(self.known_at, sent - heartbeat.age.ToMilliseconds() / 1000)
            self.sent = {nonce: at for nonce, at in self.sent.items() if nonce >= heartbeat.nonce}
            self.ready.set()
        self.revocations.forget(datetime.now(UTC).timestamp())
