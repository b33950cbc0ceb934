"""Bytes that are no CSV text at all, told by how they begin: archives, workbooks, web pages.

Belongs here: what a file of another format is called, and what its owner should do. Does not belong
here: how CSV text is written (`dialects`), or raising (`raw_file`).

Signatures: the formats' own specifications, as collected in Wikipedia, "List of file signatures".
"""

_SIGNATURES: tuple[tuple[bytes, str, str], ...] = (
    (b"\x1f\x8b", "gzip data", "name it *.csv.gz, or decompress it"),
    (b"BZh", "bzip2 data", "decompress it"),
    (b"\xfd7zXZ\x00", "xz data", "decompress it"),
    (b"\x28\xb5\x2f\xfd", "zstandard data", "decompress it"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", "extract the CSV file from it"),
    (b"Rar!", "a RAR archive", "extract the CSV file from it"),
    (b"PAR1", "a Parquet file", "name it *.parquet"),
    (b"ARROW1", "an Arrow file", "write its rows as CSV"),
    (b"\x89HDF", "an HDF5 or NetCDF file", "write its rows as CSV"),
    (b"CDF", "a NetCDF file", "write its rows as CSV"),
    (b"GRIB", "a GRIB file", "write its rows as CSV"),
    (b"SQLite format 3", "an SQLite database", "write its rows as CSV"),
    (b"\xd0\xcf\x11\xe0", "an Excel workbook (xls)", "save its sheet as CSV, UTF-8"),
    (b"%PDF", "a PDF document", "put the data there as CSV"),
    (b"\x89PNG", "an image", "put the data there as CSV"),
    (b"version https://git-lfs", "a Git LFS pointer", "fetch the file itself: git lfs pull"),
    (b"{\\rtf", "a rich-text document", "save it as CSV, UTF-8"),
)
_TAR_MAGIC = slice(257, 262)
_SHOWN_CHARACTERS = 60


def foreign_format(head: bytes) -> str | None:
    """Returns what the first bytes of a file show it to be, if that is no CSV text.

    Args:
        head: the first few hundred bytes or more, decompressed where the file is a `.csv.gz`.

    Returns:
        The end of a sentence ("is a zip archive, not CSV text: extract ..."), or None.
    """
    if head.startswith(b"PK\x03\x04"):
        if b"[Content_Types].xml" in head or b"xl/" in head or b"mimetype" in head:
            return (
                "is an Excel or OpenDocument workbook, not CSV text: save its sheet as CSV, UTF-8"
            )
        return "is a zip archive, not CSV text: extract the CSV file from it"
    if head[_TAR_MAGIC] == b"ustar":
        return "is a tar archive, not CSV text: extract the CSV file from it"
    for signature, name, advice in _SIGNATURES:
        if head.startswith(signature):
            return f"is {name}, not CSV text: {advice}"
    return _markup(head)


def _markup(head: bytes) -> str | None:
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    shown = repr(start[:_SHOWN_CHARACTERS].decode("utf-8", errors="replace"))
    if start.startswith(b"<"):
        return (
            f"is HTML or XML, perhaps the error page of a download, not CSV text (begins with "
            f"{shown}): fetch the data again and look at what comes"
        )
    if start.startswith((b"{", b"[")):
        return f"is JSON, not CSV text (begins with {shown}): write its rows as CSV"
    return None
