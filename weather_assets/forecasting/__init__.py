"""The network and its training: raw units in, probability of rain out (L1, PyTorch and Lightning).

- `settings`: what a training run may be told, and the job file that one rank reads.
- `preprocessing`: imputation, scaling and encodings, fitted on training rows, inside the network.
- `network`: the network itself; saving and loading without pickles.
- `data`: prepared rows as arrays.
- `row_files`, `row_sorting`: prepared rows as flat files in a reproducible order, of any number.
- `epoch_order`: which rank visits which rows in which order.
- `rank_data`: from a job file to what one rank trains on.
- `batches`: the encoded rows of each step, resident or streamed.
- `lightning_module`: what a step, a validation and a stop are.
- `trainer`, `training`: one rank under Lightning DDP, from job file to candidate directory.
- `rank_environment`: who a rank is; `meeting`: where ranks find each other, and nobody else.
- `checkpoints`: what a relaunched rank continues from.
- `events`: the JSON lines that a rank tells its launcher.
- `onnx_export`: the network as an ONNX graph with one named input per feature.
- `python -m weather_assets.forecasting JOB.json`: one rank.
"""
