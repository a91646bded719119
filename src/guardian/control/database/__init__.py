"""PostgreSQL: tables, transactions that know their tenant, notifications."""
