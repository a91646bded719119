"""What every tier shares: configuration, lifecycle, logging, errors, health, TLS, stores. Knows no tier."""
