"""The ASGI application: routes of all features under one address."""

from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute

from guardian.control.accounts.endpoints import Ctx
from guardian.control.accounts.endpoints import router as accounts
from guardian.control.api.answers import Answers, Counted
from guardian.control.api.context import Context
from guardian.control.api.guard import Guard
from guardian.control.api.problems import MEDIA_TYPE, add_handlers
from guardian.control.api.ui import UiFiles
from guardian.control.cameras.endpoints import router as cameras
from guardian.control.commands.endpoints import router as commands
from guardian.control.config import ApiSection
from guardian.control.database.engine import DATABASE_AWAY
from guardian.control.edges.endpoints import router as edges
from guardian.control.errors import Unavailable
from guardian.control.events.endpoints import router as events
from guardian.control.images.endpoints import router as images
from guardian.control.live.endpoints import router as live
from guardian.control.nodes.endpoints import router as nodes
from guardian.control.schemas import Problem
from guardian.control.tickets.endpoints import router as tickets
from guardian.control.vault.endpoints import router as vault

PREFIX = "/api/v1"
VERSION = "1"
health = APIRouter(prefix="/health", tags=["health"])


@health.get("/live")
async def live_probe() -> dict[str, str]:
    """The process answers."""
    return {"state": "ok"}


@health.get("/ready")
async def ready_probe(ctx: Ctx) -> dict[str, str]:
    """The database answers too; 503 otherwise."""
    try:
        await ctx.database.ping()
    except DATABASE_AWAY:
        raise Unavailable("The database does not answer.", reason="database_away") from None
    return {"state": "ok"}


def create_app(settings: ApiSection, context: Context | None = None, answers: Answers | None = None) -> FastAPI:
    """The application; without a context it can only describe itself."""
    app = FastAPI(
        title="Private AI Guardian",
        version=VERSION,
        description="The control plane. It never holds a picture, a box or a score.",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=_operation_id,
    )
    app.state.context = context
    add_handlers(app)
    # The stream's fixed address comes before `/events/{event_id}`.
    for router in (accounts, live, events, cameras, edges, nodes, vault, tickets, commands, images, health):
        app.include_router(router, prefix=PREFIX)
    document = openapi(app)

    @app.get(f"{PREFIX}/openapi.json", include_in_schema=False)
    async def describe() -> JSONResponse:
        return JSONResponse(document)

    if settings.ui_dir is not None:
        app.mount("/", UiFiles(settings.ui_dir))
    app.add_middleware(Guard, settings=settings)
    if answers is not None:
        app.add_middleware(Counted, answers=answers)
    return app


def openapi(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI 3.1 document; every operation may answer with a problem."""
    document = get_openapi(
        title=app.title, version=app.version, description=app.description, openapi_version="3.1.0", routes=app.routes
    )
    schemas = document["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas["Problem"] = Problem.model_json_schema()
    answer = {
        "description": "A problem: who asks may not, or the request cannot be carried out.",
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    document["components"]["responses"] = {"Problem": answer}
    for path in document["paths"].values():
        for operation in path.values():
            operation["responses"].pop("422", None)
            operation["responses"]["default"] = {"$ref": "#/components/responses/Problem"}
    return document


def _operation_id(route: APIRoute) -> str:
    return route.name
