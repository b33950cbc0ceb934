"""The guard of a Docker engine: lets a stack launch its runs and ranks, and nothing else.

A product of its own: it runs in the one container that holds the engine's socket, so it needs the
standard library and one HTTP parser, and imports nothing of the rest. Where do I go to ...

- see or change which calls are let through?          `rules`
- see or change what may be said of a container?      `bodies`
- see how a value is compared with what it may be?    `shapes`
- see how bytes become values, and which do not?      `parsing`
- see what it learns from its environment?            `settings`
- change how bytes go to the engine and back?         `server`
"""
