"""Enrolment of this node with its control plane."""
