"""Sessions: who comes in, who does not, and what the cookie is worth."""

import asyncio
from datetime import timedelta

import pytest
from tests.integration.control.world import PASSWORD, Household, World, running

from guardian.common.clock import now
from guardian.common.ids import random_id
from guardian.control.accounts.service import PER_ACCOUNT_AND_ADDRESS, PER_ADDRESS
from guardian.control.config import Settings
from guardian.control.database.tables import login_attempts, sessions
from guardian.control.errors import TooMany

SESSION = "/api/v1/session"


async def test_the_right_password_opens_a_session_whatever_the_case_of_the_address(world: World) -> None:
    email = f"{random_id().hex()}@example.org"
    tenant_id = await world.tenant(email, "Our house")
    async with world.browser() as browser:
        answer = await browser.post(SESSION, json={"email": f"  {email.upper()} ", "password": PASSWORD})
        assert answer.status_code == 200
        body = answer.json()
        assert body == (await browser.get(SESSION)).json()
    assert body["tenant"] == {"id": tenant_id, "name": "Our house"}
    assert body["user"]["email"] == email


async def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(world: World) -> None:
    email = f"{random_id().hex()}@example.org"
    await world.tenant(email)
    async with world.browser() as browser:
        answer = await browser.post(SESSION, json={"email": email, "password": PASSWORD})
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Secure" not in cookie  # Plain HTTP on this machine alone.


async def test_behind_https_the_cookie_is_bound_to_it(settings: Settings) -> None:
    api = settings.api.model_copy(update={"public_url": "https://guardian.example"})
    async with running(settings.model_copy(update={"api": api})) as world:
        await world.tenant("owner@example.org")
        async with world.browser() as browser:
            answer = await browser.post(SESSION, json={"email": "owner@example.org", "password": PASSWORD})
    assert answer.headers["set-cookie"].startswith("__Host-guardian_session=")
    assert "Secure" in answer.headers["set-cookie"]
    assert "strict-transport-security" in answer.headers


async def test_a_wrong_password_and_an_unknown_address_are_answered_alike(world: World) -> None:
    email = f"{random_id().hex()}@example.org"
    await world.tenant(email)
    async with world.browser() as browser:
        wrong = await browser.post(SESSION, json={"email": email, "password": "not it"})
        unknown = await browser.post(SESSION, json={"email": f"x{email}", "password": PASSWORD})
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json() == unknown.json()
    assert wrong.headers["content-type"] == "application/problem+json"


async def test_guessing_is_stopped_even_for_the_right_password(own_world: World) -> None:
    await own_world.tenant("owner@example.org")
    async with own_world.browser() as browser:
        for _ in range(PER_ACCOUNT_AND_ADDRESS):
            answer = await browser.post(SESSION, json={"email": "owner@example.org", "password": "a guess"})
            assert answer.status_code == 401
        answer = await browser.post(SESSION, json={"email": "owner@example.org", "password": PASSWORD})
    assert answer.status_code == 429
    assert answer.json()["reason"] == "login_limited"
    assert int(answer.headers["retry-after"]) > 0


async def test_guesses_sent_all_at_once_gain_nothing(own_world: World) -> None:
    await own_world.tenant("owner@example.org")
    async with own_world.browser() as browser:
        guess = {"email": "owner@example.org", "password": "a guess"}
        answers = await asyncio.gather(*(browser.post(SESSION, json=guess) for _ in range(12)))
    assert sorted(answer.status_code for answer in answers) == [401] * PER_ACCOUNT_AND_ADDRESS + [429] * 7


async def test_good_logins_do_not_count_against_their_address(own_world: World) -> None:
    await own_world.tenant("owner@example.org")
    for _ in range(PER_ACCOUNT_AND_ADDRESS + 2):
        await own_world.accounts.log_in("owner@example.org", PASSWORD, "192.0.2.1")


async def test_one_address_cannot_try_account_after_account(own_world: World) -> None:
    for number in range(PER_ADDRESS):
        await own_world.accounts._count(f"{number}@example.org", "192.0.2.1")
    with pytest.raises(TooMany):
        await own_world.accounts._count("another@example.org", "192.0.2.1")


