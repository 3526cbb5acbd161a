"""What a connector is: protocols, capabilities and errors.

Connectors import this and the values only.
"""
