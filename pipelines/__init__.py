"""Prefect flows: when and how often. Thin skins over the engine."""
