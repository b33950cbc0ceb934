"""Rows against rows.

- `outcomes`: duplicates, contradictions, and the label that a later row tells.
- `windows`: which rows are compared together, and need not be again; `row_keys`: what of them.
- `splitting`: train, validation and test; `dividing`: where a division in time divides.
- `kept_results`: results that are kept under a hash of what they were made from.
"""
