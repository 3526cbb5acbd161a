"""Stand-ins for calendar services that nobody can run at home: for tests and for the demonstration.

They keep state, refuse what the real service refuses, and open a door for people and for faults.
"""
