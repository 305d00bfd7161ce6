"""What all stand-ins share: clock, faults, hosting, the true log, and the control API."""
