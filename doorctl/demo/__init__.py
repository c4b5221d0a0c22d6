"""The demonstration: two portraits walk up to a simulated door."""
