"""The database: tables, transactions, queries, journal, audit chain, vault, migrations."""
