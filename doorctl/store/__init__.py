"""What the door remembers: people, photos, templates and events, in one SQLite file."""
