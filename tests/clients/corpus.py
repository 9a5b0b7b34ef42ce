"""The verifier of docs/examples decides the corpus of tokens, and its revocations what has been revoked.

    corpus.py REPOSITORY CORPUS

Prints a JSON value for each case, in their order: null if the token is accepted, and otherwise why not.
"""

import json
import sys
from datetime import datetime
from types import SimpleNamespace

from document import Document


def revocation(entry: dict):
    """An entry of the corpus as it comes over the wire."""
    match entry:
        case {"below_epoch": _}:
            return pb.Revocation(user=pb.RevokedUser(**entry))
        case {"session_id": _}:
            return pb.Revocation(session=pb.RevokedSession(**entry))
    return pb.Revocation(**entry)


def decide(token: object, now: datetime) -> str | None:
    try:
        claims, key_id = verifier.check(token, now)
    except verify.Refused as refusal:
        return str(refusal)
    return "revoked" if revocations.hit(claims, key_id) else None


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    Document(sys.argv[1]).compile_stubs()
    import verify
    import watch
    from auth.v1 import trust_service_pb2 as pb

    with open(sys.argv[2], encoding="utf-8") as file:
        corpus = json.load(file)
    verifier, revocations = verify.TokenVerifier(corpus["issuer"], corpus["audience"]), watch.Revocations()
    verifier.set_keys([SimpleNamespace(**key) for key in corpus["keys"] if key["trusted"]])
    for entry in corpus["revocations"]:
        revocations.add(revocation(entry))
    for nothing in (None, 7, b"v4.public.e30", ["v4.public.e30"]):
        if decide(nothing, datetime.fromisoformat(corpus["now"])) != "invalid":
            sys.exit(f"{nothing!r} is no token")
    for case in corpus["cases"]:
        print(json.dumps(decide(case["token"], datetime.fromisoformat(corpus["now"]))))
