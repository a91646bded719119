"""A tenant's nodes: enrolment tokens, registration, last news."""
