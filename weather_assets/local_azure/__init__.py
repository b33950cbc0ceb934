"""Local Azure: a simulator of Azure ML online endpoints that unmodified Azure SDKs talk to.

It knows nothing of the platform beside it: take it for any project. What users need is in
`README.md`. Where do I go to ...

- find out whether a rule of Azure ML is enforced?      `azure.rules`, `azure.routing`
- change what a call to Azure Resource Manager answers? `arm`
- change how tokens are issued and checked?             `identity`
- change how uploads are kept?                          `storage`
- change how a deployment comes to serve and answers?   `serving`
- make it fail on purpose?                              `azure.faults`
- see how it is reached, over TLS, by host name?        `proxy`, `identity.certificates`, `server`
- start, stop and steer it?                             `daemon`, `control`, `admin`, `cli`
- see what a client's environment must say?             `environment_file`
"""
