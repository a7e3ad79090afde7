"""Local chains: Anvil and Ganache, taken from the clone's ``node_modules``.

:class:`LocalNode` lives as long as the block it is opened in, and never longer than the program.
:func:`start_detached` and :func:`stop_detached` are for a node that outlives the command that starts it.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from flexbond.errors import FlexbondError

if TYPE_CHECKING:
    from types import TracebackType

DEVELOPMENT_MNEMONIC: Final = "test test test test test test test test test test test junk"
"""Known to everybody: its accounts hold nothing but play money."""

HOST: Final = "127.0.0.1"
ACCOUNTS: Final = 20
BALANCE_ETHER: Final = 10_000
START_SECONDS: Final = 60.0
STOP_SECONDS: Final = 10.0

# Ends the node when the pipe on its standard input closes, which the system does however the program
# ends, SIGKILL included; then what it wrote is of no use to anybody.
_KEEPER: Final = """
exec 3<&0
"$@" </dev/null 3<&- &
node=$!
(read -r _ <&3; kill "$node") 2>/dev/null &
watch=$!
exec 3<&-
wait "$node"
kill "$watch" 2>/dev/null
rm -rf "$FLEXBOND_NODE_STATES"
"""


class NodeError(FlexbondError):
    """A local chain cannot be found, started or stopped."""


class NodeKind(StrEnum):
    """Which local chain."""

    ANVIL = "anvil"
    GANACHE = "ganache"

    @property
    def chain_id(self) -> int:
        """Chain id the node answers with."""
        return {NodeKind.ANVIL: 31_337, NodeKind.GANACHE: 1_337}[self]

    @property
    def hardfork(self) -> str:
        """Rules it runs unless told otherwise: Osaka has the P-256 precompile, Ganache knows none after Shanghai."""
        return {NodeKind.ANVIL: "osaka", NodeKind.GANACHE: "shanghai"}[self]


@dataclass(frozen=True, kw_only=True)
class NodeSettings:
    """How a node is started."""

    kind: NodeKind = NodeKind.ANVIL
    port: int | None = None  # a free one by default
    hardfork: str | None = None  # name as the node's own --hardfork takes it; the kind's own by default
    timestamp: int | None = None  # of the first block, seconds since 1970; now by default
    block_gas_limit: int = 30_000_000
    log: Path | None = None  # every request is written to it; without it the node says nothing


@dataclass(frozen=True, kw_only=True)
class NodeRecord:
    """What a pid file holds: a node that was left running."""

    kind: NodeKind
    pid: int
    port: int
    started: str  # as the system tells it: distinguishes the process from a later one with the same id

    @property
    def url(self) -> str:
        """Address of its JSON-RPC."""
        return f"http://{HOST}:{self.port}"


class LocalNode:
    """A local chain for the length of a ``with`` block."""

    def __init__(self, settings: NodeSettings | None = None) -> None:
        self.settings = settings or NodeSettings()
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Address of its JSON-RPC."""
        return f"http://{HOST}:{self.port}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start the node and wait until it answers."""
        if self._process is not None:
            raise NodeError(f"{self.settings.kind.value} is already running at {self.url}.", "Stop it first.")
        self._process, self.port = _launch(self.settings, kept=True)

    def stop(self) -> None:
        """End the node; harmless if it has ended."""
        process, self._process = self._process, None
        if process is not None:
            _end(process)
            shutil.rmtree(states_folder(self.port), ignore_errors=True)


def start_detached(settings: NodeSettings, pid_file: Path) -> NodeRecord:
    """Start a node, leave it running, and record it in ``pid_file`` for :func:`stop_detached`."""
    running = read_record(pid_file)
    if running is not None:
        raise NodeError(f"{running.kind.value} already runs at {running.url}.", "Stop it with `flexbond chain down`.")
    process, port = _launch(settings, kept=False)
    record = NodeRecord(kind=settings.kind, pid=process.pid, port=port, started=_process_start(process.pid))
    pid_file.parent.mkdir(parents=True, exist_ok=True)
    pid_file.write_text(json.dumps(asdict(record)) + "\n")
    process.returncode = 0  # it is meant to outlive this object, which would warn of it
    return record


def stop_detached(pid_file: Path) -> NodeRecord:
    """Stop the node that ``pid_file`` records, and remove the file."""
    record = read_record(pid_file)
    pid_file.unlink(missing_ok=True)
    if record is None:
        raise NodeError("No local chain is running.", "Start one with `flexbond chain up`.")
    os.kill(record.pid, signal.SIGTERM)
    end = time.monotonic() + STOP_SECONDS
    while _process_start(record.pid) == record.started:
        if time.monotonic() > end:
            os.kill(record.pid, signal.SIGKILL)
            break
        time.sleep(0.05)
    shutil.rmtree(states_folder(record.port), ignore_errors=True)
    return record


def read_record(pid_file: Path) -> NodeRecord | None:
    """The node that ``pid_file`` records, if it still runs."""
    try:
        fields = json.loads(pid_file.read_text())
        record = NodeRecord(
            kind=NodeKind(fields["kind"]),
            pid=int(fields["pid"]),
            port=int(fields["port"]),
            started=str(fields["started"]),
        )
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise NodeError(f"{pid_file} is damaged.", "Remove it, and stop the node by hand if it runs.") from error
    return record if record.started and record.started == _process_start(record.pid) else None


