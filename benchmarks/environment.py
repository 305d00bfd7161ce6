"""The environment of the processes that are measured. Imports nothing: the bare loop is one of them."""

ENVIRON = {"TOKEN": "a-token-of-the-stub"}
