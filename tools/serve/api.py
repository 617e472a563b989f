"""`serve` for programs: POST a picture, and the answer is its focus map or a rendering, as a file.

The form is that of the server of rembg, a program that removes backgrounds, whose users find /api/remove here.
"""

import asyncio
import re
import shutil
import tempfile
from collections.abc import AsyncGenerator
from pathlib import Path, PureWindowsPath

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from .session import SUFFIXES, Session, TooLarge, plain

PATHS = {**{name: name for name in SUFFIXES}, "remove": "cutout"}  # /api/PATH, and what it makes
MEDIA = {".png": "image/png", ".jpg": "image/jpeg"}
USAGE = "POST one picture in the form field file and nothing else, as curl -F file=@photo.jpg does; no URL is fetched"
AT_ONCE = 16  # requests; each waits for its turn in a thread
PATIENCE = 120  # seconds in which a picture must have come: until then it holds one of these places


def routes(session: Session) -> list[Route]:
    """POST /api/PATH for each of PATHS.

    What is wrong is a sentence, as JSON {"detail": ...}: 400, 405 (no POST), 408 (it did not come), 413 (too large),
    503 (too many wait).
    """
    places = asyncio.Semaphore(AT_ONCE)

    def route(path: str, name: str) -> Route:
        async def answer(request: Request) -> Response:
            if request.method != "POST":
                raise HTTPException(405, USAGE, {"Allow": "POST"})
            if places.locked():
                raise HTTPException(503, f"{AT_ONCE} requests wait already: try again later")
            async with places:
                return await made(request, session, name)

        return Route(f"/api/{path}", answer, methods=["GET", "POST"])

    return [route(path, name) for path, name in PATHS.items()]


async def made(request: Request, session: Session, name: str) -> Response:
    """The answer to a request; HTTPException as routes says."""
    doubts: list[str] = []
    try:
        file = await asyncio.wait_for(received(request, session.options.max_mb), PATIENCE)
        data = await run_in_threadpool(make, session, name, file, doubts)
    except asyncio.TimeoutError:
        raise HTTPException(408, f"the picture was not here after {PATIENCE} seconds") from None
    except TooLarge as error:
        raise HTTPException(413, str(error)) from None
    except ValueError as error:
        raise HTTPException(400, str(error)) from None
    said = "; ".join(doubts).encode("ascii", "backslashreplace").decode()
    headers = {"X-Warning": said} if said else None
    return Response(data, headers=headers, media_type=MEDIA[SUFFIXES[name][-4:]])


async def received(request: Request, max_mb: int) -> UploadFile:
    """The picture of a request; HTTPException and TooLarge as routes says."""
    try:
        form = await MultiPartParser(request.headers, limited(request, max_mb), max_files=1).parse()
    except TooLarge:
        raise
    except (KeyError, ValueError, MultiPartException, ClientDisconnect):  # no form, or a damaged one
        raise HTTPException(400, USAGE) from None
    file = form.get("file")
    if len(form.multi_items()) != 1 or request.query_params or not isinstance(file, UploadFile):
        raise HTTPException(400, USAGE)
    return file


async def limited(request: Request, max_mb: int) -> AsyncGenerator[bytes, None]:
    """A request's body; TooLarge as soon as it is."""
    said, size = int(request.headers.get("Content-Length", 0)), 0
    if said <= (limit := max_mb * 2**20):
        async for chunk in request.stream():
            if (size := size + len(chunk)) > limit:
                break
            yield chunk
    if max(said, size) > limit:
        raise TooLarge(f"more than {max_mb} MB, the limit here (--max_mb of serve): make the picture smaller")


def make(session: Session, name: str, upload: UploadFile, doubts: list[str]) -> bytes:
    """What Session.make gives for an upload, which is on the disk while it waits and no longer."""
    with tempfile.TemporaryDirectory(dir=session.folder) as room:
        path = Path(room, file_name(upload.filename or ""))
        with upload.file as received, path.open("wb") as file:
            shutil.copyfileobj(received, file)
        return session.make(name, path, doubts.append)


def file_name(name: str) -> str:
    """A name that every system takes, as much like an uploaded file's as may be."""
    return plain(re.sub(r"[^\w ().,-]", "_", PureWindowsPath(name).name)).strip(". ") or "picture"
