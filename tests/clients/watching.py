"""The verifier of docs/verify.md watches a server and answers questions about tokens meanwhile.

    watching.py ADDRESS REPOSITORY NAME PASSWORD AUDIENCE

Reads a question on each line of standard input and answers it on a line of standard output, both in JSON:

    {"check": "v4.public.…"}    {"claims": {…}}  or  {"refused": "…"}
    {"streams": 2}              {"streams": 3} when a stream has proven that nothing is missing that is the second or later
    {"turn": 31}                {"turned": 31}, the seconds by which the verifier's monotonic clock is put forward

At the end of its input, and at SIGTERM, it says goodbye to the server.
"""

import asyncio
import json
import sys
import time

from document import Document


def watched(examples):
    """A Watcher that counts its streams, and whose clock can be turned."""

    class Watched(examples.Watcher):
        ahead, streams, proven = 0, 0, 0

        def __init__(self, *arguments, **named) -> None:
            self.changed = asyncio.Condition()
            super().__init__(*arguments, clock=lambda: time.monotonic() + self.ahead, **named)

        async def watch(self) -> None:
            self.streams += 1
            following = asyncio.create_task(self.note(self.streams))
            try:
                await super().watch()
            finally:
                following.cancel()

        async def note(self, stream: int) -> None:
            await self.ready.wait()
            async with self.changed:
                self.proven = stream
                self.changed.notify_all()

        async def answer(self, question: dict) -> dict:
            match question:
                case {"check": token}:
                    try:
                        return {"claims": self.check(token)}
                    except examples.Refused as refusal:
                        return {"refused": str(refusal)}
                case {"streams": wanted}:
                    async with self.changed, asyncio.timeout(30):
                        await self.changed.wait_for(lambda: self.proven >= wanted)
                    return {"streams": self.proven}
                case {"turn": seconds}:
                    self.ahead += seconds
                    return {"turned": seconds}
            sys.exit(f"no question: {question}")

    return Watched


async def serve(watcher) -> None:
    # No thread reads, for which the end of the process would wait.
    questions = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(questions)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
    while line := await questions.readline():
        print(json.dumps(await watcher.answer(json.loads(line))), flush=True)


if __name__ == "__main__":
    if len(sys.argv) != 6:
        sys.exit(__doc__)
    address, repository, name, password, audience = sys.argv[1:]
    document = Document(repository)
    document.compile_stubs()
    import watch

    watch.Watcher = watched(watch)
    main = document.python("async def main(")["main"]
    basic = document.python("def basic(")["basic"]
    asyncio.run(main(address, basic(name, password), audience, serve))
