"""Shipped for whoever writes a connector, and for whoever doubts ours: the contract suite and the simulator."""
