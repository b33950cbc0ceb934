"""What is made of files, piece by piece, here or by Spark's tasks.

- `tasks`: what is done by Spark and what in this process.
- `file_entries`: what is kept of one file; `parts`: its rows; `timed_parts`, `timed_rows`: those
  with a time.
- `summaries`, `accounting`: what is counted and reported; `fitting`: statistics of training rows.
"""
