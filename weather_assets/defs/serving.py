"""Serving: the champion as it will be served.

Belongs here: the assets of the group `serving` and their blocking checks. Does not belong here:
what a package has in it (`scoring`), or how it is served (`adapters`).
"""

import dagster as dg

from weather_assets.defs.automation import desired
from weather_assets.defs.code_versions import scoring_code
from weather_assets.defs.metadata import OWNERS, check_result
from weather_assets.defs.pools import REGISTRY
from weather_assets.defs.resources import DataRootResource, ModelRegistryResource


@dg.asset(
    deps=["champion_model"],
    group_name="serving",
    kinds={"onnx", "azureml"},
    owners=OWNERS,
    **desired(scoring_code(), REGISTRY),
    check_specs=[
        dg.AssetCheckSpec(
            "served_package_agrees_with_network",
            asset="scoring_package",
            blocking=True,
            description="Served in its own environment, it answers as PyTorch does, to 1e-6.",
        ),
        dg.AssetCheckSpec(
            "served_package_refuses_bad_requests",
            asset="scoring_package",
            blocking=True,
            description="Malformed requests get a client error that says what to change.",
        ),
    ],
)
def scoring_package(
    context: dg.AssetExecutionContext,
    data_root: DataRootResource,
    model_registry: ModelRegistryResource,
) -> dg.MaterializeResult:
    """The champion as an endpoint runs it: everything that serving needs, in one folder.

    An ONNX graph that takes raw units, `score.py`, signature, pinned environment, sample request
    and model card. Made from `champion_model`; published to `registry/<version>/package` once the
    blocking checks, which question the very package over HTTP, have passed; what they said is in
    `registry/<version>/package_checks.json`, and nothing deploys a package that has not passed.
    Fails if its environment cannot be built or the package does not start.
    """
    from weather_assets.workflows.packaging import package_champion

    package = package_champion(data_root.get(), model_registry.get(), context.log.info)
    return dg.MaterializeResult(
        metadata={
            "model_version": package.version.version,
            "path": dg.MetadataValue.path(str(package.folder)),
            "digest": package.digest,
            "model_card": dg.MetadataValue.md(
                (package.folder / "MODEL_CARD.md").read_text("utf-8")
            ),
        },
        data_version=dg.DataVersion(package.digest[:16]),
        check_results=[
            check_result(name, "scoring_package", gate) for name, gate in package.gates.items()
        ],
    )
