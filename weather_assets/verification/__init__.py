"""Verification: how good a rain forecast is, against what, and whether that is beyond chance.

Where do I go to ...

- turn the processed table into arrays of test rows?        `samples`
- see or add a forecast to be measured against?             `baselines`, on `design_matrix`
- see how a score is computed?                              `metrics`
- see how two forecasts are compared on the same rows?      `significance`
- change what a candidate must show, and by what margin?    `claims`
- read or write `verdict.json`?                             `verdict`
- change a picture?                                         `plots`, `learning_curves`
- see what is resampled together?                           `contest`
- see which references a candidate must face?               `evaluation`
- run all of it, from table to pictures?                    `assessment`
"""
