"""Exceptions of the Dropbox SDK, of requests and of TLS, told as what a person can act on.

What the servers wrote is not passed on, for it could hold a token; their tags are.
"""

from __future__ import annotations

import logging
import re
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import requests
import urllib3
from dropbox.exceptions import (
    ApiError,
    AuthError,
    BadInputError,
    DropboxException,
    InternalServerError,
    RateLimitError,
)
from dropbox.stone_validators import ValidationError

from doorctl.enrol.source import FetchError, ReadOnlyError, SourceError, UnreachableError
from doorctl.enrol.token import LOGIN
from doorctl.errors import DoorctlError

_log = logging.getLogger(__name__)

APPS = "https://www.dropbox.com/developers/apps"
WRITE_SCOPE = "files.content.write"
LATER = "it may pass by itself"

# X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED of OpenSSL's x509_vfy.h.
_WRONG_TIME = {9, 10}
_SCOPE = re.compile(r"required scope\W+([a-z_]+(?:\.[a-z_]+)+)")


@contextmanager
def translated(refused: Callable[[str], DoorctlError]) -> Iterator[None]:
    """Let no exception through but those of ``doorctl.enrol.source``.

    Args:
        refused: what Dropbox's refusal of this very call means, by its tags: ``path/not_found``.

    Raises:
        SourceError, UnreachableError: what went wrong otherwise.
    """
    try:
        yield
    except DoorctlError:
        raise
    except ApiError as error:
        raise refused(tags(error.error)) from None
    except DropboxException as error:
        raise _of_answer(error) from None
    except (AssertionError, KeyError, TypeError, ValueError, ValidationError) as error:
        # The SDK trips over pages that are no answers of Dropbox's at all.
        _log.debug("no answer of Dropbox's: %s", type(error).__name__)
        raise UnreachableError(
            "what answers in Dropbox's place is not Dropbox",
            f"a proxy or a network's login page may be in the way; {LATER}",
        ) from None
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        raise _of_connection(error) from error
    except OSError as error:  # requests' own word for a file of certificates that it cannot read
        raise SourceError(
            f"the file of certificates cannot be read: {error}", "see SSL_CERT_FILE and REQUESTS_CA_BUNDLE"
        ) from None


def tags(union: Any) -> str:
    """What a union of the SDK says, as Dropbox sums it up itself: ``path/insufficient_space``."""
    found = []
    while union is not None and (tag := getattr(union, "_tag", None)):
        found.append(str(tag))
        value = union._value
        union = getattr(value, "reason", value)  # an upload's error has the path's below ``reason``
    return "/".join(found)


def missing(scope: str) -> SourceError:
    """The access that was granted lacks a scope."""
    return (ReadOnlyError if scope == WRITE_SCOPE else SourceError)(
        f"the door's access to Dropbox lacks the permission {scope}",
        f"tick it on the Permissions tab of your app at {APPS}, submit, then {LOGIN} again",
    )


def folder_refused(folder: str) -> Callable[[str], DoorctlError]:
    """What refusals to list a folder mean."""
    shown = folder or "the app's folder"

    def refused(reason: str) -> DoorctlError:
        if "reset" in reason:
            return UnreachableError(f"{shown} changes while it is listed", LATER)
        if "not_found" in reason:
            return SourceError(f"{shown}: no such folder in this Dropbox", "make it, or set photos.folder")
        if "not_folder" in reason:
            return SourceError(f"{shown}: a file, expected a folder", "set photos.folder")
        return SourceError(f"{shown}: Dropbox does not list it ({reason})", "check photos.folder")

    return refused


def file_refused(path: str) -> Callable[[str], DoorctlError]:
    """What refusals to give a file mean."""

    def refused(reason: str) -> DoorctlError:
        if "not_found" in reason:
            return FetchError(f"{path}: it has gone", "nothing needs to be done")
        if "restricted_content" in reason:
            return FetchError(f"{path}: Dropbox withholds it for copyright", "use another photo")
        if "unsupported_file" in reason:
            return FetchError(
                f"{path}: it is no file but a document of Dropbox's or Google's",
                "save the picture in it as a JPEG file",
            )
        return FetchError(f"{path}: Dropbox does not give it ({reason})", "put it there again")

    return refused


