"""The demonstration: a real calendar server, a seeded practice, a person who edits, one pass."""
