"""The door's pins. gpiozero is the seam to the hardware; its factory is always named, never guessed."""
