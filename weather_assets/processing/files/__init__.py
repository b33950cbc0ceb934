"""From bytes to rows of text.

- `raw_file`: opening a file, and its header; `layouts`: where a contract's columns are in it.
- `dialects`: encoding, line ends, delimiter, decimal mark; `foreign_formats`: what is no CSV.
- `blocks`: pieces of a file that can be read by themselves.
- `plain_rows`: Arrow's reader, for text without irregularities.
- `careful_rows`, `records`: any text, one record after the other.
- `parquet_rows`: rows of a Parquet file; `parquet_pages`, `thrift_structs`: what it says of itself.
- `expansion`: how much a small file may become.
"""
