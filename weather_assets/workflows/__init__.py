"""Use cases: what an asset's body calls, one file each (L3; domain and adapters, no Dagster).

- `preparation`: raw files to a version of processed rows.
- `candidates`: processed rows to a registered candidate.
- `bound_weights`: the weights that were trained for a version, and no others.
- `judgement`: the verdict on a candidate, and the move of the champion (`judged_rows`: on what).
- `live_skill`: how what serves fares on rows that came since it was trained.
- `champions`: the champion, ready to answer; `prediction`: its forecasts of a file of rows.
- `packaging`: the champion to a scoring package that was served once (`published`: may it serve).
- `replay`: rows of the past on a simulated clock, and the skill of what would have served.
- `rollouts`: a package to the endpoint, stage by stage.
"""
