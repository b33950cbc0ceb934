"""What lies in a data root.

- `data_root`: where everything of one data root lies.
- `plain_names`: a second name for a data root whose own name libraries misread; `user_cache`: the
  one folder outside of it.
- `raw_snapshot`: the raw files, identified by content; `raw_headers`: their one contract;
  `raw_looks`: which of them are complete.
- `content_hashes`: hashes of files that have not changed since.
- `processed_versions`: complete versions of the processed rows, replaced atomically.
"""
