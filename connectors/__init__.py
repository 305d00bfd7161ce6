"""How to talk to outside systems; knows nothing of mapping, engine or application."""
