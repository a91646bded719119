"""The daemon nodes talk to: gRPC with mTLS, and their enrolment."""
