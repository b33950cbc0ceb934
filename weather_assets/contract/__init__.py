"""What a `weather.csv` is: columns, units, bounds, label, split (L0, standard library only).

- `schema`: the contract as frozen dataclasses, and everything derived from it.
- `loading`: contracts from TOML, the built-in ones, and recognition of a header.
- `statistics`: what is fitted on training rows, and handed from Spark to the network.
- `builtin/`: the contracts that come with the product, one TOML file each.
"""
