"""Where frames come from: a Pi's camera, a USB or network camera, or a recorded clip."""
