"""Migrations of the tables, run by `calwarden.store.schema`."""
