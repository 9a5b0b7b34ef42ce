"""The verifier of docs/verify.md is told frames that no server of ours sends, by a clock that stands still.

    frames.py REPOSITORY

Ends with exit code 1 and a sentence at the first thing that is not as expected.
"""

import asyncio
import base64
import sys
import types

import grpc

from document import Document

REVOKED, OTHER = "0193b4a0-5f6e-7c3a-8d5e-1f2a3b4c000a", "0193b4a0-5f6e-7c3a-8d5e-1f2a3b4c000b"


class Stream:
    """One whose other side takes a message when it is told to, and says nothing."""

    def __init__(self, goodbye_fails: bool) -> None:
        self.begun, self.taken, self.closed = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.goodbye_fails, self.said = goodbye_fails, []

    async def write(self, message) -> None:
        self.begun.set()
        await self.taken.wait()
        self.said.append(message.WhichOneof("message"))

    async def read(self) -> object:
        await self.closed.wait()
        return grpc.aio.EOF

    async def done_writing(self) -> None:
        if self.goodbye_fails:
            raise asyncio.InvalidStateError
        self.said.append("goodbye")
        self.closed.set()

    def cancel(self) -> None:
        pass


class Scene:
    def __init__(self, channel) -> None:
        self.now = 1000.0
        verifier = verify.TokenVerifier("countersign", "orders")
        self.watcher = watch.Watcher(channel, "", verifier, "orders-1", max_staleness=30, clock=lambda: self.now)

    def told(self, **frame) -> bool:
        return self.watcher.apply(pb.WatchTrustResponse(**frame))

    def snapshot(self, sequence: int, *sessions: str, log: bytes = b"a" * 16, last: bool = True) -> bool:
        revocations = [pb.Revocation(session=pb.RevokedSession(session_id=session), forget_time={"seconds": 2**40})
                       for session in sessions]
        position = pb.TrustPosition(incarnation=log, sequence=sequence) if last else None
        return self.told(snapshot=pb.SnapshotFrame(revocations=revocations, position=position, last=last))

    def heartbeat(self, nonce: int, age: int = 0, **position) -> bool:
        position = pb.TrustPosition(incarnation=position.get("log", b"a" * 16), sequence=position.get("sequence", 7))
        return self.told(heartbeat=pb.HeartbeatFrame(position=position, nonce=nonce, age={"seconds": age}))

    def refusal(self, token: object = "no token") -> str:
        try:
            self.watcher.check(token)
        except verify.Refused as refusal:
            return str(refusal)
        return "accepted"

    def hits(self, session: str) -> bool:
        return self.watcher.revocations.hit({"sub": OTHER, "sid": session, "ep": 1}, "k4.pid.x")

    def expect(self, what: str, found: object, wanted: object) -> None:
        if found != wanted:
            sys.exit(f"{what}: {found!r} instead of {wanted!r}")

    def expect_error(self, what: str, call) -> None:
        try:
            call()
        except ValueError:
            return
        sys.exit(f"{what}: no error")

    def grow_stale(self) -> None:
        hello = self.watcher.next_nonce()
        self.expect("a report before there is a position", self.told(key_set=pb.KeySetFrame()), False)
        self.expect("a report after a snapshot", self.snapshot(7), True)
        self.expect("before a heartbeat", self.refusal(), "stale")
        self.now += 10
        self.heartbeat(nonce=hello, age=2)
        self.now += 18
        self.expect("30 s after what the heartbeat stands on", self.refusal(), "invalid")
        self.now += 2.5
        self.expect("two seconds and a half later", self.refusal(), "stale")
        self.heartbeat(nonce=hello)
        self.expect("by a heartbeat that lay in a buffer, however young it says to be", self.refusal(), "stale")
        self.heartbeat(nonce=99)
        self.expect("by a heartbeat with a nonce of nobody's", self.refusal(), "stale")
        self.heartbeat(nonce=self.watcher.next_nonce())
        self.expect("by a heartbeat that was asked for now", self.refusal(), "invalid")

    def never_go_back(self) -> None:
        self.expect_error("a heartbeat beyond what was told", lambda: self.heartbeat(nonce=0, sequence=8))
        self.expect_error("an older snapshot", lambda: self.snapshot(6))
        self.expect("a report within a snapshot", self.snapshot(0, REVOKED, last=False), False)
        self.expect("a part of a snapshot", self.hits(REVOKED), False)
        self.snapshot(9, OTHER)
        self.expect("a snapshot with its last part", (self.hits(REVOKED), self.hits(OTHER)), (True, True))
        self.expect("a report of a frame that is not known", self.told(), False)
        self.snapshot(1, OTHER, log=b"b" * 16)
        self.expect("a snapshot of another log", (self.hits(REVOKED), self.hits(OTHER)), (False, True))
        self.expect_error("a heartbeat of the log before", lambda: self.heartbeat(nonce=0, sequence=9))
        kind = pb.RevocationsFrame(sequence=2, revocations=[pb.Revocation(sequence=2)])
        self.expect_error("a revocation of an unknown kind", lambda: self.told(revocations=kind))
        self.expect("the position then", self.watcher.position.sequence, 1)


    def tell_revoked_keys(self) -> None:
        """A revoked key is not in the key set any more; who shows its token may refresh."""
        self.heartbeat(nonce=self.watcher.next_nonce(), log=b"b" * 16, sequence=1)
        key_id = "k4.pid." + "a" * 44
        entry = pb.Revocation(sequence=2, key_id=key_id, forget_time={"seconds": 2**40})
        self.told(revocations=pb.RevocationsFrame(sequence=2, revocations=[entry]))
        for footer, wanted in [
            (b'{"kid":"%s"}' % key_id.encode(), "revoked"),
            (b'{"kid":"k4.pid.%s"}' % (b"b" * 44), "invalid"),
            (b'{"kid": "%s"}' % key_id.encode(), "invalid"),
            (b'{"kid":"%s","x":1}' % key_id.encode(), "invalid"),
            (key_id.encode(), "invalid"),
            (b"\xff\xfe", "invalid"),
            (b"", "invalid"),
        ]:
            encoded = base64.urlsafe_b64encode(footer).rstrip(b"=").decode()
            self.expect(f"a token with the footer {footer}", self.refusal(f"v4.public.AAAA.{encoded}"), wanted)
            self.expect("another spelling of it", self.refusal(f"v4.public.AAAA.{encoded}*"), "invalid")
            self.expect("no token with that footer", self.refusal(f"v4.local.AAAA.{encoded}"), "invalid")
            self.expect("a long one", self.refusal(f"v4.public.{'A' * 2048}.{encoded}"), "invalid")
        for nothing in (None, 7, b"v4.public.e30", "v4.public.AAAA.\u00fc\ud800"):
            self.expect(f"{nothing!r} for a token", self.refusal(nothing), "invalid")


    async def stop(self, what: str, moment, *, goodbye_fails: bool = False) -> None:
        """The service ends while a message is being written."""
        stream = Stream(goodbye_fails)
        self.watcher.stub = types.SimpleNamespace(WatchTrust=lambda metadata: stream)
        running = asyncio.create_task(self.watcher.run())
        await stream.begun.wait()
        await moment(stream, running)
        await asyncio.wait([running], timeout=10)
        said = ["hello"] if goodbye_fails else ["hello", "goodbye"]
        self.expect(what, (running.done() and running.cancelled(), stream.said), (True, said))


async def as_it_is_taken(stream, running) -> None:
    stream.taken.set()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    running.cancel()


async def before_it_is_taken(stream, running) -> None:
    running.cancel()
    asyncio.get_running_loop().call_soon(stream.taken.set)


async def main() -> None:
    async with grpc.aio.insecure_channel("127.0.0.1:1") as channel:
        scene = Scene(channel)
        scene.grow_stale()
        scene.never_go_back()
        scene.tell_revoked_keys()
        await scene.stop("a stop as a message is taken", as_it_is_taken)
        await scene.stop("a stop before it is taken", before_it_is_taken)
        await scene.stop("a stop with a goodbye that fails", as_it_is_taken, goodbye_fails=True)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    Document(sys.argv[1]).compile_stubs()
    import verify
    import watch
    from auth.v1 import trust_service_pb2 as pb

    asyncio.run(main())
