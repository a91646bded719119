"""One PostgreSQL a session, one migrated database a test, copied from a template."""

import asyncio
import itertools
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from tests.integration.control.world import Household, World, running, settings_for

from guardian.cli.demo.postgres import APP, DATABASE, OWNER, Postgres
from guardian.control.config import DatabaseSection, Settings
from guardian.control.database.migrating import migrate


@dataclass
class Cluster:
    server: Postgres
    numbers: Iterator[int]

    def fresh(self, template: str) -> str:
        name = f"guardian_{next(self.numbers)}"
        statement = f"CREATE DATABASE {name} TEMPLATE {template} OWNER {OWNER} STRATEGY FILE_COPY"
        self.server.execute(statement, database="postgres")
        return name

    def drop(self, name: str) -> None:
        self.server.execute(f"DROP DATABASE {name} WITH (FORCE)", database="postgres")

    def section(self, name: str) -> DatabaseSection:
        return DatabaseSection(dsn=self.server.dsn(APP, name), owner_dsn=self.server.dsn(OWNER, name))


@contextmanager
def started() -> Iterator[Cluster]:
    """A server of its own with a migrated template; gone afterwards."""
    # Not tmp_path: as root the server runs as another user, who may not enter it.
    folder = Path(tempfile.mkdtemp(prefix="gpg-"))
    folder.chmod(0o755)
    try:
        with Postgres(folder / "pg", durable=False) as server:
            made = Cluster(server, itertools.count())
            asyncio.run(migrate(made.section(DATABASE)))
            yield made
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    with started() as made:
        yield made


@pytest.fixture
def database(cluster: Cluster) -> Iterator[DatabaseSection]:
    name = cluster.fresh(DATABASE)
    yield cluster.section(name)
    cluster.drop(name)


@pytest.fixture
def empty_database(cluster: Cluster) -> Iterator[DatabaseSection]:
    name = cluster.fresh("template0")
    yield cluster.section(name)
    cluster.drop(name)


@pytest.fixture
def settings(tmp_path: Path, database: DatabaseSection) -> Settings:
    return settings_for(tmp_path, database.dsn, database.owner_dsn)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def world(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """One control plane for many tests: each has tenants of its own, and that must be enough to keep them apart."""
    section = cluster.section(cluster.fresh(DATABASE))
    async with running(settings_for(tmp_path_factory.mktemp("world"), section.dsn, section.owner_dsn)) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="session")
async def own_world(settings: Settings) -> AsyncIterator[World]:
    """For tests that exhaust limits, look at all tenants or break something."""
    async with running(settings) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="session")
async def home(world: World) -> AsyncIterator[Household]:
    async with world.household() as household:
        yield household


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def lodger(world: World) -> AsyncIterator[Household]:
    """A household for tests that only ask."""
    async with world.household() as household:
        yield household


@pytest_asyncio.fixture(loop_scope="session")
async def neighbour(world: World) -> AsyncIterator[Household]:
    async with world.household() as household:
        yield household


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Servers and their clients live on one loop."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)
