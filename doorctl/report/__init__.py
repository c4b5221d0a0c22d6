"""What happened at the door and why, told from stored events alone."""
