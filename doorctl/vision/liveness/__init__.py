"""What tells a living face from a picture of one."""
