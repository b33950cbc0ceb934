"""Raw files in, validated, labelled and split rows out (L1: pyspark and pyarrow, no Dagster).

Where do I go to ...

- run the whole of it: `pipeline.process`.
- know why a row was set aside: `reasons.Reason`.
- change how bytes become rows: `records` and `reading` (any text, one record after the other),
  `plain_rows` (Arrow's reader, for text without irregularities), `parquet_files`, `raw_files`
  (headers), `blocks` (pieces of a file).
- change what is done by Spark tasks and what here: `tasks`; what is kept of a file: `file_entries`.
- change what makes a cell valid: `validation`, `timestamps` (`alike_timestamps`: whole columns).
- change duplicates, or the label of a row with a forecast lead: `outcomes`; which rows are compared
  together, and which need not be again: `windows`; the order of that: `timed_rows`.
- change how rows are divided: `splitting`; derived columns: `features`; what is written: `parts`,
  `timed_parts`.
- change what is fitted on training rows: `fitting`.
- change what is counted and reported: `summaries`, `accounting`.
"""
