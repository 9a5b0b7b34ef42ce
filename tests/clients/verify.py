"""Verifies tokens with pyseto and a public key alone.

Reads a question on each line of standard input and answers it on a line of standard output, both in JSON:

    {"key": "k4.public.…", "token": "v4.public.…", "issuer": "…", "audience": "…", "at": "2026-01-01T00:00:00Z"}
    {"claims": {…}, "footer": {…}}  or  {"refused": "…"}

A footer that is no JSON comes back as a text. `at` is the moment at which to verify; without it, that is now.
"""

import json
import sys
import warnings
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
    except Exception as error:  # a payload that is no object makes pyseto raise a TypeError
        return {"refused": f"{type(error).__name__}: {error}"}
    footer = token.footer
    return {"claims": token.payload, "footer": repr(footer) if isinstance(footer, bytes) else footer}


warnings.simplefilter("ignore")  # pyseto warns of footers that are no JSON
for line in sys.stdin:
    print(json.dumps(answer(json.loads(line))), flush=True)
