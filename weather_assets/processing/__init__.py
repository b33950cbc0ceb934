"""Raw files in, validated, labelled and split rows out (L1: pyspark and pyarrow, no Dagster).

`pipeline.process` runs the whole of it; `identity` says when two results are the same. Where do I
go to ...

- change how bytes become rows, whatever the format?      `files`
- change what makes a cell valid, and under which reason? `cells`
- change duplicates, outcomes of a lead, and splits?      `comparing`
- change what is kept of a file, counted and fitted?      `parts`
- change what is refused or warned of?                    `doubts`
"""
