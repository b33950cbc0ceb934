"""Ranks as containers of a Docker engine: one backend of the gang launcher.

Belongs here: what the engine is asked, in which order, and what its refusal means. Does not belong
here: what a container is made of (`plan`), listening to it and ending it
(`handle`), ending it when its supervisor is gone (`guard`), removing leftovers
(`leftovers`), deciding that a rank has failed (`ranks.watch`).
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import docker
import docker.errors
from docker.models.containers import Container

from weather_assets.adapters.containers.engine import ENGINE_ERRORS, ContainerEngine, explanation
from weather_assets.adapters.containers.handle import RankContainer
from weather_assets.adapters.containers.leftovers import remove_attempt, sweep
from weather_assets.adapters.containers.plan import ContainerPlan, container_name
from weather_assets.adapters.containers.settings import ContainerSettings
from weather_assets.adapters.ranks.protocol import RankLaunchError, RankSpec, Rendezvous

MASTER_PORT = 29500
"""Rank 0's port, the same each time: every attempt has another rank 0, under another name."""


class ContainerBackend:
    """Starts ranks in containers. Implements `RankBackend`."""

    def __init__(
        self,
        settings: ContainerSettings,
        *,
        data_root: Path,
        run_id: str,
        run_is_over: Callable[[str], bool],
    ) -> None:
        """Connects to nothing yet.

        Args:
            settings: image, network, mounts, limits.
            data_root: the folder that ranks read and write, at the same path inside.
            run_id: of the run that trains, for labels.
            run_is_over: says of another run's id whether nobody can be training for it any more:
                what such a run left is removed before the first attempt.
        """
        self._settings = settings
        self._plan = ContainerPlan(settings=settings, data_root=data_root, run_id=run_id)
        self._run_is_over = run_is_over
        self._engine = ContainerEngine(settings)
        self._engine_name = ""
        self._image_id = ""
        self._image_digest = ""

    @property
    def python(self) -> str:
        """See `RankBackend.python`."""
        return self._settings.python

    def prepare(self, identity: str) -> Rendezvous:
        """See `RankBackend.prepare`: the name of rank 0's container, on a network of the ranks."""
        client = self._engine.client()
        try:
            if not self._image_id:
                # Of this run there can be something too, from a step that was killed.
                sweep(
                    client,
                    self._plan.data_source,
                    lambda run: run == self._plan.run_id or self._run_is_over(run),
                )
                self._engine_name = client.info()["Name"]
                self._find_image(client)
            self._provide_network(client, identity)
        except ENGINE_ERRORS as error:
            raise RankLaunchError(f"the Docker engine refused: {explanation(error)}") from error
        return Rendezvous(identity, container_name(0, identity), MASTER_PORT)

    def _find_image(self, client: docker.DockerClient) -> None:
        """All attempts run the same image, also if its name moves on meanwhile."""
        name = self._settings.image
        try:
            image = client.images.get(name)
        except docker.errors.ImageNotFound as error:
            message = (
                f"the Docker engine at {self._engine.address} has no image {name}: build it, or "
                "name another with WEATHER_ASSETS_RANK_IMAGE"
            )
            raise RankLaunchError(message, permanent=True) from error
        self._image_id = str(image.id)
        # An image that was built here and never published has no digest but its id.
        published = image.attrs.get("RepoDigests") or [f"@{image.id}"]
        self._image_digest = published[0].partition("@")[2]

    def _provide_network(self, client: docker.DockerClient, identity: str) -> None:
        if not self._settings.network:
            name, labels = self._plan.network(identity), self._plan.labels(identity)
            client.networks.create(name, internal=True, labels=labels)
            return
        try:
            client.networks.get(self._settings.network)
        except docker.errors.NotFound as error:
            message = (
                f"the Docker engine at {self._engine.address} has no network "
                f"{self._settings.network}: make it with docker network create, or leave "
                "WEATHER_ASSETS_RANK_NETWORK unset"
            )
            raise RankLaunchError(message, permanent=True) from error

    def launch(self, spec: RankSpec) -> RankContainer:
        """See `RankBackend.launch`."""
        if self._settings.gpus and spec.world_size > len(self._settings.gpus):
            message = (
                f"{spec.world_size} ranks need as many GPUs; WEATHER_ASSETS_RANK_GPUS names "
                f"{len(self._settings.gpus)}"
            )
            raise RankLaunchError(message, permanent=True)
        try:
            container = self._engine.client().containers.create(
                **self._plan.request(spec, self._image_id)
            )
            return RankContainer(container, self._description(spec, container))
        except ENGINE_ERRORS as error:
            message = f"the Docker engine refused its container: {explanation(error)}"
            raise RankLaunchError(message) from error

    def _description(self, spec: RankSpec, container: Container) -> Mapping[str, str]:
        settings = self._settings
        gpu = {"gpu": settings.gpus[spec.rank]} if settings.gpus else {}
        return {
            "backend": "docker",
            "engine": self._engine_name,
            "container": str(container.name),
            "container_id": container.short_id,
            "image": settings.image,
            "image_digest": self._image_digest,
            "cpus": f"{settings.cpus:g}",
            "memory": settings.memory,
            **gpu,
        }

    def clean_up(self, rendezvous: Rendezvous) -> None:
        """See `RankBackend.clean_up`; an engine that is away is waited for."""
        try:
            remove_attempt(self._engine.client(), rendezvous.identity)
        except ENGINE_ERRORS as error:
            message = f"what is left of attempt {rendezvous.identity}: {explanation(error)}"
            raise RuntimeError(message) from error
        finally:
            self._engine.close()
