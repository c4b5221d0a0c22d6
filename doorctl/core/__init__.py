"""The pure part: values and decisions. No clock, file, thread, network, cv2 or logging."""
