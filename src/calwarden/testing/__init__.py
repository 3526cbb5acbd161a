"""Shipped test aids: the connector contract suite, a calendar in memory, a manual clock, failpoints."""
