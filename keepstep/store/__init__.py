"""What Keepstep remembers: tables, and the repository through which alone they are read and written."""
