"""Where photos come from: a Dropbox folder, or one on this machine."""
