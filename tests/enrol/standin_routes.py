"""What each route of the stand-in does, once a request has been read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import parse_qsl

from tests.enrol.standin_accounts import UID, Accounts
from tests.enrol.standin_faults import (
    ACCOUNT,
    CONTINUE,
    DOWNLOAD,
    LIST,
    LONGPOLL,
    METADATA,
    REVOKE,
    TOKEN,
    UPLOAD,
)
from tests.enrol.standin_state import State
from tests.enrol.standin_tree import CursorResetError, Json, LookupFailedError, WriteFailedError, content_hash
from tests.enrol.standin_wire import (
    DOWNLOAD_TYPES,
    JSON_TYPES,
    UPLOAD_TYPES,
    Answer,
    RefusedError,
    answer_error,
    answer_json,
    answer_text,
    dump,
    oauth_error,
    read_argument,
    write_failed,
)

MOST_BYTES = 150 * 1024 * 1024
"""Largest body of an upload."""


class Routes:
    """The API over one account.

    Args:
        longpoll_scale: what the seconds that a longpoll asks for are multiplied by.
    """

    def __init__(self, state: State, accounts: Accounts, longpoll_scale: float) -> None:
        self.state = state
        self.accounts = accounts
        self.longpoll_scale = longpoll_scale
        self._rpc: dict[str, Callable[[Json], Answer]] = {
            LIST: self._list_folder,
            CONTINUE: self._list_more,
            METADATA: self._get_metadata,
            ACCOUNT: self._get_account,
        }

    def answer(
        self, route: str, headers: Mapping[str, str], body: bytes, cancelled: Callable[[], bool]
    ) -> Answer:
        """The answer to a request.

        Args:
            cancelled: tells that nobody waits for the answer of a longpoll any more.
        """
        try:
            if route == TOKEN:
                return self._token(headers, body)
            argument = self._admit(route, headers, body)
            if route == LONGPOLL:
                return self._longpoll(argument, cancelled)
            if route == DOWNLOAD:
                return self._download(argument)
            if route == UPLOAD:
                return self._upload(argument, body)
            if route == REVOKE:
                self.accounts.revoke_with(headers["Authorization"])
                return answer_json(None)
            return self._rpc[route](argument)
        except RefusedError as error:
            return error.answer
        except CursorResetError:
            return answer_error("reset")
        except LookupFailedError as error:
            return answer_error("path", *error.args)
        except WriteFailedError as error:
            return write_failed(*error.args)

    def _admit(self, route: str, headers: Mapping[str, str], body: bytes) -> Json:
        """Check whoever asks and how, and read the argument."""

        def refuse(what: str) -> RefusedError:
            return RefusedError(answer_text(f'Error in call to API function "{route}": {what}'))

        if route not in {LONGPOLL, DOWNLOAD, UPLOAD, REVOKE, *self._rpc}:
            raise RefusedError(answer_text(f'Unknown API function: "{route}"'))
        header = headers.get("Authorization")
        if route != LONGPOLL:
            self.accounts.check(route, header)
        elif header is not None:
            raise refuse("Your request includes an Authorization header, but this function does not use it.")
        content = route in {DOWNLOAD, UPLOAD}
        types = {DOWNLOAD: DOWNLOAD_TYPES, UPLOAD: UPLOAD_TYPES}.get(route, JSON_TYPES)
        given = headers.get("Content-Type", "")
        if given.lower() not in types and not (route in {ACCOUNT, REVOKE} and not given and not body):
            expected = ", ".join(f'"{name}"' for name in sorted(types) if name)
            raise refuse(f'Bad HTTP "Content-Type" header: "{given}".  Expecting one of {expected}.')
        if not content:
            try:
                text = body.decode() or ("null" if route in {ACCOUNT, REVOKE} else "")
            except UnicodeDecodeError:
                raise refuse("request body: could not decode input as UTF-8") from None
            return read_argument(route, text, "request body")
        text = headers.get("Dropbox-API-Arg", "")
        if not text:
            raise refuse('Must provide HTTP header "Dropbox-API-Arg" or URL parameter "arg".')
        if not text.isascii() or "\x7f" in text:
            raise refuse('HTTP header "Dropbox-API-Arg": could not decode input as JSON')
        if route == DOWNLOAD and body:
            raise refuse("the stand-in expects no body of a download")
        return read_argument(route, text, 'HTTP header "Dropbox-API-Arg"')

    def _list_folder(self, argument: Json) -> Answer:
        return answer_json(
            self.state.list_folder(
                argument["path"],
                recursive=argument.get("recursive", False),
                include_deleted=argument.get("include_deleted", False),
                exportable=argument.get("include_non_downloadable_files", True),
                limit=argument.get("limit") or 2000,
            )
        )

    def _list_more(self, argument: Json) -> Answer:
        return answer_json(self.state.list_more(argument["cursor"]))

    def _longpoll(self, argument: Json, cancelled: Callable[[], bool]) -> Answer:
        seconds = argument.get("timeout", 30) * self.longpoll_scale
        answer: Json = {"changes": self.state.wait(argument["cursor"], seconds, cancelled)}
        if self.state.backoff is not None:
            answer["backoff"] = self.state.backoff
        return answer_json(answer)

    def _get_metadata(self, argument: Json) -> Answer:
        return answer_json(self.state.metadata(self.state.find(argument["path"])))

    def _get_account(self, _: Json) -> Answer:
        name = {"given_name": "Grace", "surname": "Hopper", "familiar_name": "Grace"}
        return answer_json(
            {
                "account_id": self.accounts.account_id,
                "name": name | {"display_name": "Grace Hopper", "abbreviated_name": "GH"},
                "email": "grace@example.org",
                "email_verified": True,
                "disabled": False,
                "locale": "en",
                "referral_link": "https://www.dropbox.com/referrals/a1b2c3",
                "is_paired": False,
                "account_type": {".tag": "basic"},
                "root_info": {".tag": "user", "root_namespace_id": UID, "home_namespace_id": UID},
                "country": "US",
            }
        )

    def _download(self, argument: Json) -> Answer:
        node = self.state.find(argument["path"])
        if node.folder:
            raise LookupFailedError("not_file")
        if not node.downloadable:
            return answer_error("unsupported_file")
        metadata = self.state.metadata(node)
        del metadata[".tag"]
        headers = {"Content-Type": "application/octet-stream", "Dropbox-API-Result": dump(metadata)}
        return Answer(200, node.data, headers | {"ETag": f'W/"{node.rev}"'})

    def _upload(self, argument: Json, body: bytes) -> Answer:
        if len(body) > MOST_BYTES:
            return answer_error("payload_too_large")
        claimed = argument.get("content_hash")
        if claimed and claimed.lower() != content_hash(body):
            return answer_error("content_hash_mismatch")
        mode = argument.get("mode", "add")
        tag, rev = (mode, "") if isinstance(mode, str) else (mode[".tag"], mode.get("update", ""))
        try:
            metadata = self.state.upload(
                argument["path"],
                body,
                tag,
                rev,
                autorename=argument.get("autorename", False),
                strict=argument.get("strict_conflict", False),
                client_modified=argument.get("client_modified") or "",
            )
        except LookupFailedError:
            raise WriteFailedError("malformed_path") from None
        del metadata[".tag"]
        return answer_json(metadata)

    def _token(self, headers: Mapping[str, str], body: bytes) -> Answer:
        if headers.get("Content-Type", "").lower() != "application/x-www-form-urlencoded":
            return oauth_error("invalid_request", "Content-Type must be application/x-www-form-urlencoded")
        try:
            pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, strict_parsing=True)
        except ValueError:
            return oauth_error("invalid_request", "the body is no form")
        if len(dict(pairs)) != len(pairs):
            return oauth_error("invalid_request", "a parameter twice")
        return self.accounts.token(dict(pairs))
