"""What makes a cell valid.

- `validation`: cells to values, or to the reason why not (`reasons`).
- `timestamps`: any cell; `alike_timestamps`: whole columns that are written alike.
- `hashing`: a row's stable hash; `features`: columns derived from others.
"""
