"""What is made of files, piece by piece, here or by Spark's tasks.

- `tasks`: what is done by Spark and what in this process.
- `file_entries`: what is kept of one file; `block_work`: made block by block.
- `parts`: rows whose fate depends on them alone; `timed_parts`: those that are compared first,
  `timed_rows`: when, `divided_rows`: what comes out.
- `gathering`: the parts of all files as one version.
- `summaries`, `accounting`: what is counted and reported; `fitting`: statistics of training rows.
"""
