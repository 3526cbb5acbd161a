"""The database: tables, transactions, queries, journal, audit chain, sealed credentials, migrations."""
