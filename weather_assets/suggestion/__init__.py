"""A contract proposed from a sample of an unknown file (L1: numpy and the standard library).

Where do I go to ...

- run the whole of it: `proposing.propose`, to a `proposal`; `document.to_toml` for the text.
- change which rows are looked at: `sampling`.
- teach it a quantity, a unit or a bound: `weather_assets.contract.quantities`, which the unit gate
  knows too; a spelling of a column name: `names`.
- change what is read off the cells alone: `columns` (numbers, levels), `markers` (missing values).
- change how a unit is chosen: `unit_choice`, `unit_evidence`.
- change how a column becomes a table: `measurements`.
- change time and place: `time_column`, `stations`.
- change the label: `labels`; what gives it away: `leaking_columns`.

Nothing is guessed silently: whatever is in doubt comes with a note (`notes`), which stands beside
its line in the TOML and in the list on the console. What cannot be decided is left out of the TOML
as a comment, so that loading it says what is missing.
"""
