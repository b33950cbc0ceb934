"""Why a row was set aside: the reason codes of `rejected.parquet`.

Belongs here: the codes and what each means. Does not belong here: finding them (`records` for the
shape of a record, `validation` for cells, `outcomes` for rows held against others, `splitting`).
"""

from enum import StrEnum


class Reason(StrEnum):
    """Reason code of a rejected row. A row has one: the first that applies, in this order.

    Of several bad cells, the first in the contract's order of columns is named.
    """

    RECORD_TOO_LONG = "record_too_long"
    """The line is longer than 1 MiB; `raw` holds its beginning."""
    INVALID_ENCODING = "invalid_encoding"
    """The record is not UTF-8; `raw` shows each bad byte as U+FFFD."""
    NUL_BYTE = "nul_byte"
    """The record holds a NUL byte, which no text file does."""
    UNTERMINATED_QUOTE = "unterminated_quote"
    """A quoted cell that starts on this line is never closed, or only inside a later record; the
    following lines are read as records of their own."""
    MALFORMED_QUOTE = "malformed_quote"
    """A quote inside an unquoted cell, or text after a closing quote (RFC 4180, section 2)."""
    REPEATED_HEADER = "repeated_header"
    """The header again, as when files were joined end to end."""
    WRONG_NUMBER_OF_CELLS = "wrong_number_of_cells"
    """More or fewer cells than the header has."""

    INVALID_TIMESTAMP = "invalid_timestamp"
    """Not in the contract's format, no date of the calendar, outside 1700-2199, or an hour that the
    contract's time zone skips."""
    NOT_A_NUMBER = "not_a_number"
    """No plain decimal number: `1,234`, `12 C`, `NaN`, `inf`, `0x1F`, `1d`."""
    OUT_OF_BOUNDS = "out_of_bounds"
    """A number outside the physical bounds of its column."""
    UNKNOWN_CATEGORY = "unknown_category"
    """None of the categories of its column."""
    UNKNOWN_LABEL = "unknown_label"
    """None of the label's positive and negative spellings."""
    MISSING_REQUIRED_VALUE = "missing_required_value"
    """A cell that the contract requires (the timestamp always is) is empty."""
    MISSING_LABEL = "missing_label"
    """The label cell is empty; only where the label is read from the row itself."""
    NO_MEASUREMENT = "no_measurement"
    """Every measured feature is missing."""

    CONTRADICTING_ROWS = "contradicting_rows"
    """Another row of the same station and time has other values; all of them are set aside."""
    DUPLICATE_ROW = "duplicate_row"
    """The same station, time and values as a row that was kept."""
    OUTCOME_MISSING = "outcome_missing"
    """With a forecast lead: whether the event happened that much later was not observed, or was
    observed both ways."""
    SPLIT_GAP = "split_gap"
    """The row, or what it forecasts, falls between two splits."""
