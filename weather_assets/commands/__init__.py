"""What the `weather-assets` command does, one file per subcommand (L6).

- `instance`: the Dagster instance of a data root.
- `graph_run`: `run`, the whole graph once, with progress and a summary.
- `progress`: how a run is shown in a terminal.
- `prediction`: `predict`, the champion on raw rows.
- `replay`: `replay`, policies of retraining on rows of the past.
- `doctor`: `doctor`, what is missing on this machine; `settings`: `settings`, all of them.
- `suggestion`: `contract suggest`, a contract for an unknown file.
- `serving`: `endpoint`, what serves and where.
- `invocation`: how the command was called, for lines to copy.
- `preparation`: `prepare-environment`; `short_life`: fewer collections in a command that ends.
- `development`: `dev`, the UIs with the sensors on; `services`: programs that are kept running.
- `run_launcher`: how a run's process is started and watched.
- `leftovers`, `recovery`: what killed processes have left running, and the runs they had begun.
- `hang_up`: a closed terminal ends a command as Ctrl-C does; `storage_errors`: what to do where a
  file cannot be written.
- `web_server`, `web_guard`: Dagster's web server, and who may ask it.
"""
