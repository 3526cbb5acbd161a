"""Pure values and rules of the practice: no I/O, no clock, no logging."""
