"""Keeps a verifier's keys and revocations by WatchTrust, with grpcio."""

import asyncio
import math
import random
import secrets
import time
from datetime import UTC, datetime

import grpc
from auth.v1 import trust_service_pb2 as pb
from auth.v1.trust_service_pb2_grpc import TrustServiceStub

from verify import Refused, TokenVerifier


class Revocations:
    """What has been revoked, each with the moment from which on it need not be remembered, in seconds since 1970."""

    def __init__(self) -> None:
        self.users: dict[str, tuple[int, int]] = {}  # the lowest epoch that is good, and that moment
        self.sessions: dict[str, int] = {}
        self.keys: dict[str, int] = {}

    def add(self, revocation: pb.Revocation) -> None:
        # Rounded up.
        forget = revocation.forget_time.seconds + 1
        match revocation.WhichOneof("revoked"):
            case "user":
                user = revocation.user
                epoch, later = self.users.get(user.user_id, (0, 0))
                self.users[user.user_id] = (max(epoch, user.below_epoch), max(later, forget))
            case "session":
                self.sessions[revocation.session.session_id] = forget
            case "key_id":
                self.keys[revocation.key_id] = forget
            case None:
                raise ValueError("a revocation of a kind that is not known here")

    def hit(self, claims: dict, key_id: str) -> bool:
        below_epoch, _ = self.users.get(claims["sub"], (0, 0))
        return claims["ep"] < below_epoch or claims["sid"] in self.sessions or key_id in self.keys

    def forget(self, now: float) -> None:
        self.users = {user: entry for user, entry in self.users.items() if entry[1] > now}
        self.sessions = {session: forget for session, forget in self.sessions.items() if forget > now}
        self.keys = {key: forget for key, forget in self.keys.items() if forget > now}


class Watcher:
    """`run` keeps it up to date, in one event loop; `check` may be called from any thread and never waits."""

    def __init__(self, channel: grpc.aio.Channel, authorization: str, verifier: TokenVerifier, instance: str,
                 max_staleness: float = 30, clock=time.monotonic) -> None:
        self.stub, self.metadata = TrustServiceStub(channel), [("authorization", authorization)]
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
        claims, key_id = self.verifier.check(token)
        if self.revocations.hit(claims, key_id):
            raise Refused("revoked")
        return claims

    async def run(self) -> None:
        """Until it is cancelled; a stream that breaks is begun again where it ended."""
        while True:
            try:
                await self.watch()
            except (grpc.aio.AioRpcError, TimeoutError, ValueError) as error:
                print(f"the watch of revocations was interrupted: {error!r}", flush=True)
            await asyncio.sleep(random.uniform(0.1, 1))

    async def watch(self) -> None:
        stream = self.stub.WatchTrust(metadata=self.metadata)
        hello = pb.VerifierHello(instance=self.instance, run_id=self.run_id, resume=self.position,
                                 nonce=self.next_nonce())
        hello.max_staleness.FromMilliseconds(round(self.max_staleness * 1000))
        self.parts = []
        try:
            await stream.write(pb.WatchTrustRequest(hello=hello))
            while True:
                # Two heartbeats are a second apart: who hears nothing for so long has lost the server, whatever TCP says.
                async with asyncio.timeout(self.max_staleness):
                    frame = await stream.read()
                    if frame is grpc.aio.EOF:
                        return
                    if self.apply(frame):
                        report = pb.VerifierReport(applied=self.position, nonce=self.next_nonce())
                        await stream.write(pb.WatchTrustRequest(report=report))
        except asyncio.CancelledError:
            # The service stops. To close our side says that nothing is checked any more, so that nobody waits for us.
            self.known_at = -math.inf
            await stream.done_writing()
            raise
        finally:
            # Any other end is a break: we go on checking while we may, and our side must not look closed.
            self.ready.clear()
            stream.cancel()

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
