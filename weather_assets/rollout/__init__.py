"""Rollout: how a release comes to serve, stage by stage, and how it goes back.

Where do I go to ...

- see what an endpoint, a release and a stage are?            `states`
- change percentages, times or limits?                        `settings`
- see which step follows from what is observed?               `plan`, made of `steps`
- see what is checked before the first step?                  `preflight`
- see what a stage looks at?                                  `evidence`, gathered by `watch`
- change what makes a stage continue, hold or roll back?      `criteria`, `stage_verdict`
- see the tests that may be looked at any number of times?    `sequential`
- see what is remembered between stages and after a kill?     `journal`
- run a stage?                                                `controller`, returning a `report`
- see how steps are applied until the stage is reached?       `convergence`
- see who is candidate and who serves?                        `view`
- write an adapter for another service?                       `service`

Only the standard library: a rollout can be followed, and tested, without any service.
"""
