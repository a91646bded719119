"""The UI's files: hashed assets for ever, the rest asked for anew; any page address is the one page."""

from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope


class UiFiles(StaticFiles):
    """A built UI. Addresses without a file extension fall back to `index.html`, which routes them itself."""

    def __init__(self, folder: Path) -> None:
        super().__init__(directory=folder, html=True)

    async def get_response(self, path: str, scope: Scope) -> Response:
        """A file, with how long it may be kept."""
        if path.startswith("api/"):
            raise HTTPException(404)
        try:
            response = await super().get_response(path, scope)
        except HTTPException as error:
            if error.status_code != 404 or "." in path.rpartition("/")[2] or scope["method"] not in ("GET", "HEAD"):
                raise
            path = "index.html"
            response = await super().get_response(path, scope)
        if response.status_code == 404:
            raise HTTPException(404)
        response.headers["Cache-Control"] = (
            "public, max-age=31536000, immutable" if path.startswith("assets/") else "no-cache"
        )
        if path == "sw.js":
            response.headers["Service-Worker-Allowed"] = "/"
        return response
