"""X12 files of claims and remittances: read segment by segment, checked, corrected in a copy."""
