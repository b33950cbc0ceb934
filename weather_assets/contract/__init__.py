"""What a `weather.csv` is: columns, units, bounds, label, split (L0, standard library only).

- `cells`: the grammar of a cell: numbers, missing values, timestamps, spellings.
- `quantities`: the table of physics: units, conversions, bounds.
- `agreement`: how well columns agree: a feature with the label, temperatures with humidity.
- `columns`: one column: a measurement, a category, the time.
- `schema`: the contract: columns, label and split together, and everything derived from them.
- `limits`: what rows must reach to be used.
- `loading`: contracts from TOML, the built-in ones, and recognition of a header.
- `statistics`: what is fitted on training rows, and handed from Spark to the network.
- `builtin/`: the contracts that come with the product, one TOML file each.
"""
