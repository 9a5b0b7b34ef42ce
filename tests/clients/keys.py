"""The verifier of docs/verify.md that fetches keys, and asks for no revocations.

    keys.py ADDRESS REPOSITORY AUDIENCE

Fetches the keys and prints for how many seconds they may be kept. Then reads a token on each line of standard input, and
answers it on a line of standard output, in JSON: {"claims": {…}}  or  {"refused": "…"}
"""

import json
import sys

import grpc

from document import Document

if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    address, repository, audience = sys.argv[1:]
    document = Document(repository)
    document.compile_stubs()
    fetch_keys = document.python("def fetch_keys(")["fetch_keys"]
    names = document.python("def caller_of(")
    names["verifier"].audience = audience
    with grpc.insecure_channel(address) as channel:
        print(json.dumps({"max_age": fetch_keys(channel, names["verifier"])}), flush=True)
    for line in sys.stdin:
        try:
            answer = {"claims": names["caller_of"](line.rstrip("\n"))}
        except names["Refused"] as refusal:
            answer = {"refused": str(refusal)}
        print(json.dumps(answer), flush=True)
