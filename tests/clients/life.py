"""The whole life of a session, and of the account that it belongs to, with grpcio.

    life.py ADDRESS PROTO_FOLDER ADMIN ADMIN_PASSWORD

A user signs in, refreshes, repeats what was lost, looks at its sessions and ends them, changes its password; the admin
disables it, gives it roles, lets it reset its password and reads what happened; a refresh token is stolen; the account
is deleted. Prints and ends as session.py does.
"""

import sys

import grpc

from session import PASSWORD, Session, basic, expect, report
from stubs import compiled

USERNAME = "grace"
CHANGED, RESET = "battery staple horse", "another battery, another horse"
NOBODY = "0193b4a0-5f6e-7c3a-8d5e-1f2a3b4c5d6e"
REVOKED = ("UNAUTHENTICATED", "TOKEN_REVOKED", None)
INVALID = ("UNAUTHENTICATED", "CREDENTIALS_INVALID", None)


def field(name: str) -> tuple:
    return ("INVALID_ARGUMENT", "FIELD_INVALID", name)


def bearer(tokens) -> str:
    return f"Bearer {tokens.token}"


class Life(Session):
    def __init__(self, address: str, proto_folder: str, admin: str, admin_password: str) -> None:
        self.pb, services, self.admin_pb, admin_services = compiled(
            proto_folder,
            "auth.v1.auth_service_pb2",
            "auth.v1.auth_service_pb2_grpc",
            "auth.v1.admin_service_pb2",
            "auth.v1.admin_service_pb2_grpc",
        )
        self.channel = grpc.insecure_channel(address, options=[("grpc.primary_user_agent", "life/1")])
        self.service = services.AuthServiceStub(self.channel)
        self.admin_service = admin_services.AdminServiceStub(self.channel)
        self.admin_basic = basic(admin, admin_password)
        self.user_id = self.call("CreateUser", None, username=USERNAME, password=PASSWORD).user.user_id
        report("create a user")

    def administer(self, method: str, authorization: str | None = None, **fields: object) -> object:
        request = getattr(self.admin_pb, method + "Request")(**fields)
        metadata = [("authorization", authorization or bearer(self.admin))]
        return getattr(self.admin_service, method)(request, metadata=metadata, timeout=10)

    def sign_in(self, password: str):
        tokens = self.call("IssueToken", basic(USERNAME, password))
        expect("a refresh token's start", (tokens.refresh_token[:4], len(tokens.refresh_token)), ("csr_", 100))
        return tokens

    def refresh(self, token: str, key: bytes = b"", **fields: object):
        return self.call("RefreshToken", None, refresh_token=token, retry_key=key, **fields)

    def see_refused(self, step: str, wanted: tuple, method: str, authorization: str | None, **fields: object) -> None:
        self.see_refusal(step, lambda: self.call(method, authorization, **fields), wanted)

    def see_admin_refused(self, step: str, wanted: tuple, method: str, **fields: object) -> None:
        self.see_refusal(step, lambda: self.administer(method, **fields), wanted)

    def see_end(self, whose: str, tokens) -> None:
        """Neither token of an ended session is good."""
        self.see_refused(f"the access token {whose}", REVOKED, "Greet", bearer(tokens))
        self.see_refused(f"the refresh token {whose}", REVOKED, "RefreshToken", None,
                         refresh_token=tokens.refresh_token)

    def carry_on(self):
        """Refreshing, and all that is no refresh. The session's tokens then."""
        first = self.sign_in(PASSWORD)
        greeting = self.call("Greet", bearer(first))
        expect("the greeting", greeting.message, f"Hello, {USERNAME}!")
        expect("the session", greeting.caller.session_id, first.session_id)
        report("sign in and be greeted")

        key = b"k" * 16
        second = self.refresh(first.refresh_token, key)
        expect("the session", second.session_id, first.session_id)
        expect("a successor", second.refresh_token != first.refresh_token, True)
        expect("the duration", second.duration.seconds, 600)
        again = self.refresh(first.refresh_token, key)
        expect("the same refresh token", again.refresh_token, second.refresh_token)
        expect("another access token", again.token != second.token, True)
        for tokens in [first, second, again]:
            expect("who is greeted", self.call("Greet", bearer(tokens)).caller.user_id, self.user_id)
        report("refresh, lose the answer and ask again")

        spent = {"refresh_token": again.refresh_token}
        self.see_refused("a key that served before", field("retry_key"), "RefreshToken", None, retry_key=key, **spent)
        self.see_refused("a short key", field("retry_key"), "RefreshToken", None, retry_key=b"k" * 15, **spent)
        self.see_refused("an audience of nowhere", field("audience"), "RefreshToken", None, audience="nowhere", **spent)
        invalid = ("UNAUTHENTICATED", "TOKEN_INVALID", None)
        for step, token in [("an access token", again.token), ("a dot too many", again.refresh_token + ".")]:
            self.see_refused(f"{step} to refresh", invalid, "RefreshToken", None, refresh_token=token)
        self.see_refused("a refresh token as Bearer", invalid, "Greet", f"Bearer {again.refresh_token}")
        last = self.refresh(again.refresh_token, b"another key, of more bytes")
        report("refresh with another key")
        return last

    def end_sessions(self, kept) -> None:
        second = self.sign_in(PASSWORD)
        listed = self.call("ListSessions", bearer(kept)).sessions
        expect("the sessions", [shown.session_id for shown in listed], [second.session_id, kept.session_id])
        expect("the current one", [shown.current for shown in listed], [False, True])
        for shown in listed:
            expect("the user agent's start", shown.user_agent.split()[0], "life/1")
            expect("the peer", shown.peer, "127.0.0.1")
            expect("seven idle days", shown.expire_time.seconds - shown.last_use_time.seconds, 7 * 86_400)
        by_password = self.call("ListSessions", basic(USERNAME, PASSWORD), user_id="me").sessions
        expect("none is a password's", [shown.current for shown in by_password], [False, False])
        report("list two sessions")

        self.call("RevokeSession", bearer(kept), session_id=second.session_id)
        self.see_end("of a revoked session", second)
        gone = ("NOT_FOUND", "SESSION_NOT_FOUND", None)
        for session_id in [second.session_id, NOBODY]:
            self.see_refused("a session that is not there", gone, "RevokeSession", bearer(kept), session_id=session_id)
        self.see_refused("no session's id", field("session_id"), "RevokeSession", bearer(kept), session_id="mine")
        report("revoke one")

        others = [self.sign_in(PASSWORD), self.sign_in(PASSWORD)]
        self.see_refused("a password that keeps its session", field("keep_current"), "RevokeAllSessions",
                         basic(USERNAME, PASSWORD), keep_current=True)
        for method in ["ListSessions", "RevokeAllSessions"]:
            self.see_refused(f"{method} of another", ("PERMISSION_DENIED", "ROLE_REQUIRED", None), method, bearer(kept),
                             user_id=NOBODY)
        answer = self.call("RevokeAllSessions", bearer(kept), keep_current=True)
        expect("how many were revoked", answer.revoked_count, 2)
        for tokens in others:
            self.see_end("of another session", tokens)
        expect("the one that is kept", self.call("Greet", bearer(kept)).caller.session_id, kept.session_id)
        report("revoke all but the current one")

    def change_password(self, tokens):
        """The tokens that come with the new password."""
        for step, wanted, current, new in [
            ("a wrong password", INVALID, "not the password", CHANGED),
            ("no old password", field("current_password"), "", CHANGED),
            ("a short new password", field("new_password"), PASSWORD, "short"),
            ("a common new password", field("new_password"), PASSWORD, "password1"),
        ]:
            self.see_refused(step, wanted, "ChangePassword", bearer(tokens), current_password=current, new_password=new)
        fresh = self.call("ChangePassword", bearer(tokens), current_password=PASSWORD, new_password=CHANGED)
        self.see_end("of the old password", tokens)
        self.see_refused("the old password", INVALID, "IssueToken", basic(USERNAME, PASSWORD))
        expect("the fresh session", self.call("Greet", bearer(fresh)).caller.session_id, fresh.session_id)
        report("change the password")
        return fresh

    def be_administered(self, tokens):
        """The tokens that are left."""
        self.admin = self.call("IssueToken", self.admin_basic)
        me = {"user_id": self.user_id}
        denied = ("PERMISSION_DENIED", "ROLE_REQUIRED", None)
        self.see_admin_refused("a user as admin", denied, "DisableUser", authorization=bearer(tokens), **me)
        self.see_admin_refused("an admin's password", INVALID, "DisableUser", authorization=self.admin_basic, **me)
        absent = ("NOT_FOUND", "USER_NOT_FOUND", None)
        self.see_admin_refused("to disable nobody", absent, "DisableUser", user_id=NOBODY)
        self.see_admin_refused("to disable no id", field("user_id"), "DisableUser", user_id=USERNAME)
        last = ("FAILED_PRECONDITION", "LAST_ADMIN", None)
        itself = self.call("GetUser", bearer(self.admin), user_id="me").user.user_id
        self.see_admin_refused("to disable the last admin", last, "DisableUser", user_id=itself)
        self.see_admin_refused("to demote the last admin", last, "SetRoles", user_id=itself, roles=["service"])

        found = self.administer("ListUsers", username=USERNAME.upper()).users
        expect("who is found", [user.user_id for user in found], [self.user_id])
        expect("that it is disabled", self.administer("DisableUser", **me).user.disabled, True)
        self.see_end("of a disabled user", tokens)
        self.see_refused("a disabled user's password", INVALID, "IssueToken", basic(USERNAME, CHANGED))
        expect("that it is disabled", self.administer("EnableUser", **me).user.disabled, False)
        self.see_end("of a user who was disabled", tokens)
        report("disable and enable a user")

        tokens = self.sign_in(CHANGED)
        self.see_admin_refused("roles that are none", field("roles"), "SetRoles", roles=["no role"], **me)
        given = self.administer("SetRoles", roles=["x.reader", "service"], **me).user.roles
        expect("the roles", list(given), ["service", "x.reader"])
        self.see_refused("a token of the old roles", REVOKED, "Greet", bearer(tokens))
        tokens = self.refresh(tokens.refresh_token)
        expect("the new roles", list(self.call("Greet", bearer(tokens)).caller.roles), ["service", "x.reader"])
        report("set roles")
        return tokens

    def reset_password(self, tokens) -> None:
        made = [self.administer("CreateResetCode", user_id=self.user_id).reset_code for _ in range(2)]
        expect("a reset code's start", (made[1][:4], len(made[1])), ("csp_", 90))
        for step, code, new, wanted in [
            ("no code", "csp_", RESET, INVALID),
            ("a code that was replaced", made[0], RESET, INVALID),
            ("a short new password for a code", made[1], "short", field("new_password")),
        ]:
            self.see_refused(step, wanted, "ResetPassword", None, reset_code=code, new_password=new)
        self.call("ResetPassword", None, reset_code=made[1], new_password=RESET)
        self.see_refused("a spent code", INVALID, "ResetPassword", None, reset_code=made[1], new_password=RESET)
        self.see_end("of the forgotten password", tokens)
        self.see_refused("the forgotten password", INVALID, "IssueToken", basic(USERNAME, CHANGED))
        report("reset the password")

    def sign_out(self) -> None:
        tokens = self.sign_in(RESET)
        for token in [tokens.refresh_token, tokens.refresh_token, tokens.token, "nobody's"]:
            self.call("RevokeToken", None, token=token)
        self.see_end("that was given back", tokens)
        self.see_refused("nothing to give back", field("token"), "RevokeToken", None)
        report("sign out")

    def be_robbed(self) -> None:
        stolen = self.sign_in(RESET)
        mine = self.refresh(stolen.refresh_token, b"k" * 16)
        reused = ("UNAUTHENTICATED", "REFRESH_TOKEN_REUSED", None)
        self.see_refused("a stolen refresh token", reused, "RefreshToken", None, refresh_token=stolen.refresh_token,
                         retry_key=b"t" * 16)
        self.see_end("of a session with a thief in it", mine)
        report("be robbed")

    def read_events(self) -> None:
        """Backwards, three a page. Sign-in failures are written down now and then, so they are left out."""
        kinds, page_token = [], ""
        while page_token or not kinds:
            page = self.administer("ListSecurityEvents", user_id=self.user_id, page_size=3, page_token=page_token)
            kinds += [self.admin_pb.SecurityEventKind.Name(event.kind) for event in page.events]
            page_token = page.next_page_token
        start = "SECURITY_EVENT_KIND_"
        kinds = [kind.removeprefix(start) for kind in kinds if kind != start + "SIGN_IN_FAILED"]
        expect("what happened", kinds, [
            "REFRESH_TOKEN_REUSED", "PASSWORD_RESET", "RESET_CODE_CREATED", "RESET_CODE_CREATED", "ROLES_CHANGED",
            "USER_ENABLED", "USER_DISABLED", "PASSWORD_CHANGED", "SESSIONS_REVOKED",
        ])
        for name, value in [("page_token", "another page"), ("page_size", 201), ("user_id", USERNAME)]:
            self.see_admin_refused(f"a wrong {name}", field(name), "ListSecurityEvents", **{name: value})
        report("read what happened")

    def be_deleted(self) -> None:
        tokens = self.sign_in(RESET)
        for step, current, wanted in [
            ("to delete oneself without the password", "", field("current_password")),
            ("to delete oneself with a wrong password", PASSWORD, INVALID),
        ]:
            self.see_refused(step, wanted, "DeleteUser", bearer(tokens), user_id="me", current_password=current)
        self.call("DeleteUser", bearer(tokens), user_id="me", current_password=RESET)
        self.see_end("of a deleted user", tokens)
        self.see_refused("a deleted user's password", INVALID, "IssueToken", basic(USERNAME, RESET))
        self.see_refused("a deleted user", ("NOT_FOUND", "USER_NOT_FOUND", None), "GetUser", bearer(self.admin),
                         user_id=self.user_id)
        self.see_refused("a deleted user's name", ("ALREADY_EXISTS", "USERNAME_TAKEN", None), "CreateUser", None,
                         username=USERNAME, password=PASSWORD)
        report("delete the account")


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    life = Life(*sys.argv[1:])
    tokens = life.carry_on()
    life.end_sessions(tokens)
    tokens = life.change_password(tokens)
    tokens = life.be_administered(tokens)
    life.reset_password(tokens)
    life.sign_out()
    life.be_robbed()
    life.read_events()
    life.be_deleted()
