"""What can be wrong with a camera, each with a sentence its owner can act on. Never an address or a password."""

import errno
from typing import Any

import av

from guardian.common.errors import GuardianError

_SENTENCES: dict[str, tuple[str, str]] = {
    "password_refused": (
        "The camera refused the user name or password.",
        "Enter them again in the camera's settings.",
    ),
    "no_route": (
        "The camera cannot be reached: there is no way to its address.",
        "Check that it is switched on, its network cable or Wi-Fi, and the address.",
    ),
    "refused": (
        "A machine is at the camera's address, but nothing listens on its RTSP port.",
        "Check the port, and that RTSP is switched on in the camera.",
    ),
    "no_answer": (
        "The camera's address does not answer.",
        "Check that it is switched on; restart it if it hangs.",
    ),
    "not_found": (
        "The camera answers, but has no stream of this name.",
        "Look up the path of its RTSP address in its manual.",
    ),
    "not_a_camera": (
        "What answers at this address is not a camera: it does not speak RTSP.",
        "Check address and port.",
    ),
    "frozen": ("The camera is connected but sends no pictures any more.", "Restart the camera if this lasts."),
    "gone": ("The camera ended the stream.", "It is tried again; check power and network if this lasts."),
    "resolution_changed": ("The camera changed its picture format; recording goes on in a new clip.", ""),
    "unsupported_codec": (
        "The camera sends a video format this edge cannot record.",
        "Set the camera to H.264 or H.265.",
    ),
    "picture_too_large": (
        "The camera's picture is larger than this edge can look at.",
        "Set the camera to at most 8192 x 4320 pixels.",
    ),
    "no_video": ("The stream holds no video.", "Choose the camera's video stream."),
    "damaged": ("The camera's stream cannot be read.", "Restart the camera if this lasts."),
    "no_password_file": (
        "The camera's password is not to be had on this edge.",
        "Store it again under the name in the camera's settings.",
    ),
    "unplugged": (
        "The camera is not plugged in.",
        "Plug it in, into the port where it was; it is watched at once.",
    ),
    "no_pictures": (
        "The camera is plugged in, but gives no pictures.",
        "Pull it out and plug it in again; try another cable or port if this lasts.",
    ),
    "busy": (
        "Another program uses the camera.",
        "End that program; the camera is tried again by itself.",
    ),
    "device_forbidden": (
        "This edge's daemon may not open the camera.",
        "Have its daemon started anew by `systemctl restart guardian-cameras`.",
    ),
    "no_room": (
        "The USB controller has no room for this camera's pictures beside the others'.",
        "Plug it into another port, or ask for fewer or smaller pictures of these cameras (`usb.fps`, `usb.width`).",
    ),
    "no_format": (
        "The camera gives no pictures in a format this edge can read.",
        "Take a camera with H.264, MJPEG or plain YUV pictures.",
    ),
    "no_encoder": (
        "The camera's pictures would have to be encoded here, and this edge's FFmpeg has no encoder for H.264.",
        "Take a camera that gives H.264, or a release whose FFmpeg can encode it.",
    ),
    "disabled": ("This camera is switched off in its settings.", ""),
}
_UNREACHABLE = {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN, errno.EADDRNOTAVAIL, errno.EIO}
_ABSENT = {errno.ENOENT, errno.ENODEV, errno.ENXIO, errno.ESHUTDOWN}
_RESET = {errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED}


class CameraFault(GuardianError):
    """The camera cannot be watched now."""

    def __init__(self, reason: str) -> None:
        sentence, hint = _SENTENCES[reason]
        super().__init__(sentence, reason=reason, hint=hint)


def opening(error: Exception, *, waited: bool) -> CameraFault:
    """Why a stream could not be opened. FFmpeg's own text holds the address, so it is never passed on.

    Args:
        waited: the time-out had passed: FFmpeg then reports silence as invalid data.
    """
    if isinstance(error, av.error.HTTPUnauthorizedError | av.error.HTTPForbiddenError | PermissionError):
        return CameraFault("password_refused")
    if isinstance(error, av.error.HTTPNotFoundError):
        return CameraFault("not_found")
    if isinstance(error, ConnectionRefusedError):
        return CameraFault("refused")
    if isinstance(error, av.error.ExitError | TimeoutError) or waited:
        return CameraFault("no_answer")
    number = _number(error)
    if number in _UNREACHABLE:
        return CameraFault("no_route")
    if number in _RESET:
        return CameraFault("gone")
    return CameraFault("not_a_camera")


def plugging(error: Exception) -> CameraFault:
    """Why a device on a port could not be opened, or ended."""
    number = _number(error)
    if number in _ABSENT:
        return CameraFault("unplugged")
    if number == errno.EBUSY:
        return CameraFault("busy")
    if number in {errno.EACCES, errno.EPERM}:
        return CameraFault("device_forbidden")
    if isinstance(error, av.error.ExitError | TimeoutError) or number in {errno.EIO, errno.EPROTO, errno.EPIPE}:
        return CameraFault("no_pictures")
    return CameraFault("no_room" if number == errno.ENOSPC else "damaged")


def reading(error: Exception) -> CameraFault:
    """Why a stream that was open ended."""
    if isinstance(error, av.error.ExitError | TimeoutError):
        return CameraFault("frozen")
    if _number(error) in _UNREACHABLE | _RESET or isinstance(error, EOFError):
        return CameraFault("gone")
    return CameraFault("damaged")


def _number(error: Any) -> int:
    return int(getattr(error, "errno", 0) or 0)
