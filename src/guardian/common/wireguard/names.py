"""Types of the configuration that both ends share; imports nothing, for every daemon reads them."""

from typing import Annotated, Literal

from pydantic import Field

Driver = Literal["auto", "kernel", "userspace"]
# What the kernel takes, less what a path or a shell might make something of.
Interface = Annotated[str, Field(pattern=r"\A[a-z][a-z0-9]{0,14}\z")]
