"""Checks Countersign's access tokens offline, with pyseto for the signature."""

import base64
import json
import re
from datetime import UTC, datetime, timedelta

import pyseto

LEEWAY = timedelta(seconds=5)  # for an issuer's clock that is ahead; a token is never good for longer
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII)
ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
HEAD = re.compile(r"v4\.public\.[A-Za-z0-9_-]+")
FOOTER = re.compile(r'\{"kid":"(k4\.pid\.[A-Za-z0-9_-]{44})"\}')


class Refused(Exception):
    """`invalid`, `expired`, `revoked` or `stale`: all that a caller may be told."""


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def is_canonical(text: str) -> bool:
    """pyseto skips what is no base64url, so that one token would have many spellings."""
    return encode(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))) == text


def split(token: str) -> tuple[str, str]:
    """A token's two parts, if it can be one: what is signed, and the name of its key."""
    head, _, footer = token.rpartition(".") if isinstance(token, str) and len(token) <= 2048 else ("", "", "")
    if not HEAD.fullmatch(head):
        raise Refused("invalid")
    return head, footer


def named_key(token: str) -> str | None:
    """The id of the key that a token names, if it does so as all of them do. Nothing proves that it is this key's."""
    try:
        footer = split(token)[1]
        name = FOOTER.fullmatch(base64.urlsafe_b64decode(footer + "=" * (-len(footer) % 4)).decode())
    except (Refused, ValueError):
        return None
    return name[1] if name and encode(name[0].encode()) == footer else None


def once(members: list) -> dict:
    """json takes the last of two equal names; another reader takes the first."""
    if len(dict(members)) != len(members):
        raise ValueError("a name appears twice")
    return dict(members)


def no_number(text: str) -> None:
    raise ValueError(f"{text} is no JSON")


def moment(text: str) -> datetime:
    if not TIME.fullmatch(text):
        raise ValueError("no moment of RFC 3339")
    return datetime.fromisoformat(text).replace(microsecond=0)


def is_text(value: object) -> bool:
    return isinstance(value, str) and value.encode() is not None  # encode() refuses half a surrogate pair


def is_whole(claims: dict) -> bool:
    """Whether every claim is there, with its own type. Claims that are not known here are let pass."""
    return (
        all(is_text(claims[name]) for name in ("iss", "aud", "name"))
        and all(ID.fullmatch(claims[name]) for name in ("sub", "jti", "sid"))
        and type(claims["ep"]) is int and 0 <= claims["ep"] < 2**63
        and all(isinstance(claims[name], list) and all(map(is_text, claims[name])) for name in ("roles", "amr"))
    )


class TokenVerifier:
    def __init__(self, issuer: str, audience: str) -> None:
        if not issuer or not audience:
            raise ValueError("a verifier needs an issuer and an audience")
        self.issuer, self.audience, self.keys = issuer, audience, {}

    def set_keys(self, keys) -> None:
        """All keys, as GetKeySet or WatchTrust bring them: one that is not among them is not to be trusted any more."""
        # A token's last part names its key, always in this one spelling: it is looked up, and never parsed.
        self.keys = {
            encode(b'{"kid":"%s"}' % key.key_id.encode()): (key.key_id, pyseto.Key.from_paserk(key.key)) for key in keys
        }

    def check(self, token: str, now: datetime | None = None) -> tuple[dict, str]:
        """The claims of a token, and the id of the key that signed it."""
        head, footer = split(token)
        if footer not in self.keys:
            raise Refused("invalid")
        key_id, key = self.keys[footer]
        try:
            if not is_canonical(head.removeprefix("v4.public.")):
                raise ValueError("another spelling of a token")
            # Without a deserializer pyseto checks the signature and no claim.
            payload = pyseto.decode(key, token).payload.decode()
            claims = json.loads(payload, object_pairs_hook=once, parse_constant=no_number)
            if not is_whole(claims) or (claims["iss"], claims["aud"]) != (self.issuer, self.audience):
                raise ValueError("not for this place")
            begin, end = max(moment(claims["iat"]), moment(claims["nbf"])), moment(claims["exp"])
            moment(claims["auth_time"])
        except Exception as error:  # also what a payload makes a library raise, as a RecursionError
            raise Refused("invalid") from error
        now = now or datetime.now(UTC)
        if begin > now + LEEWAY:
            raise Refused("invalid")
        if now >= end:
            raise Refused("expired")
        return claims, key_id
