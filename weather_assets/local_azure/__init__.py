"""Local Azure: a simulator of Azure ML online endpoints that unmodified Azure SDKs talk to.

It knows nothing of weather and imports nothing of the rest of weather_assets: take it for any
project. Where do I go to ...

- find out whether a rule of Azure ML is enforced?      `rules`, `routing` (pure functions)
- change what a call to Azure Resource Manager answers? `arm`
- change how tokens are issued and checked?             `authority`
- change how uploads are kept?                          `blob`
- change how a deployment comes to serve?               `environments`, `scorers`, `provisioning`
- change how a scoring request is answered?             `dataplane`, `serving`, `metrics`
- make it fail on purpose?                              `faults`
- see how it is reached, over TLS, by host name?        `proxy`, `certificates`, `server`
- start, stop and steer it?                             `daemon`, `control`, `admin`, `cli`
"""
