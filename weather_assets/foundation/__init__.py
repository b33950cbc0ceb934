"""What stands below both the platform and Local Azure, and knows neither (L0).

- `atomic_files`: files that are complete or absent; `waiting`: for a condition, never for ever.
- `held_files`: files that say whether a process lives; `scratch`: its temporary files, which go
  with it; `marked_processes`: children that outlived it.
- `documents`: JSON files that carry the number of their format.
- `process_guard`: a program that ends when whoever started it is gone.
- `healing`: which failures may heal by themselves.
- `loopback`: ports that only this machine can reach; `log_files`: what processes say.
- `azure_limits`, `azure_machines`: what Azure publishes of online endpoints, and their VM sizes.
- `environments`: a Python environment from a conda file, built once; `inference_server`: the server
  that Azure runs, in one.
- `figures`: an empty figure, and a figure as PNG.
- `home_folders`: what `~` stands for.
- `settings`: dataclasses that say what each of their fields may be.
- `child_environment`: what a child process gets of our environment variables.
"""
