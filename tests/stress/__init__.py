"""Trials that are too long for every test run: python -m tests.stress --help lists them."""
