"""`guardian backup` and `guardian restore`: what a host needs to be made again, sealed to who may open it."""
