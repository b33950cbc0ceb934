"""Raw CSV files in, validated, labelled and split rows out (L1: pyspark and pyarrow, no Dagster).

Where do I go to ...

- run the whole of it: `pipeline.process`.
- know why a row was set aside: `reasons.Reason`.
- change how bytes become records: `records` (one file, no Spark), `raw_files` (headers), `reading`
  (the Spark stage). Cells are strings up to here.
- change what makes a cell valid: `validation`, `timestamps`.
- change duplicates, or the label of a row with a forecast lead: `outcomes`.
- change how rows are divided: `splitting`; derived columns: `features`.
- change what is fitted on training rows: `fitting`.
- change what is counted and reported: `accounting`.
"""
