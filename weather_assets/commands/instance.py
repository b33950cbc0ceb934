"""The Dagster instance of a data root: its settings and where they are written.

Belongs here: the settings of the embedded instance as a document. Does not belong here: the
instance for containers (`docker/dagster.yaml`).
"""

from typing import Any

import yaml

from weather_assets.adapters.files.data_root import DataRoot

SETTINGS_FILE = "dagster.yaml"
WORKSPACE_FILE = "workspace.yaml"
WORKSPACE = {
    "load_from": [
        {
            "python_module": {
                "module_name": "weather_assets.definitions",
                "location_name": "weather_assets",
            }
        }
    ]
}
"""The code location, under the name that the repository's workspace.yaml gives it too."""


def instance_settings(base_dir: str) -> dict[str, Any]:
    """Returns the settings of an embedded instance (the repository's `dagster.yaml` explains them).

    Args:
        base_dir: folder of the stores.
    """
    purge = {"skipped": 3, "failure": 30, "success": 30}
    return {
        "storage": {"sqlite": {"base_dir": base_dir}},
        "local_artifact_storage": {
            "module": "dagster.core.storage.root",
            "class": "LocalArtifactStorage",
            "config": {"base_dir": base_dir},
        },
        "compute_logs": {
            "module": "dagster.core.storage.local_compute_log_manager",
            "class": "LocalComputeLogManager",
            "config": {"base_dir": f"{base_dir}/compute_logs"},
        },
        "telemetry": {"enabled": False},
        "nux": {"enabled": False},
        "run_monitoring": {
            "enabled": True,
            "start_timeout_seconds": 180,
            "cancel_timeout_seconds": 60,
            "poll_interval_seconds": 20,
        },
        "run_retries": {
            "enabled": True,
            "max_retries": 1,
            "retry_on_asset_or_op_failure": False,
        },
        "concurrency": {"runs": {"max_concurrent_runs": 1}},
        "retention": {
            "sensor": {"purge_after_days": {**purge, "started": 30}},
            "auto_materialize": {"purge_after_days": purge},
        },
    }


def write_instance(root: DataRoot) -> None:
    """Writes settings and workspace into the Dagster home of a data root."""
    root.dagster_home.mkdir(parents=True, exist_ok=True)
    documents = {
        SETTINGS_FILE: instance_settings(str(root.dagster_home)),
        WORKSPACE_FILE: WORKSPACE,
    }
    for name, document in documents.items():
        text = yaml.safe_dump(document, sort_keys=False)
        path = root.dagster_home / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
