"""Local chains, the deployment, the demonstration."""

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flexbond.chain.clock import mine_blocks, set_time
from flexbond.chain.config import load_config
from flexbond.chain.deploy import deploy as deploy_suite
from flexbond.chain.development import customer_signer, development_accounts
from flexbond.chain.node import (
    NodeError,
    NodeKind,
    NodeSettings,
    clone_root,
    read_record,
    start_detached,
    stop_detached,
)
from flexbond.chain.rpc import Rpc
from flexbond.cli.command import Answer, command
from flexbond.operations.rehearsal import DrySender
from flexbond.units import format_time, utc_seconds

if TYPE_CHECKING:
    from flexbond.cli.desk import Desk

PORT = 8_545
DEVELOPMENT_CUSTOMERS = 3


def add_to(app: typer.Typer) -> None:
    """Adds the commands."""
    chain = typer.Typer(help="A local chain for trying things out.", no_args_is_help=True)
    command(chain, "up")(up)
    command(chain, "down")(down)
    command(chain, "status")(status)
    command(chain, "move")(move)
    command(chain, "mine")(mine)
    command(chain, "keys")(keys)
    app.add_typer(chain, name="chain")
    command(app, "deploy", sends=True)(deploy)
    command(app, "demo")(demo)


def up(
    desk: "Desk",
    port: Annotated[int, typer.Option(help="Port of its JSON-RPC.", min=1, max=65_535)] = PORT,
    begin: Annotated[
        str | None, typer.Option(help="Time of its first block, ISO-8601 with zone; now by default.")
    ] = None,
) -> Answer:
    """Start a local chain (--network anvil or ganache) and leave it running."""
    kind = _kind(desk.options.network)
    timestamp = None if begin is None else utc_seconds(begin)
    record = start_detached(NodeSettings(kind=kind, port=port, timestamp=timestamp), _pid_file(desk, kind))
    return Answer(
        value={"network": kind.value, "pid": record.pid, "url": record.url},
        lines=[f"{kind.value} runs at {record.url} (process {record.pid}).", "Stop it with `flexbond chain down`."],
    )


def down(desk: "Desk") -> Answer:
    """Stop the local chain that `chain up` started."""
    kind = _kind(desk.options.network)
    if read_record(_pid_file(desk, kind)) is None:
        return Answer(value={"network": kind.value, "stopped": False}, lines=[f"No {kind.value} was running."])
    record = stop_detached(_pid_file(desk, kind))
    return Answer(value={"network": kind.value, "stopped": True, "pid": record.pid}, lines=[f"Stopped {kind.value}."])


def status(desk: "Desk") -> Answer:
    """Say whether the local chain that `chain up` started runs, and what time it is there."""
    kind = _kind(desk.options.network)
    record = read_record(_pid_file(desk, kind))
    if record is None:
        return Answer(value={"network": kind.value, "running": False}, lines=[f"No {kind.value} is running."])
    rpc = Rpc.at(record.url)
    block, now = rpc.block_number(), rpc.now()
    return Answer(
        value={
            "network": kind.value,
            "running": True,
            "url": record.url,
            "pid": record.pid,
            "block": block,
            "time": now,
        },
        lines=[f"{kind.value} runs at {record.url}: block {block} of {format_time(now)}."],
    )


def move(
    desk: "Desk",
    time: Annotated[str, typer.Argument(help="Time of the next block, ISO-8601 with zone; not before the chain's.")],
) -> Answer:
    """Set the clock of a local chain forward."""
    _kind(desk.options.network)
    moment = utc_seconds(time)
    set_time(desk.rpc.w3, moment)
    return Answer(value={"time": moment}, lines=[f"It is {format_time(moment)} on {desk.options.network}."])


def mine(
    desk: "Desk",
    blocks: Annotated[int, typer.Argument(help="How many blocks.", min=1, max=10_000)] = 1,
) -> Answer:
    """Make blocks with nothing in them on a local chain, such as those that a draw waits for."""
    _kind(desk.options.network)
    block = mine_blocks(desk.rpc.w3, blocks)
    return Answer(value={"block": block}, lines=[f"It is block {block:,} on {desk.options.network}."])


def keys(desk: "Desk") -> Answer:
    """Name the public development keys of a local chain, as variables for the shell. Never hold anything of worth with them."""
    _kind(desk.options.network)
    people = development_accounts()
    signers = {field.name: getattr(people, field.name) for field in fields(people)}
    signers |= {f"customer{number}": customer_signer(number) for number in range(DEVELOPMENT_CUSTOMERS)}
    variables: dict[str, str] = {}
    for name, signer in signers.items():
        variables[f"{name.upper()}_KEY"] = "0x" + signer.secret().hex()
        variables[name.upper()] = signer.address
    return Answer(value=variables, lines=[f"export {name}={value}" for name, value in variables.items()])


def deploy(desk: "Desk") -> Answer:
    """Deploy the suite, or finish a deployment that was interrupted, and check it."""
    config, sender = desk.config, desk.sender
    if isinstance(sender, DrySender):
        desk.progress(f"A dry run tries the first transaction of deploying from {sender.address}.")
        _rehearse_deployment(desk)
    book = deploy_suite(config, sender, folder=desk.deployments, tell=desk.progress)
    return Answer(
        value={
            "chainId": book.chain_id,
            "network": book.network,
            "deployer": book.deployer,
            "contracts": book.addresses,
        },
        lines=[
            f"The suite stands on {book.network} (chain {book.chain_id}):",
            *(f"  {name:<20} {address}" for name, address in book.addresses.items()),
            "The deployer has no power left.",
        ],
    )


def demo(
    desk: "Desk",
    out: Annotated[Path, typer.Option(help="Folder for the report, the event logs and the statements.")] = Path(
        "out/demo"
    ),
    chapter: Annotated[str, typer.Option(help="fontana, british, fleet or all.")] = "all",
    devices: Annotated[
        int | None, typer.Option(help="Homes of the fleet; 20,000 on Anvil and 200 on Ganache by default.")
    ] = None,
) -> Answer:
    """Settle real events on chains of their own, and write a report."""
    from flexbond.demo import narrate, run, summary

    result = run(network=desk.options.network, out=out, chapter=chapter, devices=devices, progress=desk.progress)
    return Answer(value=summary(result, out), lines=narrate(result, out))


def _kind(network: str) -> NodeKind:
    try:
        return NodeKind(network)
    except ValueError:
        raise NodeError(f"{network} is no local chain.", "Use --network anvil or --network ganache.") from None


def _pid_file(desk: "Desk", kind: NodeKind) -> Path:
    return (desk.named_folder or clone_root()) / ".cache" / "nodes" / f"{kind.value}.json"


def _rehearse_deployment(desk: "Desk") -> None:
    """Raises NothingSentError with the first step; nothing is written either."""
    from flexbond.chain.artifacts import load_artifact
    from flexbond.chain.plan import deployments, resolve
    from flexbond.chain.suite import Transaction

    first = deployments(load_config(desk.options.network, desk.folder / "config"))[0]
    artifact = load_artifact(first.contract)
    arguments = resolve(first.arguments, {}, desk.sender.address)
    data = artifact.bytecode + artifact.abi.constructor.encode_arguments(*arguments)
    desk.sender.send(Transaction(to=None, data=data, title=first.title))
