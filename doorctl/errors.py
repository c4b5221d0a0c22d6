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


class ControlError(DoorctlError, OSError):
    """The daemon cannot listen for commands (EX_OSERR)."""

    exit_code = 71


class RequestError(DoorctlError, ValueError):
    """What a command asked of the daemon cannot be understood (EX_DATAERR)."""

    exit_code = 65


class NotRunningError(DoorctlError):
    """No daemon listens (3, as service managers have it for a program that does not run)."""

    exit_code = 3


class NotPermittedError(DoorctlError):
    """The daemon takes no commands from this user (EX_NOPERM)."""

    exit_code = 77


class LockedDownError(DoorctlError):
    """An operator's lockdown stands against what was ordered (EX_NOPERM)."""

    exit_code = 77


class NoAnswerError(DoorctlError):
    """The daemon is there, and does not answer in time or has no room (EX_TEMPFAIL)."""

    exit_code = 75


class DaemonError(DoorctlError):
    """What the daemon says is wrong, with the exit code that it gives."""

    def __init__(self, message: str, hint: str = "", exit_code: int = 1) -> None:
        super().__init__(message, hint)
        self.exit_code = exit_code


class UnknownEventError(DoorctlError, LookupError):
    """There is no event of that number (EX_NOINPUT)."""

    exit_code = 66


class DisputeError(DoorctlError, ValueError):
    """An event cannot be disputed so: it is no decision, or the note cannot be kept (EX_DATAERR)."""

    exit_code = 65


class SealedError(StoreError):
    """Templates cannot be read or written, for their key is missing or does not fit (EX_IOERR)."""


class BackupError(DoorctlError, ValueError):
    """A backup cannot be made or read: its passphrase, or what is in the file (EX_DATAERR)."""

    exit_code = 65