def free_port() -> int:
    """A port nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def clone_root() -> Path:
    """The clone whose ``node_modules`` hold the chains: where this package stands, else around the working folder."""
    for root in (Path(__file__).resolve().parents[2], Path.cwd(), *Path.cwd().parents):
        if (root / "node_modules" / "ganache").is_dir() and (root / "node_modules" / "@foundry-rs").is_dir():
            return root
    raise NodeError("Anvil and Ganache are not installed here.", "Run `make setup` in a clone of Flexbond.")


def states_folder(port: int) -> Path:
    """Where the node at a port keeps states of past blocks, which fill gigabytes, and which Anvil leaves behind."""
    return clone_root() / ".cache" / "nodes" / f"states-{port}"


def _launch(settings: NodeSettings, *, kept: bool) -> tuple[subprocess.Popen[bytes], int]:
    root = clone_root()
    cache = root / ".cache"
    name = settings.kind.value
    log = settings.log or cache / "nodes" / f"{name}.log"
    # Nodes write to the home and the temporary folder; both are inside the clone.
    home, temporary = cache / "home", cache / "tmp"
    for folder in (home, temporary, log.parent):
        folder.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "HOME": str(home), "TMPDIR": str(temporary)}
    if settings.port is not None and _listens(settings.port):
        raise NodeError(f"Port {settings.port} is taken.", "Choose another port, or stop what listens on it.")
    keeper = ["sh", "-c", _KEEPER, "flexbond-node"] if kept else []
    for _ in range(3):  # a free port may be taken by others before the node has it
        port = settings.port or free_port()
        states = states_folder(port)
        shutil.rmtree(states, ignore_errors=True)
        with log.open("wb") as output:
            process = subprocess.Popen(  # noqa: S603
                [*keeper, *_program(settings.kind, root), *_arguments(settings, port)],
                stdin=subprocess.PIPE if kept else subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**environment, "FLEXBOND_NODE_STATES": str(states)},
                cwd=cache,
                start_new_session=True,
            )
        try:
            if _answers(process, port, settings.kind):
                return process, port
        except BaseException:
            _end(process)
            raise
        _end(process)
    raise NodeError(f"{name} does not start.", f"See what it says in {log}.")


def _program(kind: NodeKind, root: Path) -> list[str]:
    modules = root / "node_modules"
    if kind is NodeKind.ANVIL:
        # The binary itself: the package's wrapper would stand between it and our signals.
        found = sorted(modules.glob("@foundry-rs/anvil-*/bin/anvil"))
        if not found:
            raise NodeError("Anvil has no build for this machine.", "Use Ganache: `--network ganache`.")
        return [str(found[0])]
    node = shutil.which("node")
    if node is None:
        raise NodeError("Node is missing.", "Install Node 20, 22 or 24.")
    return [node, str(modules / "ganache" / "dist" / "node" / "cli.js")]


def _arguments(settings: NodeSettings, port: int) -> list[str]:
    kind = settings.kind
    hardfork = settings.hardfork or kind.hardfork
    if kind is NodeKind.ANVIL:
        arguments = [
            *("--host", HOST, "--port", str(port), "--chain-id", str(kind.chain_id), "--hardfork", hardfork),
            *("--mnemonic", DEVELOPMENT_MNEMONIC, "--accounts", str(ACCOUNTS), "--balance", str(BALANCE_ETHER)),
            *("--gas-limit", str(settings.block_gas_limit), "--no-request-size-limit"),
            *("--cache-path", str(states_folder(port))),
        ]
        if settings.timestamp is not None:
            arguments += ["--timestamp", str(settings.timestamp)]
        return arguments if settings.log else [*arguments, "--quiet"]
    arguments = [
        *("--server.host", HOST, "--server.port", str(port)),
        *("--chain.chainId", str(kind.chain_id), "--chain.networkId", str(kind.chain_id), "--chain.hardfork", hardfork),
        *("--wallet.mnemonic", DEVELOPMENT_MNEMONIC, "--wallet.totalAccounts", str(ACCOUNTS)),
        *("--wallet.defaultBalance", str(BALANCE_ETHER), "--miner.blockGasLimit", str(settings.block_gas_limit)),
    ]
    if settings.timestamp is not None:
        arguments += ["--chain.time", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(settings.timestamp))]
    return arguments if settings.log else [*arguments, "--logging.quiet"]


def _answers(process: subprocess.Popen[bytes], port: int, kind: NodeKind) -> bool:
    """Wait until the node answers; false if it ends instead, or takes too long."""
    end = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < end:
        if _chain_id(port) == kind.chain_id:
            return process.poll() is None
        time.sleep(0.05)
    return False


def _chain_id(port: int) -> int | None:
    # http.client, unlike the others, asks no proxy the way to this machine.
    connection = http.client.HTTPConnection(HOST, port, timeout=5)
    request = {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []}
    try:
        connection.request("POST", "/", json.dumps(request), {"Content-Type": "application/json"})
        return int(json.loads(connection.getresponse().read())["result"], 16)
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
        return None
    finally:
        connection.close()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        process.stdin.close()
    else:
        process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _process_start(pid: int) -> str:
    """When the process began, empty if there is none (or only its remains)."""
    try:
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return "" if state == "Z" else fields[18]
    except FileNotFoundError:
        pass
    if Path("/proc/self/stat").exists():
        return ""
    shown = subprocess.run(  # noqa: S603
        ["/bin/ps", "-o", "state=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout.strip()
    return "" if shown.startswith("Z") else shown.partition(" ")[2].strip()
