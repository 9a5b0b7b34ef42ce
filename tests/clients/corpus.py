"""The verifier of docs/examples decides the corpus of tokens.

    corpus.py EXAMPLES_FOLDER CORPUS

Prints a JSON value for each case, in their order: null if the token is accepted, and otherwise why not.
"""

import json
import sys
from datetime import datetime
from types import SimpleNamespace


def decide(verifier, token: str, now: datetime) -> str | None:
    try:
        verifier.check(token, now)
    except verify.Refused as refusal:
        return str(refusal)
    return None


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.path.insert(0, sys.argv[1])
    import verify

    with open(sys.argv[2], encoding="utf-8") as file:
        corpus = json.load(file)
    verifier = verify.TokenVerifier(corpus["issuer"], corpus["audience"])
    verifier.set_keys([SimpleNamespace(**key) for key in corpus["keys"] if key["trusted"]])
    now = datetime.fromisoformat(corpus["now"])
    for case in corpus["cases"]:
        print(json.dumps(decide(verifier, case["token"], now)))
