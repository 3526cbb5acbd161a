"""The use cases of the appointment store, one module per noun.

Each takes an open write transaction, the moment ``now`` and who acts (``actor``), changes whatever
belongs together, leaves an audit entry, and raises `calwarden.domain.refusal.Refused` where a rule
of the practice says no.
"""
