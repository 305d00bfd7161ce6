"""What to do: observe, match, absorb, plan, guard, apply, verify. Plain Python; no Prefect, no vendor's name."""
