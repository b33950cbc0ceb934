"""Monitoring: how what serves fares on rows that came after it was trained.

Where do I go to ...

- see what is watched for, and how often a false alarm may come?    `settings`
- see how days become evidence, and evidence an alarm?              `live_skill`
- see which readings have moved, beside that season before?         `drift`
- see how skill is computed?                                        `scores`
- see what a policy of retraining was worth?                        `replayed`
- change a picture, or the page about a replay?                     `pictures`, `replay_report`

On plain numbers: which rows, models and verdicts they come from is for `workflows.live_skill`.
"""
