"""From a picture to what it shows: faces, their points, and whose they are."""
