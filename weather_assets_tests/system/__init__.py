"""The commands as their users run them: whole processes, looked at from outside.

Belongs here: what is true of whole processes alone and takes long, such as what is left of one that
was killed, or of one that ran in a strange folder. Does not belong here: harm at random (`chaos`),
or what a test can ask of a function.

- `development_server`: a `dev` of a test's own.
- `test_development`: it serves both UIs and ends.
- `test_killed_commands`: `dev` and `run` are killed, or lose their terminal; `test_killed_start`:
  `dev` is killed as it makes what is not there yet.
- `test_training_gang`: so are the ranks of a training.
- `test_data_roots`: a data root under an awkward name, moved and copied.
- `test_old_root`: a data root that an earlier version made.
- `test_imports`: which threads of a run import.
- `test_replay_command`: `replay`, ended or to its end.
- `test_benchmark_programs`: the programs that benchmarks compare with.
"""
