"""Shipped test aids: the connector contract, a calendar in memory, a clock, failpoints."""
