"""A jupyter_client kernel provisioner that has ipykernels forked from the warm server instead of started cold."""

from __future__ import annotations

import asyncio
import signal
import uuid
from typing import Any

import zmq
import zmq.asyncio
from jupyter_client import AsyncKernelManager
from jupyter_client.provisioning import LocalProvisioner

from workbench.sweeps.server import ForkedKernels

WAITING_MESSAGES = 16
"""How many messages may wait for us on a channel; a flood's others wait in the kernel that makes it."""


class ForkedManager(AsyncKernelManager):  # type: ignore[misc]
    """jupyter_client's kernel manager, with its kernels from a fork server."""

    def __init__(self, kernels: ForkedKernels, **options: Any) -> None:
        super().__init__(**options)
        self._kernels = kernels

    def client(self, **options: Any) -> Any:
        """The client of the kernel, which takes in no more than it reads."""
        context = zmq.asyncio.Context()
        context.setsockopt(zmq.RCVHWM, WAITING_MESSAGES)  # type: ignore[attr-defined,unused-ignore]
        return super().client(context=context, **options)

    async def _async_pre_start_kernel(self, **options: Any) -> tuple[list[str], dict[str, Any]]:
        self.kernel_id = str(uuid.uuid4())
        self.provisioner = ForkedProvisioner(
            parent=self, kernel_id=self.kernel_id, kernel_spec=self.kernel_spec, kernels=self._kernels
        )
        command, prepared = await super()._async_pre_start_kernel(**options)
        return command, prepared


class ForkedProvisioner(LocalProvisioner):  # type: ignore[misc]
    """Everything as with a local process, but that it is not our child: the server forks, signals and reaps it."""

    def __init__(self, *args: Any, kernels: ForkedKernels, **options: Any) -> None:
        super().__init__(*args, **options)
        self.kernels = kernels

    async def launch_kernel(self, cmd: list[str], **options: Any) -> Any:
        """Fork a kernel that reads the connection file. Raises ServerLost."""
        arguments = [part for part in cmd[1:] if part not in ("-m", "ipykernel_launcher")]
        self.kernels.fork(cwd=options.get("cwd"), arguments=arguments).close()
        self.pid = self.pgid = self.kernels.pid
        self.process: ForkedKernels | None = self.kernels
        return self.connection_info

    async def poll(self) -> int | None:
        """None while the kernel runs, else its exit code."""
        return self.kernels.poll() if self.process is not None else 0

    async def wait(self) -> int | None:
        """Wait for the end."""
        while (status := await self.poll()) is None:  # noqa: ASYNC110 - it is another process that ends
            await asyncio.sleep(0.005)
        self.process = None
        return status

    async def send_signal(self, signum: int) -> None:
        """Signal the kernel and what it started."""
        self.kernels.signal(signum)

    async def kill(self, restart: bool = False) -> None:
        """At once."""
        self.kernels.signal(signal.SIGKILL)

    async def terminate(self, restart: bool = False) -> None:
        """Politely."""
        self.kernels.signal(signal.SIGTERM)
