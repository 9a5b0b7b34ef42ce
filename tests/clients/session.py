"""A whole session with grpcio, on stubs compiled from the .proto files.

    session.py ADDRESS PROTO_FOLDER

Creates a user, issues tokens, presents them in each way, and sees each refusal. Prints a line of JSON for each step:
the step, and its code, reason and sentence if it was refused. Ends with exit code 1 and a sentence at the first answer
that is not the one it expects.
"""

import base64
import json
import sys

import grpc
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RequestInfo
from grpc_status import rpc_status

from stubs import compiled

USERNAME, PASSWORD = "alice", "correct horse battery"


def basic(username: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


def expect(what: str, found: object, wanted: object) -> None:
    if found != wanted:
        sys.exit(f"{what}: {found!r} instead of {wanted!r}")


def report(step: str, **said: str) -> None:
    print(json.dumps({"step": step, **said}), flush=True)


class Session:
    def __init__(self, address: str, proto_folder: str) -> None:
        self.pb, services = compiled(proto_folder, "auth.v1.auth_service_pb2", "auth.v1.auth_service_pb2_grpc")
        self.channel = grpc.insecure_channel(address)
        self.service = services.AuthServiceStub(self.channel)

    def call(self, method: str, authorization: str | None, **fields: object) -> object:
        request = getattr(self.pb, method + "Request")(**fields)
        metadata = [] if authorization is None else [("authorization", authorization)]
        return getattr(self.service, method)(request, metadata=metadata, timeout=10)

    def walk(self) -> str:
        """Everything that is answered. The token that was issued."""
        by_basic, body = basic(USERNAME, PASSWORD), {"username": USERNAME, "password": PASSWORD}

        user = self.call("CreateUser", None, **body).user
        expect("the name", user.username, USERNAME)
        expect("a new user's roles", list(user.roles), [])
        report("create a user")

        issued = self.call("IssueToken", by_basic)
        expect("the duration", issued.duration.seconds, 600)
        expect("the type", issued.token_type, "Bearer")
        report("issue a token for Basic")

        issued = self.call("IssueToken", None, **body)
        token, bearer = issued.token, f"Bearer {issued.token}"
        expect("the token's start", token[:10], "v4.public.")
        report("issue a token for a name and a password in the message")

        for how, authorization, method in [
            ("Bearer", bearer, self.pb.AUTHENTICATION_METHOD_TOKEN),
            ("Basic", by_basic, self.pb.AUTHENTICATION_METHOD_PASSWORD),
            ("a token as the name in Basic", basic(token, "anything"), self.pb.AUTHENTICATION_METHOD_TOKEN),
        ]:
            greeting = self.call("Greet", authorization)
            expect("the greeting", greeting.message, f"Hello, {USERNAME}!")
            expect("who is greeted", greeting.caller.user_id, user.user_id)
            expect("the method", greeting.caller.method, method)
            by_token = method == self.pb.AUTHENTICATION_METHOD_TOKEN
            expect("the expiry", greeting.caller.HasField("expire_time"), by_token)
            if by_token:
                expect("the session", greeting.caller.session_id, issued.session_id)
                expect("the expiry", greeting.caller.expire_time, issued.expire_time)
            report(f"greet with {how}")

        expect("the user", self.call("GetUser", bearer, user_id="me").user, user)
        report("show me")

        renewed = self.call("IssueToken", bearer, lifetime=Duration(seconds=60))
        expect("the duration", renewed.duration.seconds, 60)
        expect("the session", renewed.session_id, issued.session_id)
        report("renew a token")
        return token

    def be_refused(self, token: str) -> None:
        """Everything that is not answered."""
        by_basic = basic(USERNAME, PASSWORD)
        nobody = "0193b4a0-5f6e-7c3a-8d5e-1f2a3b4c5d6e"
        # The step, the method, its credentials and fields; the code, the reason, and the field that is named if one is.
        for step, method, authorization, fields, code, reason, field in [
            ("no credentials", "Greet", None, {}, "UNAUTHENTICATED", "CREDENTIALS_MISSING", None),
            ("a wrong password", "Greet", basic(USERNAME, "wrong password"), {},
             "UNAUTHENTICATED", "CREDENTIALS_INVALID", None),
            ("nobody's name", "Greet", basic("nobody-at-all", PASSWORD), {},
             "UNAUTHENTICATED", "CREDENTIALS_INVALID", None),
            ("another scheme", "Greet", "Digest abc", {}, "UNAUTHENTICATED", "CREDENTIALS_INVALID", None),
            ("a token and a dot", "Greet", f"Bearer {token}.", {}, "UNAUTHENTICATED", "TOKEN_INVALID", None),
            ("a token of nothing", "Greet", "Bearer v4.public.abc", {}, "UNAUTHENTICATED", "TOKEN_INVALID", None),
            ("no credentials to issue for", "IssueToken", None, {}, "UNAUTHENTICATED", "CREDENTIALS_MISSING", None),
            ("a stranger", "GetUser", by_basic, {"user_id": nobody}, "PERMISSION_DENIED", "ROLE_REQUIRED", None),
            ("an id that is none", "GetUser", by_basic, {"user_id": "you"},
             "INVALID_ARGUMENT", "FIELD_INVALID", "user_id"),
            ("an audience of nowhere", "IssueToken", by_basic, {"audience": "nowhere"},
             "INVALID_ARGUMENT", "FIELD_INVALID", "audience"),
            ("a lifetime of less than nothing", "IssueToken", by_basic, {"lifetime": Duration(seconds=-1)},
             "INVALID_ARGUMENT", "FIELD_INVALID", "lifetime"),
            ("a name that is taken", "CreateUser", None, {"username": USERNAME, "password": PASSWORD},
             "ALREADY_EXISTS", "USERNAME_TAKEN", None),
            ("a name with a colon", "CreateUser", None, {"username": "a:b", "password": PASSWORD},
             "INVALID_ARGUMENT", "FIELD_INVALID", "username"),
            ("a message that is too large", "CreateUser", None, {"username": "carol", "password": "x" * 70_000},
             "RESOURCE_EXHAUSTED", "MESSAGE_TOO_LARGE", None),
        ]:
            self.see_refusal(step, lambda: self.call(method, authorization, **fields), (code, reason, field))
        unknown = self.channel.unary_unary("/auth.v1.AuthService/Nothing")
        self.see_refusal("no such method", lambda: unknown(b"", timeout=10), ("UNIMPLEMENTED", "METHOD_UNKNOWN", None))

    def see_refusal(self, step: str, call, wanted: tuple) -> None:
        error = refusal(step, call)
        # It raises ValueError if the details tell another code or sentence than the status itself.
        status = rpc_status.from_call(error)
        if status is None:
            sys.exit(f"{step}: a status without details: {error}")
        info = detail(step, status, ErrorInfo())
        expect(f"{step}: the domain", info.domain, "auth.v1")
        bad = detail(step, status, BadRequest()) if wanted[2] else None
        field = bad.field_violations[0].field if bad else None
        expect(step, (error.code().name, info.reason, field), wanted)
        # An answer without a message has one set of headers, which grpcio takes for the trailing one.
        headers = dict(error.trailing_metadata())
        expect(f"{step}: the request id", headers.get("x-request-id"), detail(step, status, RequestInfo()).request_id)
        report(step, code=error.code().name, reason=info.reason, sentence=error.details())


def refusal(step: str, call) -> grpc.Call:
    try:
        answer = call()
    except grpc.RpcError as error:
        return error
    sys.exit(f"{step}: answered: {answer}")


def detail(step: str, status, message):
    """The one detail of a status that is of this message's type."""
    found = [packed for packed in status.details if packed.Unpack(message)]
    expect(f"{step}: how many {message.DESCRIPTOR.full_name}", len(found), 1)
    return message


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    session = Session(sys.argv[1], sys.argv[2])
    session.be_refused(session.walk())
