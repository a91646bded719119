"""Screen and serial line of a machine at which nobody logs in: what is said goes to both, either may answer."""

import contextlib
import os
import select
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import BinaryIO, Self

from guardian.common.errors import GuardianError
from guardian.common.text import plain

SCREENS = (Path("/dev/tty1"), Path("/dev/ttyS0"))
# Who is told what is done, and how much of it, 0 to 1.
Tell = Callable[[str, float], None]


class ScreenError(GuardianError):
    """Nobody can be asked."""


class Screen:
    """All consoles at once: what is said goes to each, and an answer may come from any."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self._files: list[BinaryIO] = []
        for path in paths:
            with contextlib.suppress(OSError):
                number = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
                self._files.append(os.fdopen(number, "r+b", buffering=0))
        self._shown: tuple[str, int] = ("", -1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._files:
            file.close()

    def say(self, text: str = "") -> None:
        """One line; what may come from a disk cannot move the cursor."""
        for file in self._files:
            # A serial port that nobody built in takes nothing.
            with contextlib.suppress(OSError):
                file.write(plain(text).encode() + b"\r\n")

    def progress(self, what: str, part: float) -> None:
        """`Writing the system   40 %`: a line for each tenth."""
        tenth = int(part * 10)
        if (what, tenth) != self._shown:
            self._shown = (what, tenth)
            self.say(f"  {what:<36} {tenth * 10:>3} %")

    def agrees(self, word: str) -> bool:
        """Whether somebody types this word, and no other."""
        return self.ask(f"  Type {word} to go on: ") == word

    def choose(self, question: str, texts: Sequence[str]) -> int:
        """Show these with numbers, from 1; which one somebody types, 0 for none of them."""
        for number, text in enumerate(texts, 1):
            self.say(f"  {number}  {text}")
        typed = self.ask(f"  {question}: ")
        return int(typed) if typed in map(str, range(1, len(texts) + 1)) else 0

    def ask(self, question: str, seconds: float | None = None) -> str:
        """One line that somebody types; '' when nobody does within `seconds`, where it has an end."""
        for file in self._files:
            with contextlib.suppress(OSError):
                file.write(question.encode())
        waiting = list(self._files)
        while waiting:
            ready, _, _ = select.select(waiting, [], [], seconds)
            if not ready:
                return ""
            for file in ready:
                line = b""
                with contextlib.suppress(OSError):
                    line = file.readline(200)
                if line:
                    return line.decode(errors="replace").strip()
                # A port that nobody built in, or that was pulled out, is always ready and never says a word.
                waiting.remove(file)
        raise ScreenError("There is no screen or serial line to ask at.", reason="console_missing")
