"""What stands around the contracts: the doctor's one line, the local chains, the compiler's script."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from web3 import HTTPProvider, Web3

from flexbond.chain.clock import ClockError, now, set_time
from flexbond.chain.node import (
    LocalNode,
    NodeError,
    NodeKind,
    NodeSettings,
    free_port,
    read_record,
    start_detached,
    states_folder,
    stop_detached,
)

ROOT = Path(__file__).resolve().parents[2]
DOCTOR = ROOT / "tools" / "doctor"
KINDS = [
    pytest.param(NodeKind.ANVIL, marks=pytest.mark.anvil),
    pytest.param(NodeKind.GANACHE, marks=pytest.mark.ganache),
]


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def fills(port: int) -> bool:
    """Whether the Anvil at a port, made to mine, writes states of past blocks where it should."""
    Web3(HTTPProvider(f"http://127.0.0.1:{port}")).provider.make_request("anvil_mine", ["0x400"])
    return wait_until(lambda: any(states_folder(port).rglob("*.json")))


def wait_until(condition, seconds: float = 10) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False


class TestDoctor:
    """Given a machine's commands, it names in one line what to install, or nothing."""

    @pytest.fixture
    def machine(self, tmp_path):
        folder = tmp_path / "bin"
        folder.mkdir()
        (folder / "sh").symlink_to(shutil.which("sh"))

        def add(name: str, script: str) -> None:
            (folder / name).write_text(f"#!{folder}/sh\n{script}\n")
            (folder / name).chmod(0o755)

        def ask(what: str, **environment: str) -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                [str(folder / "sh"), str(DOCTOR), what],
                env={"PATH": str(folder), **environment},
                capture_output=True,
                text=True,
                check=False,
            )

        ask.add = add
        return ask

    @staticmethod
    def old_python(version: str) -> str:
        # Refuses the check and tells its version, as a Python of that version does.
        return f'case "$2" in *ensurepip*) exit 1 ;; *) echo {version} ;; esac'

    def one_line(self, told: subprocess.CompletedProcess[str]) -> str:
        assert told.returncode != 0
        assert told.stdout == ""
        assert told.stderr.count("\n") == 1
        return told.stderr.strip()

    def test_python_missing(self, machine):
        assert self.one_line(machine("python")) == (
            "flexbond: Python is missing; install Python 3.12 (3.11 works too)."
        )

    @pytest.mark.parametrize("version", ["3.9.18", "3.13.0", "2.7.18"])
    def test_python_of_another_version(self, machine, version):
        machine.add("python3", self.old_python(version))
        assert self.one_line(machine("python")) == (
            f"flexbond: Python {version} is not supported; install Python 3.12 (3.11 works too)."
        )

    def test_python_without_venv(self, machine):
        machine.add("python3", self.old_python("3.12.3"))
        assert "python3.12-venv" in self.one_line(machine("python"))

    def test_a_command_that_does_not_start_is_passed_over(self, machine):
        machine.add("python3.12", "exit 127")
        machine.add("python3", f'exec "{sys.executable}" "$@"')
        told = machine("python")
        assert told.returncode == 0
        assert Path(told.stdout.strip()).exists()

    def test_python_chosen_by_the_user(self, machine):
        machine.add("python3.12", f'exec "{sys.executable}" "$@"')
        machine.add("mine", self.old_python("3.10.1"))
        assert "Python 3.10.1 is not supported" in self.one_line(machine("python", PYTHON="mine"))

    def test_node_missing(self, machine):
        assert self.one_line(machine("node")) == "flexbond: Node is missing; install Node 20, 22 or 24 with npm."

    @pytest.mark.parametrize("version", ["v18.20.0", "v26.1.0"])
    def test_node_of_another_version(self, machine, version):
        machine.add("node", f'[ "$1" = --version ] && echo {version} || exit 1')
        assert self.one_line(machine("node")) == (
            f"flexbond: Node {version} is not supported; install Node 20, 22 or 24 with npm."
        )

    def test_npm_missing(self, machine):
        machine.add("node", "[ $1 != --version ] || echo v20.0.0")
        assert "npm is missing" in self.one_line(machine("node"))

    def test_all_there(self, machine):
        machine.add("node", "[ $1 != --version ] || echo v20.0.0")
        machine.add("npm", "echo 10.0.0")
        told = machine("node")
        assert (told.returncode, told.stdout, told.stderr) == (0, "", "")