async def test_an_address_that_is_shut_out_fills_no_table_with_names_it_makes_up(own_world: World) -> None:
    async def tries() -> int:
        async with own_world.context.database.people() as scope:
            return len(await scope.values(scope.select(login_attempts, login_attempts.c.key)))

    for number in range(PER_ADDRESS):
        await own_world.accounts._count(f"{number}@example.org", "192.0.2.1")
    before = await tries()
    for number in range(20):
        with pytest.raises(TooMany):
            await own_world.accounts._count(f"made.up.{number}@example.org", "192.0.2.1")
    assert await tries() == before == PER_ADDRESS + 1


@pytest.mark.parametrize("token", ["x", "A" * 43, "' OR 1=1 --", "a.b.c", "\x7f"])
async def test_a_forged_cookie_is_nobodys(lodger: Household, token: str) -> None:
    async with lodger.world.browser() as browser:
        answer = await browser.get(SESSION, headers={"Cookie": f"guardian_session={token}"})
    assert answer.status_code == 401
    assert answer.json()["reason"] == "not_logged_in"


async def test_what_the_database_keeps_is_no_cookie(lodger: Household) -> None:
    async with lodger.world.context.database.tenant(lodger.tenant_id) as scope:
        hashes = await scope.values(scope.select(sessions, sessions.c.token_hash))
    async with lodger.world.browser() as browser:
        answer = await browser.get(SESSION, headers={"Cookie": f"guardian_session={bytes(hashes[0]).hex()}"})
    assert answer.status_code == 401


async def test_after_logging_out_the_old_cookie_is_worth_nothing(home: Household) -> None:
    kept = dict(home.browser.cookies)
    assert (await home.browser.delete(SESSION)).status_code == 204
    async with home.world.browser() as browser:
        browser.cookies.update(kept)
        assert (await browser.get(SESSION)).status_code == 401


@pytest.mark.parametrize("past", [{"seen_at": timedelta(hours=13)}, {"expires_at": timedelta(seconds=1)}])
async def test_a_session_ends_by_itself(home: Household, past: dict[str, timedelta]) -> None:
    async with home.world.context.database.tenant(home.tenant_id) as scope:
        await scope.run(scope.update(sessions).values({name: now() - ago for name, ago in past.items()}))
    assert (await home.browser.get(SESSION)).status_code == 401


async def test_a_refused_request_does_not_repeat_the_password(world: World) -> None:
    async with world.browser() as browser:
        answer = await browser.post(SESSION, json={"email": "no address", "password": "hunter22222"})
    assert answer.status_code == 422
    assert answer.json()["reason"] == "invalid_request"
    assert "hunter22222" not in answer.text


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_too_large_is_refused_early(world: World, chunked: bool) -> None:
    async def pieces():
        for _ in range(20):
            yield b" " * 16_384

    content = pieces() if chunked else b" " * 320_000
    async with world.browser() as browser:
        answer = await browser.post(SESSION, content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == 413
    assert answer.json()["reason"] == "body_too_large"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"x"',
        b"\xff\xfe",
        b"[" * 60_000,
        b'{"email":1,"password":2}',
        b'{"email":"a\\u0000@b","password":"x"}',
    ],
)
async def test_a_body_that_is_no_login_is_a_problem_not_a_fault(world: World, body: bytes) -> None:
    async with world.browser() as browser:
        answer = await browser.post(SESSION, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422)
    assert set(answer.json()) == {"type", "title", "status", "detail", "reason"}


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/v2/session", "/nothing", "/api/v1/events/x", "/api/v1/../x"])
async def test_every_refusal_is_a_problem_document(lodger: Household, path: str) -> None:
    answer = await lodger.browser.get(path)
    assert answer.status_code in (404, 422)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == answer.status_code


async def test_every_answer_carries_the_security_headers(world: World) -> None:
    async with world.browser() as browser:
        for answer in (await browser.get("/api/v1/health/live"), await browser.get("/nothing")):
            policy = answer.headers["content-security-policy"]
            assert "default-src 'self'" in policy
            assert "'unsafe-inline'" not in policy
            assert "frame-ancestors 'none'" in policy
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["referrer-policy"] == "no-referrer"
