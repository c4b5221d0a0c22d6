"""What can go wrong, told so that a person can act on it.

Every error carries a message (what is wrong) and may carry a hint (what to do).
Libraries' own exceptions are translated into these where they enter; only
``cli.py`` turns them into text and an exit code. The codes are those of BSD's
``sysexits.h``, so that systemd and scripts can tell them apart.
"""

from __future__ import annotations


class DoorctlError(Exception):
    """Base of all errors that doorctl raises on purpose.

    Args:
        message: what is wrong, one sentence without a full stop.
        hint: what the reader can do about it, or empty.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}: {self.hint}" if self.hint else self.message


class ConfigError(DoorctlError, ValueError):
    """The configuration cannot be used (EX_CONFIG: systemd does not restart on it)."""

    exit_code = 78


class PhotoError(DoorctlError, ValueError):
    """A picture cannot be used: unreadable, too large, no face (EX_DATAERR)."""

    exit_code = 65


class ScriptError(DoorctlError, ValueError):
    """A replay's script of inputs cannot be read or understood (EX_DATAERR)."""

    exit_code = 65


class CameraError(DoorctlError, OSError):
    """A camera, clip or folder of frames cannot be opened (EX_NOINPUT)."""

    exit_code = 66


class ModelError(DoorctlError):
    """A model file is missing, damaged, or cannot be converted or run (EX_UNAVAILABLE)."""

    exit_code = 69


class PinError(DoorctlError, OSError):
    """A GPIO pin cannot be claimed or driven (EX_OSERR)."""

    exit_code = 71


class OutputError(DoorctlError, OSError):
    """A picture, clip or report cannot be written (EX_CANTCREAT)."""

    exit_code = 73


class AlreadyRunningError(DoorctlError):
    """Another daemon drives this door (EX_TEMPFAIL)."""

    exit_code = 75


class StoreError(DoorctlError, OSError):
    """The database or its directory cannot be read or written (EX_IOERR)."""

    exit_code = 74


class NameRefusedError(DoorctlError, ValueError):
    """A person's name cannot be used: empty, too long, or with characters that do not show (EX_DATAERR)."""

    exit_code = 65


class StillDeniedError(DoorctlError):
    """Somebody cannot be allowed, for another denies them (EX_NOPERM)."""

    exit_code = 77


class UnknownPersonError(DoorctlError, LookupError):
    """Nobody has that name (EX_NOUSER)."""

    exit_code = 67
