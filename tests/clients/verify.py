"""Verifies tokens with pyseto and a public key alone.

Reads a question on each line of standard input and answers it on a line of standard output, both in JSON:

    {"key": "k4.public.…", "token": "v4.public.…", "issuer": "…", "audience": "…", "at": "2026-01-01T00:00:00Z"}
    {"claims": {…}, "footer": "…"}  or  {"refused": "…"}

`at` is the moment at which to verify; without it, that is now.
"""

import json
import sys
from datetime import datetime

import pyseto.paseto
from pyseto import Key, Token, VerifyError

system_clock = pyseto.paseto.datetime


def turn_clock(at: str | None) -> None:
    """pyseto takes no moment; it asks the `datetime` of its module for the time."""

    class Clock(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.fromisoformat(at)

    pyseto.paseto.datetime = Clock if at else system_clock


def verify(question: dict) -> Token:
    turn_clock(question.get("at"))
    key = Key.from_paserk(question["key"])
    token = pyseto.decode(key, question["token"], deserializer=json, aud=question["audience"])
    # pyseto lets a token without a time pass, and leaves the issuer to its caller.
    if "exp" not in token.payload:
        raise VerifyError("exp is missing.")
    if token.payload.get("iss") != question["issuer"]:
        raise VerifyError("iss verification failed.")
    return token


def answer(question: dict) -> dict:
    try:
        token = verify(question)
    except (ValueError, VerifyError) as error:
        return {"refused": f"{type(error).__name__}: {error}"}
    return {"claims": token.payload, "footer": token.footer}


for line in sys.stdin:
    print(json.dumps(answer(json.loads(line))), flush=True)
