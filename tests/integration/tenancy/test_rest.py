"""Every operation of the REST API, tried on another tenant. What the control plane alone holds apart is told in
`tests/integration/control/test_isolation.py`; here both tenants have real nodes, edges, recordings and vaults.
"""

from typing import Any

import pytest
from fastapi.routing import APIRoute
from tests.integration.tenancy import routes
from tests.integration.tenancy.belongings import Belongings, add_event, arrived, make_image
from tests.integration.tenancy.conftest import Neighbours
from tests.integration.tenancy.resident import browser
from tests.integration.tenancy.routes import Answer, Operation, ask, operations, served
from tests.integration.tenancy.street import until

from guardian.control.api.app import PREFIX, create_app
from guardian.control.config import ApiSection

REFUSED = {400, 401, 403, 404, 409, 422}


async def view(things: Belongings) -> dict[str, Any]:
    """What an owner sees of all that others could have changed."""
    owner, command = things.house.owner, things.command["id"]
    paths = ("/vault/slots", "/vault/roster", "/events", f"/commands/{command}", "/session")
    seen = {path: await owner.get(path) for path in paths}
    seen["/vault/slots"].sort(key=lambda slot: slot["id"])
    edge, camera = await things.house.edge_view(), await things.house.camera_view()
    images = [(item["name"], item["node_id"]) for item in (await owner.get("/images"))["seeded"]]
    shown = {"edge": [edge["id"], edge["name"], edge["node_id"], edge["roster"]], "camera": camera["name"]}
    return {**seen, **shown, "images": images}


async def restore(things: Belongings) -> None:
    """Put back what the owner's own request took away: a slot, her login, an image; one more goes."""
    house, slot = things.house, things.slots[0]
    if "guardian_session" not in house.owner.http.cookies:
        await house.owner.log_in(house.email, house.password)
    if slot["id"] not in {kept["id"] for kept in await house.owner.get("/vault/slots")}:
        (await house.owner.http.put(f"/vault/slots/{slot['id']}", json=slot)).raise_for_status()
    images = {item["id"] for item in (await house.owner.get("/images"))["seeded"]}
    for more in images - {things.image["id"]}:
        (await house.owner.http.delete(f"/images/{more}")).raise_for_status()
    if things.image["id"] not in images:
        await make_image(things)


def problem_of(operation: Operation, answer: Answer, victim: Belongings) -> str:
    """What is wrong with an answer to a stranger; '' when nothing is."""
    if found := victim.found_in(answer.data):
        return f"{operation} tells {found[0]!r}"
    good = REFUSED if operation.changes else {*REFUSED, 200}
    # Whoever ends a session ends their own.
    good |= {204} if operation.name == "log_out" else set()
    return "" if answer.status in good else f"{operation} answers {answer.status}"


async def test_every_operation_refuses_or_hides_what_is_anothers_and_serves_its_owner(neighbours: Neighbours):
    fen, moor = neighbours.fen, neighbours.moor
    document = await served(fen.house.owner.http)
    before = await view(moor)
    wrong: list[str] = []
    for operation in operations(document, moor):
        # A stranger who knows the address guesses at the password.
        tried = operation
        if operation.name == "log_in":
            body = {**operation.body, "password": fen.house.password}
            tried = Operation(operation.name, operation.method, operation.path, {}, {}, body)
        answer = await ask(fen.house.owner.http, tried, until=fen.events[-1])
        wrong.append(problem_of(operation, answer, moor))
        async with browser(fen.house.street.url) as nobody:
            unknown = await ask(nobody, tried, until=fen.events[-1])
        needs_login = operation.name not in routes.OPEN
        if unknown.status != (401 if needs_login else 200) or moor.found_in(unknown.data):
            wrong.append(f"{operation} answers {unknown.status} without a login")
        await restore(fen)
        if operation.changes:
            assert await view(moor) == before, operation
        # The same request is a good one: its owner is served.
        own = await ask(moor.house.owner.http, operation, until=moor.events[-1])
        if own.status not in {200, 202, 204, 206}:
            wrong.append(f"{operation} answers {own.status} to its owner: {own.data[:200]!r}")
        await restore(moor)
    assert await view(moor) == before
    assert not [text for text in wrong if text]


async def test_the_operations_tried_are_all_there_are(neighbours: Neighbours):
    document = await served(neighbours.fen.house.owner.http)
    listed = sum(len(methods) for methods in document["paths"].values())
    routed = _routes(create_app(ApiSection()))
    assert [route.path for route in routed if not route.include_in_schema] == [f"{PREFIX}/openapi.json"]
    assert listed == len(routed) - 1 >= 20


async def test_an_operation_with_an_unknown_parameter_or_body_has_no_rule(neighbours: Neighbours):
    unknown = {"name": "tenant_id", "in": "query", "schema": {"type": "string"}, "required": False}
    body = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Novel"}}}}
    for described in ({"parameters": [unknown]}, {"requestBody": body}, {"parameters": [{**unknown, "in": "path"}]}):
        document = {"paths": {"/api/v1/novel": {"get": {"operationId": "novel", **described}}}}
        with pytest.raises(KeyError):
            operations(document, neighbours.moor)


async def test_an_entry_of_one_household_is_no_entry_of_another(neighbours: Neighbours):
    fen, moor = neighbours.fen, neighbours.moor
    theirs, ours = routes.roster_of(moor), routes.roster_of(fen)
    before = await view(fen)
    reasons = []
    for first, entries in ((0, theirs), (len(ours), theirs[-1:]), (1, theirs[1:]), (0, [ours[0], theirs[1]])):
        answer = await fen.house.owner.http.post("/vault/roster", json={"first": first, "entries": entries})
        assert answer.status_code in {400, 409}
        reasons.append(answer.json()["reason"])
    assert set(reasons) <= {"fork", "roster_malformed", "roster_order"}, reasons
    assert await view(fen) == before


async def test_a_ticket_names_nothing_of_another_house(neighbours: Neighbours):
    fen, moor = neighbours.fen, neighbours.moor
    owner, own = fen.house.owner, [next(iter(fen.objects))]
    wishes = {
        "node_unknown": owner.wish(moor.house.node, own, []),
        "object_unknown": owner.wish(fen.house.node, [*own, next(iter(moor.objects))], []),
        "event_unknown": owner.wish(fen.house.node, own, [moor.events[0]]),
    }
    for reason, wish in wishes.items():
        answer = await owner.http.post("/tickets", json=wish)
        assert (answer.status_code, answer.json()["reason"]) == (404, reason)


async def test_a_live_stream_carries_one_houses_events_alone(neighbours: Neighbours):
    fen, moor = neighbours.fen, neighbours.moor
    async with fen.house.owner.http.stream("GET", "/events/stream") as live:
        pieces = live.aiter_bytes()
        data = await anext(pieces)
        # The neighbours' event is seen by them before there is one of ours.
        add_event(moor)
        await until(lambda: arrived(moor))
        newest = add_event(fen)
        while newest.encode() not in data:
            data += await anext(pieces)
    assert b"event: event" in data
    assert not moor.found_in(data)


def _routes(app: Any) -> list[APIRoute]:
    found: list[APIRoute] = []
    waiting = [*app.routes]
    while waiting:
        route = waiting.pop()
        # A router that was included stands in the list as one.
        waiting += route.original_router.routes if hasattr(route, "original_router") else []
        found += [route] if isinstance(route, APIRoute) else []
    return found
