"""The lived-in company behind four stand-ins, and the scripted day that shows what Keepstep does with it."""
