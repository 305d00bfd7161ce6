"""What Keepstep costs, beside a bare loop over the same service in the same run."""
