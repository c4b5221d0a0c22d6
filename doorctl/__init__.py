"""doorctl: a face-access door controller that decides on the device."""

__version__ = "0.1.0"
