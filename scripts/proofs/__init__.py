"""Slow proofs, each with a small sample in the tests: ``scripts/prove`` runs them whole."""
