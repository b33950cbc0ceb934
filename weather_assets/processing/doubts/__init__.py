"""What is refused or warned of once rows are read.

- `gates`: the verdicts behind the blocking checks.
- `suspicions`: warnings. `units`, `moisture`: values in another unit than the contract's; `leaks`:
  features that give the label away; `explanations`, `problems`: how many faulty rows, or one,
  are put into words.
"""