def write_refused(path: str) -> Callable[[str], DoorctlError]:
    """What refusals to take a file mean."""

    def refused(reason: str) -> DoorctlError:
        if "too_many_write_operations" in reason:
            return UnreachableError(f"{path}: too much is written there at once", LATER)
        if "space" in reason or "traffic" in reason:
            what, hint = "no space is left in this Dropbox", "make space, or set photos.receipts: false"
        elif "conflict" in reason:
            what, hint = "something else has that name", "move it away, or set photos.receipts: false"
        else:
            what = f"may not be written ({reason})"
            hint = "let the door's account edit the folder, or set photos.receipts: false"
        return ReadOnlyError(f"{path}: {what}", hint)

    return refused


def _of_answer(error: Any) -> SourceError:
    """An answer that is no answer to the question: about tokens, limits, or trouble of Dropbox's own."""
    if isinstance(error, AuthError):
        return _of_access(error.error)
    if isinstance(error, RateLimitError):
        wait = float(error.backoff or 0)
        return UnreachableError("Dropbox asks for fewer requests", LATER, retry_after=wait)
    if isinstance(error, InternalServerError):
        return UnreachableError(f"Dropbox has trouble (HTTP {error.status_code})", LATER)
    if isinstance(error, BadInputError):
        if found := _SCOPE.search(str(error.message)):
            return missing(found[1])
        return SourceError(
            "Dropbox does not understand the request",
            "check photos.app_key and photos.folder; did another app's key get this token?",
        )
    status = getattr(error, "status_code", "?")
    return UnreachableError(f"Dropbox answers with HTTP {status}", f"a proxy may be in the way; {LATER}")


def _of_access(error: Any) -> SourceError:
    reason = tags(error)
    if "missing_scope" in reason:
        return missing(error.get_missing_scope().required_scope)
    if "user_suspended" in reason:
        return SourceError("Dropbox has suspended this account", "see https://www.dropbox.com")
    return SourceError(f"Dropbox does not take the token any more ({reason})", f"{LOGIN} again")


def _of_connection(error: BaseException) -> SourceError:
    """No answer, or not all of one."""
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return _of_certificate(cause)
    if isinstance(error, requests.HTTPError) and error.response is not None:  # from logging in alone
        return UnreachableError(f"Dropbox has trouble (HTTP {error.response.status_code})", LATER)
    if isinstance(error, requests.exceptions.ProxyError):
        return UnreachableError("the proxy does not let Dropbox through", f"see HTTPS_PROXY; {LATER}")
    if any(isinstance(cause, urllib3.exceptions.NameResolutionError) for cause in causes):
        return UnreachableError("no network: Dropbox's address cannot be looked up", LATER)
    # To urllib3, a refused connection is one that was not made in time.
    refused = any(isinstance(cause, urllib3.exceptions.NewConnectionError) for cause in causes)
    late = (requests.Timeout, urllib3.exceptions.TimeoutError)
    if not refused and any(isinstance(cause, late) for cause in causes):
        return UnreachableError("Dropbox does not answer in time", f"check the network; {LATER}")
    return UnreachableError("the connection to Dropbox fails", f"check the network; {LATER}")


def _of_certificate(error: ssl.SSLCertVerificationError) -> SourceError:
    if error.verify_code in _WRONG_TIME:
        return UnreachableError(
            f"Dropbox's certificate does not fit this machine's clock: {error.verify_message}",
            f"set the clock ('timedatectl'); {LATER}",
        )
    return SourceError(
        f"Dropbox's certificate is not to be trusted: {error.verify_message}",
        "somebody listens in; if it is your company's proxy, name its CA certificate's file in SSL_CERT_FILE",
    )


def _causes(error: object) -> Iterator[BaseException]:
    """An exception and those that it holds: requests and urllib3 wrap them in one another."""
    waiting, seen = [error], set[int]()
    while waiting:
        found = waiting.pop()
        if isinstance(found, BaseException) and id(found) not in seen:
            seen.add(id(found))
            yield found
            waiting += [*found.args, getattr(found, "reason", None), found.__cause__, found.__context__]
