"""The node's line to a real control plane: what goes up holds no picture, what comes down is checked."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.integration.control.world import Household as Tenant
from tests.integration.control.world import World, running, settings_for
from tests.integration.node.browser import HomeEdge, start_edge, until
from tests.integration.node.kit import Household, Node, node_settings, open_node

from guardian.cli.demo.postgres import APP, OWNER, Postgres
from guardian.common.errors import GuardianError
from guardian.common.ids import uuid7
from guardian.common.lifecycle import Service
from guardian.contracts.vault.v1 import vault_pb2
from guardian.control.config import DatabaseSection
from guardian.control.database.migrating import migrate
from guardian.node import identity
from guardian.node.agent.main import run as run_agent
from guardian.node.agent.store import AgentStore
from guardian.node.config import NodeConfig
from guardian.node.enroll.enrol import enrol_async


@pytest.fixture(scope="module")
def dsns() -> Iterator[tuple[str, str]]:
    folder = Path(tempfile.mkdtemp(prefix="gpn-"))
    folder.chmod(0o755)
    try:
        with Postgres(folder / "pg", durable=False) as server:
            yield server.dsn(APP), server.dsn(OWNER)
    finally:
        shutil.rmtree(folder)


@dataclass
class Place:
    """A tenant at a real control plane, with a node that enrolled there and runs gateway and agent."""

    world: World
    tenant: Tenant
    node: Node
    agent: Service[NodeConfig]
    household: Household
    edge: HomeEdge


async def wait_idle(service: Service[NodeConfig], line: str) -> None:
    def is_up() -> bool:
        found = service.health.get(line)
        return found is not None and found.state == "ok"

    await until(is_up)


@pytest.fixture
async def place(dsns: tuple[str, str], folder: Path) -> AsyncIterator[Place]:
    await migrate(DatabaseSection(dsn=dsns[0], owner_dsn=dsns[1]))
    async with running(settings_for(folder / "control", *dsns)) as world, world.household() as tenant:
        settings = node_settings(folder / "node")
        who = await enrol_async(settings.state_dir, str(await world.token(tenant.tenant_id)))
        # The port was chosen by the system after the control plane had been told which address to advertise.
        here = who.model_copy(update={"agents": f"127.0.0.1:{world.agents.port}"})
        (settings.state_dir / "identity" / "identity.json").write_text(here.model_dump_json())
        node = await open_node(folder / "node")
        agent = Service("agent", settings, settings.run_dir, lambda: settings)
        running_agent = asyncio.create_task(run_agent(agent))
        edge = await start_edge(node, folder / "edge")
        yield Place(world, tenant, node, agent, Household(), edge)
        edge.outbox.close()
        await edge.stop()
        agent.stop()
        await running_agent
        await node.close()


async def test_a_node_token_works_once(place: Place, folder: Path):
    token = await place.world.token(place.tenant.tenant_id)
    await enrol_async(folder / "first", str(token))
    with pytest.raises(GuardianError) as caught:
        await enrol_async(folder / "second", str(token))
    assert caught.value.reason.startswith("token")
    with pytest.raises(GuardianError, match="enrolled already"):
        await enrol_async(folder / "first", str(token))


async def test_events_and_edges_are_known_above_without_a_box(place: Place):
    event = place.edge.emit(place.household.id, place.edge.put_object(b"x"))

    async def listed() -> list[dict[str, object]]:
        items: list[dict[str, object]] = (await place.tenant.get("/events"))["items"]
        return items

    [item] = await until(listed)
    assert (item["id"], item["label"], item["edge_id"]) == (event, "person", place.edge.who.edge)
    assert not {"path", "best", "box", "score", "top_score"} & set(item)

    async def online() -> bool:
        edges = await place.tenant.get("/edges")
        return [(edge["id"], edge["online"]) for edge in edges] == [(place.edge.who.edge, True)]

    await until(online)


async def test_the_owners_roster_travels_down_to_the_edge(place: Place):
    entry = place.household.roster.entries
    assert (await place.tenant.post_roster(0, entry)).is_success
    await until((place.edge.settings.state_dir / "uplink" / "roster.json").exists)
    place.household.add_edge(place.edge.who)
    assert (await place.tenant.post_roster(1, place.household.roster.entries[1:])).is_success

    def grown() -> bool:
        roster = place.node.gateway.rosters.current
        return roster is not None and roster.head_hash == place.household.roster.head_hash

    await until(grown)


async def test_a_control_plane_that_shows_another_household_is_refused(place: Place):
    await place.node.give_roster(place.household)
    other = Household()
    assert (await place.tenant.post_roster(0, other.roster.entries)).is_success

    def told() -> bool:
        line = place.agent.health.get("roster_sync")
        return line is not None and line.reason == "fork"

    await until(told)
    assert place.node.gateway.rosters.entries == place.household.roster.entries


async def test_a_command_for_an_edge_nobody_knows_is_answered_by_the_node(place: Place):
    from guardian.node.agent.downward import Commands

    await wait_idle(place.agent, "commands")
    unknown = vault_pb2.SignedCommand(id=str(uuid7()), edge_id="0" * 32, payload=b"{}", signature=bytes(64))
    # The control plane has no such command either: the answer is dropped, and the line stays up.
    commands = Commands(place.node.channel, place.tenant.channel)
    await commands._put(unknown)


async def test_ticket_keys_follow_the_control_plane(place: Place):
    await wait_idle(place.agent, "reports")
    state_dir = place.node.settings.state_dir
    keys = identity.load_ticket_keys(state_dir)
    identity.save_ticket_keys(state_dir, [Ed25519PrivateKey.generate().public_key().public_bytes_raw()])
    await until(lambda: identity.load_ticket_keys(state_dir) == keys)


async def test_summaries_go_on_where_they_stopped(place: Place):
    first = place.edge.emit(place.household.id)

    async def listed() -> set[str]:
        return {item["id"] for item in (await place.tenant.get("/events"))["items"]}

    await until(listed)
    assert await listed() == {first}
    place.agent.stop()
    second = place.edge.emit(place.household.id)
    await until(lambda: _count(place.node, 2))
    settings = place.node.settings
    again = Service("agent", settings, settings.run_dir, lambda: settings)
    work = asyncio.create_task(run_agent(again))

    async def both() -> bool:
        return await listed() == {first, second}

    await until(both)
    again.stop()
    await work


async def test_a_control_plane_restored_from_a_backup_gets_what_it_had_acknowledged_since(place: Place):
    ids = [place.edge.emit(place.household.id) for _ in range(4)]

    async def listed() -> list[str]:
        return [item["id"] for item in (await place.tenant.get("/events"))["items"]]

    async def all_listed() -> bool:
        return set(await listed()) == set(ids)

    await until(all_listed)
    place.agent.stop()
    # Yesterday's database knows the first two of them, and has counted so far.
    owner = sa.make_url(place.world.settings.database.owner_dsn).set(drivername="postgresql+psycopg")
    with sa.create_engine(owner, poolclass=sa.NullPool).begin() as connection:
        connection.execute(sa.text("SELECT set_config('app.tenant_id', :t, true)"), {"t": place.tenant.tenant_id})
        connection.execute(sa.text("DELETE FROM events WHERE id = ANY(:ids)"), {"ids": ids[2:]})
        connection.execute(sa.text("UPDATE nodes SET acknowledged = 2"))
    assert set(await listed()) == set(ids[:2])
    settings = place.node.settings
    again = Service("agent", settings, settings.run_dir, lambda: settings)
    work = asyncio.create_task(run_agent(again))
    await until(all_listed)
    again.stop()
    await work


async def test_an_agent_ahead_of_its_nodes_restored_store_begins_again(place: Place):
    first = place.edge.emit(place.household.id)

    async def listed() -> set[str]:
        return {item["id"] for item in (await place.tenant.get("/events"))["items"]}

    await until(listed)
    place.agent.stop()
    await asyncio.sleep(0.5)
    settings = place.node.settings
    store = AgentStore(settings.state_dir)
    store.advance(1000)
    store.close()
    second = place.edge.emit(place.household.id)
    await until(lambda: _count(place.node, 2))
    again = Service("agent", settings, settings.run_dir, lambda: settings)
    work = asyncio.create_task(run_agent(again))

    async def both() -> bool:
        return await listed() == {first, second}

    await until(both)
    again.stop()
    await work


async def _count(node: Node, wanted: int) -> bool:
    return len(await node.gateway.store.events_after(0, 10)) == wanted
