"""A SLURM of this machine's own: one node with four pretended GPUs, in a private folder, gone after the tests.

Needs Debian's packages slurmctld, slurmd, slurm-client and munge, no root and no installed configuration.
"""

import getpass
import os
import shutil
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

PATH = os.pathsep.join([os.environ["PATH"], "/usr/sbin", "/sbin"])
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scontrol", "scancel")

# No accounting: memory is held to by the gatherer, which looks every second, and the state of finished jobs is kept
# for MinJobAge. The node is larger than the machine is (config_overrides), its GPUs are /dev/null.
SLURM_CONF = """
ClusterName=softshot
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
MinJobAge=3600
KillWait=30
ReturnToService=2
MailProg=/bin/true
SlurmdParameters=config_overrides
GresTypes=gpu
NodeName={host} NodeAddr=127.0.0.1 CPUs=8 RealMemory=64000 Gres=gpu:4 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


@dataclass
class Slurm:
    """The running cluster: its folder, and the environment in which its commands find it."""

    folder: Path
    environment: dict[str, str]
    daemons: list[subprocess.Popen] = field(default_factory=list)

    def start(self, name: str, *arguments: str) -> None:
        """Start a daemon; what it says is in `<name>.log`."""
        program = shutil.which(name, path=PATH)
        with (self.folder / f"{name}.log").open("w") as log:
            self.daemons.append(
                subprocess.Popen([program, *arguments], env=self.environment, stdout=log, stderr=log, cwd=self.folder)
            )

    def ask(self, *command: str) -> str:
        """What a command of SLURM prints; empty where it fails."""
        return subprocess.run(command, env=self.environment, capture_output=True, text=True).stdout

    def jobs(self) -> dict[str, dict[str, str]]:
        """Every job that the cluster remembers, by its number, as `scontrol` shows it."""
        found = {}
        for line in self.ask("scontrol", "--details", "--oneliner", "show", "job").splitlines():
            job = dict(part.split("=", 1) for part in line.split() if "=" in part)
            if "JobId" in job:
                found[job["JobId"]] = job
        return found

    def wait_until_up(self) -> None:
        """Wait for the node; where it does not come up, the daemons' logs say why."""
        for _ in range(60):
            if "idle" in self.ask("sinfo", "--noheader", "--format=%T"):
                return
            time.sleep(0.5)
        logs = "".join(f"\n{path.name}:\n{path.read_text()[-3000:]}" for path in self.folder.glob("*.log"))
        raise RuntimeError(f"SLURM did not come up:{logs}")

    def stop(self) -> None:
        """End jobs, then daemons, the last one first."""
        self.ask("scancel", "--user", getpass.getuser())
        for _ in range(100):
            if not self.ask("squeue", "--noheader"):
                break
            time.sleep(0.5)
        for daemon in reversed(self.daemons):
            daemon.terminate()
            try:
                daemon.wait(20)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()


def free_ports(count: int) -> list[int]:
    """Ports that nothing listens on."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [opened.getsockname()[1] for opened in sockets]
    for opened in sockets:
        opened.close()
    return ports


def configure(folder: Path) -> None:
    """Write the cluster's files: its own key, its configuration, the pretended devices, a `srun` that finds it."""
    folder.chmod(0o755)  # munged wants its socket's folder open, its key closed
    key = folder / "munge.key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o600)
    for name in ("state", "spool", "devices", "bin"):
        (folder / name).mkdir()
    for number in range(4):
        (folder / f"devices/nvidia{number}").symlink_to("/dev/null")
    (folder / "gres.conf").write_text(f"Name=gpu File={folder}/devices/nvidia[0-3]\n")
    host = socket.gethostname().partition(".")[0]
    values = {"folder": folder, "host": host, "user": getpass.getuser(), "ports": free_ports(2)}
    (folder / "slurm.conf").write_text(SLURM_CONF.format(**values))
    # Snakemake's job step drops SLURM_CONF from the environment: its srun knows /etc/slurm only.
    srun = folder / "bin/srun"
    srun.write_text(f'#!/bin/sh\nSLURM_CONF={folder}/slurm.conf exec {shutil.which("srun", path=PATH)} "$@"\n')
    srun.chmod(0o755)


@pytest.fixture(scope="session")
def slurm():
    """The cluster, up; torn down whatever happens."""
    if missing := [name for name in PROGRAMS if not shutil.which(name, path=PATH)]:
        pytest.skip(f"no SLURM here ({', '.join(missing)}): apt-get install slurmctld slurmd slurm-client munge")
    folder = Path(tempfile.mkdtemp(prefix="slurm-"))  # short: a socket's path has at most 108 characters
    configure(folder)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("SLURM_", "CUDA_"))}
    path = os.pathsep.join([str(folder / "bin"), PATH])
    cluster = Slurm(folder, inherited | {"SLURM_CONF": f"{folder}/slurm.conf", "PATH": path})
    try:
        munge = {"key-file": "munge.key", "socket": "munge.socket", "pid-file": "munged.pid", "seed-file": "munge.seed"}
        files = [f"--{option}={folder}/{name}" for option, name in munge.items()]
        cluster.start("munged", "--foreground", f"--log-file={folder}/munge.log", *files)
        while not (folder / "munge.socket").exists() and cluster.daemons[0].poll() is None:
            time.sleep(0.1)
        cluster.start("slurmctld", "-D", "-f", f"{folder}/slurm.conf")
        cluster.start("slurmd", "-D", "-f", f"{folder}/slurm.conf", "-N", socket.gethostname().partition(".")[0])
        cluster.wait_until_up()
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)
