"""What is refused or warned of once rows are read.

- `gates`: the verdicts behind the blocking checks.
- `suspicions`: warnings. `units`, `moisture`: values in another unit than the contract's; `leaks`:
  features that give the label away; `explanations`: how a finding is put into words.
"""
