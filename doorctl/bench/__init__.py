"""How fast the door is on this machine: its stages beside their floors, and the daemon as a whole."""