class TestLocalNode:
    """Given the chains of node_modules, a node lives exactly as long as it should."""

    @pytest.mark.parametrize("kind", KINDS)
    def test_lives_for_the_block(self, kind):
        with LocalNode(NodeSettings(kind=kind, timestamp=1_700_000_000)) as node:
            w3 = Web3(HTTPProvider(node.url))
            assert w3.eth.chain_id == kind.chain_id
            assert w3.eth.accounts[0] == "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
            assert w3.eth.get_block(0)["timestamp"] == 1_700_000_000
        assert not answers(node.port)

    @pytest.mark.anvil
    def test_ends_with_an_exception(self):
        with pytest.raises(ZeroDivisionError), LocalNode() as node:
            raise ZeroDivisionError
        assert not answers(node.port)

    @pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
    @pytest.mark.parametrize("kind", KINDS)
    def test_ends_with_the_program(self, kind, how):
        program = (
            "import sys, time; from flexbond.chain.node import *\n"
            f"with LocalNode(NodeSettings(kind=NodeKind('{kind}'))) as node:\n"
            "    print(node.port, flush=True); time.sleep(99)"
        )
        with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
            port = int(process.stdout.readline())
            assert answers(port)
            process.send_signal(how)
            process.wait()
        assert wait_until(lambda: not answers(port))

    @pytest.mark.parametrize("kind", KINDS)
    def test_set_time_is_exact(self, kind):
        with LocalNode(NodeSettings(kind=kind, timestamp=1_700_000_000)) as node:
            w3 = Web3(HTTPProvider(node.url))
            for later in (1, 2, 900, 901, 86_400, 31_536_000):
                set_time(w3, 1_700_000_000 + later)
                assert now(w3) == 1_700_000_000 + later
            payment = {"from": w3.eth.accounts[0], "to": w3.eth.accounts[1], "value": 1, "gasPrice": 2 * 10**9}
            receipt = w3.eth.wait_for_transaction_receipt(w3.eth.send_transaction(payment))
            mined = w3.eth.get_block(receipt["blockNumber"])["timestamp"]
            assert 0 <= mined - (1_700_000_000 + 31_536_000) <= 5
            with pytest.raises(ClockError, match="is before that"):
                set_time(w3, 1_700_000_000)

    @pytest.mark.anvil
    @pytest.mark.parametrize(("hardfork", "present"), [("osaka", True), ("shanghai", False)])
    def test_hardfork_decides_on_the_p256_precompile(self, hardfork, present):
        # A valid signature from RFC 6979, A.2.5: SHA-256 of "sample".
        words = (
            "af2bdbe1aa9b6ec1e2ade1d694f41fc71a831d0268e9891562113d8a62add1bf"
            "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
            "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"
            "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
            "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299"
        )
        with LocalNode(NodeSettings(hardfork=hardfork)) as node:
            w3 = Web3(HTTPProvider(node.url))
            answer = w3.eth.call({"to": "0x0000000000000000000000000000000000000100", "data": f"0x{words}"})
            assert bool(answer) is present

    @pytest.mark.anvil
    def test_left_running_until_stopped(self, tmp_path):
        pid_file = tmp_path / "node.json"
        record = start_detached(NodeSettings(log=tmp_path / "log"), pid_file)
        try:
            assert answers(record.port)
            assert read_record(pid_file) == record
            with pytest.raises(NodeError, match="already runs"):
                start_detached(NodeSettings(), pid_file)
        finally:
            assert stop_detached(pid_file) == record
        assert not answers(record.port)
        assert "eth_chainId" in (tmp_path / "log").read_text()
        with pytest.raises(NodeError, match="No local chain is running"):
            stop_detached(pid_file)

    def test_a_record_of_another_process_is_none(self, tmp_path):
        pid_file = tmp_path / "node.json"
        pid_file.write_text(json.dumps({"kind": "anvil", "pid": os.getpid(), "port": 1, "started": "long ago"}))
        assert read_record(pid_file) is None

    def test_a_damaged_record_is_said(self, tmp_path):
        pid_file = tmp_path / "node.json"
        pid_file.write_text("{")
        with pytest.raises(NodeError, match="is damaged"):
            read_record(pid_file)

    @pytest.mark.anvil
    def test_states_of_past_blocks_go_with_the_node(self):
        with LocalNode() as node:
            assert fills(node.port)
        assert not states_folder(node.port).exists()

    @pytest.mark.anvil
    def test_states_of_past_blocks_go_with_a_program_that_is_killed(self):
        program = (
            "import time; from flexbond.chain.node import *\n"
            "with LocalNode() as node:\n"
            "    print(node.port, flush=True); time.sleep(99)"
        )
        with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
            port = int(process.stdout.readline())
            assert fills(port)
            process.kill()
            process.wait()
        assert wait_until(lambda: not states_folder(port).exists())

    @pytest.mark.anvil
    def test_states_of_past_blocks_go_with_a_node_that_is_stopped(self, tmp_path):
        record = start_detached(NodeSettings(), tmp_path / "node.json")
        try:
            assert fills(record.port)
        finally:
            stop_detached(tmp_path / "node.json")
        assert not states_folder(record.port).exists()

    @pytest.mark.anvil
    def test_port_taken(self):
        with LocalNode() as node, pytest.raises(NodeError, match=f"Port {node.port} is taken"):
            LocalNode(NodeSettings(port=node.port)).start()

    @pytest.mark.anvil
    def test_does_not_start(self, tmp_path):
        log = tmp_path / "log"
        with pytest.raises(NodeError, match="does not start") as caught:
            LocalNode(NodeSettings(hardfork="stone-age", log=log, port=free_port())).start()
        assert str(log) in caught.value.next_step
        assert "stone-age" in log.read_text()


class TestCompiler:
    """Given the npm compiler, the script answers as the native one."""

    SOLC = ROOT / "tools" / "solc" / "solc-v0.8.37"

    def test_version(self):
        said = subprocess.run([self.SOLC, "--version"], capture_output=True, text=True, check=True).stdout
        assert said.splitlines()[-1] == "Version: 0.8.37+commit.f401782d"

    @pytest.mark.slow
    def test_imports_from_any_folder(self, tmp_path):
        source = 'import "node_modules/@openzeppelin/contracts/utils/math/SafeCast.sol"; contract A {}'
        request = {
            "language": "Solidity",
            "sources": {"A.sol": {"content": source}},
            "settings": {"outputSelection": {"*": {"A": ["evm.bytecode.object"]}}},
        }
        answer = subprocess.run(
            [self.SOLC, "--standard-json", "--allow-paths", "/"],
            input=json.dumps(request),
            capture_output=True,
            text=True,
            check=True,
            cwd=tmp_path,
        )
        output = json.loads(answer.stdout)
        assert [error for error in output["errors"] if error["severity"] == "error"] == []
        code = output["contracts"]["A.sol"]["A"]["evm"]["bytecode"]["object"]
        # No hash of the sources in it: only the compiler's version follows the code.
        assert code.endswith("64736f6c6343000825000a")
