"""What is wrong, or about to be, before anything is written: each system's own view, and what only the hub can see.

Everything here reads. Trouble is told as ``connectors.examining.Symptom``, so that it is said in one way.
"""
