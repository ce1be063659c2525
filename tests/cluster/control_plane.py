"""etcd, kube-apiserver and kube-controller-manager, with a scheduler where there is a node: keys, data and logs in one
folder.
"""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.cluster.processes import NotReady, ProcessFolder
from tests.cluster.toolchain import NotBuilt, Toolset

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cluster.processes import Recorded

SERVICES = "10.96.0.0/16"
PODS = "10.244.0.0/16"
# The bridge's address on a machine with a node. Without one nothing listens there: it only stands in the API's own
# list of its endpoints, where a loopback address is refused.
BRIDGE = "10.244.0.1"
# On an idle machine all of it takes some 8 s; a machine that compiles meanwhile takes longer.
_START_SECONDS = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Where the parts listen: the API on the control plane's address, all others on 127.0.0.1."""

    etcd: int
    etcd_peer: int
    api: int
    controllers: int
    scheduler: int


class ControlPlane:
    """The processes. `address` is where the API listens; with `node`, one is to come: a scheduler runs too."""

    def __init__(self, folder: Path, tools: Toolset, *, address: str = "127.0.0.1", node: bool = False) -> None:
        self._folder = folder
        self._address = address
        self._node = node
        self._tools = tools
        self._processes = ProcessFolder(folder / "processes")
        self._pki = folder / "pki"

    @property
    def kubeconfig(self) -> Path:
        """An administrator's."""
        return self._folder / "super-admin.conf"

    @property
    def pki(self) -> Path:
        """Folder of its keys and certificates, as kubeadm lays it out."""
        return self._pki

    def kubeconfig_of(self, user: str) -> Path:
        """Return the kubeconfig of a part: `kubelet`, `controller-manager`, `scheduler`."""
        return self._folder / f"{user}.conf"

    @property
    def running(self) -> bool:
        """Whether all that was started runs still."""
        recorded = self._processes.recorded()
        return bool(recorded) and all(process.running for process in recorded)

    def start(self) -> None:
        """Start anew, with no data.

        Raises NotBuilt where a program is missing, NotReady where one does not come up.
        """
        etcd = shutil.which("etcd")
        if etcd is None:
            raise NotBuilt("etcd is not installed: apt-get install etcd-server")
        self.stop()
        ports = Ports(**dict(zip(Ports.__dataclass_fields__, free_ports(5), strict=True)))
        self._make_keys(ports)
        try:
            self._start_etcd(etcd, ports)
            self._start_api(ports)
            self._start_controllers(ports)
            if self._node:
                self._start_scheduler(ports)
        except NotReady:
            self._processes.stop()
            raise

    def stop(self) -> None:
        """Stop what runs and delete the data."""
        self._processes.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _make_keys(self, ports: Ports) -> None:
        self._folder.mkdir(parents=True)
        config = self._folder / "kubeadm.yaml"
        config.write_text(
            _KUBEADM.format(pki=self._pki, version=self._tools.version, api=ports.api, address=self._address),
            encoding="utf-8",
        )
        kubeadm = self._tools.program("kubeadm")
        for phase in (
            ["certs", "all"],
            *(
                ["kubeconfig", user, "--kubeconfig-dir", str(self._folder)]
                for user in ("super-admin", "controller-manager", *(("scheduler", "kubelet") if self._node else ()))
            ),
        ):
            subprocess.run(
                [kubeadm, "init", "phase", *phase, "--config", config], check=True, stdout=subprocess.DEVNULL
            )
        # kubeadm points these at the advertised address.
        for conf in self._folder.glob("*.conf"):
            conf.write_text(conf.read_text(encoding="utf-8").replace(BRIDGE, self._address), encoding="utf-8")

    def _start_etcd(self, etcd: str, ports: Ports) -> None:
        client, peer = f"http://127.0.0.1:{ports.etcd}", f"http://127.0.0.1:{ports.etcd_peer}"
        process = self._processes.start("etcd", [
            etcd, "--data-dir", self._folder / "etcd", "--unsafe-no-fsync", "--name", "one",
            "--listen-client-urls", client, "--advertise-client-urls", client,
            "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", f"one={peer}",
        ])  # fmt: skip
        self._processes.wait(process, lambda: _answers(f"{client}/health"), seconds=_START_SECONDS)

    @property
    def audit_log(self) -> Path:
        """What service accounts asked of the API, a JSON object a line."""
        return self._folder / "audit.log"

    def _start_api(self, ports: Ports) -> None:
        pki = self._pki
        policy = self._folder / "audit-policy.yaml"
        policy.write_text(_AUDIT, encoding="utf-8")
        process = self._processes.start("kube-apiserver", [
            self._tools.program("kube-apiserver"), f"--etcd-servers=http://127.0.0.1:{ports.etcd}",
            f"--bind-address={self._address}", f"--secure-port={ports.api}", f"--advertise-address={BRIDGE}",
            f"--endpoint-reconciler-type={'master-count' if self._node else 'none'}",
            f"--kubelet-client-certificate={pki}/apiserver-kubelet-client.crt",
            f"--kubelet-client-key={pki}/apiserver-kubelet-client.key",
            "--kubelet-preferred-address-types=InternalIP", f"--service-cluster-ip-range={SERVICES}",
            "--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction", "--allow-privileged",
            f"--client-ca-file={pki}/ca.crt", f"--tls-cert-file={pki}/apiserver.crt",
            f"--tls-private-key-file={pki}/apiserver.key", f"--service-account-key-file={pki}/sa.pub",
            f"--service-account-signing-key-file={pki}/sa.key",
            "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
            f"--requestheader-client-ca-file={pki}/front-proxy-ca.crt",
            f"--proxy-client-cert-file={pki}/front-proxy-client.crt",
            f"--proxy-client-key-file={pki}/front-proxy-client.key", "--requestheader-allowed-names=front-proxy-client",
            "--requestheader-username-headers=X-Remote-User", "--requestheader-group-headers=X-Remote-Group",
            "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            f"--audit-policy-file={policy}", f"--audit-log-path={self.audit_log}",
        ])  # fmt: skip
        self._wait_for_api(process)

    def _wait_for_api(self, process: Recorded) -> None:
        (port,) = (part.partition("=")[2] for part in process.command if part.startswith("--secure-port="))
        trusted = ssl.create_default_context(cafile=str(self._pki / "ca.crt"))
        ready = f"https://{self._address}:{port}/readyz"
        self._processes.wait(process, lambda: _answers(ready, trusted), seconds=_START_SECONDS)

    def crash_api(self) -> None:
        """Kill the API server, and start it again as it was. Raises NotReady where it does not come up."""
        process = self._processes.named("kube-apiserver")
        process.kill()
        self._wait_for_api(self._processes.start("kube-apiserver", process.command))
        self._processes.leave()

    def _start_controllers(self, ports: Ports) -> None:
        # Only now: started before the roles are there, it exits.
        conf = self._folder / "controller-manager.conf"
        process = self._processes.start("kube-controller-manager", [
            self._tools.program("kube-controller-manager"), f"--kubeconfig={conf}",
            f"--authentication-kubeconfig={conf}", f"--authorization-kubeconfig={conf}", "--leader-elect=false",
            "--bind-address=127.0.0.1", f"--secure-port={ports.controllers}", "--use-service-account-credentials",
            f"--service-account-private-key-file={self._pki}/sa.key", f"--root-ca-file={self._pki}/ca.crt",
            f"--cluster-signing-cert-file={self._pki}/ca.crt", f"--cluster-signing-key-file={self._pki}/ca.key",
        ])  # fmt: skip
        self._processes.wait(process, self._default_account_exists, seconds=_START_SECONDS)

    def _start_scheduler(self, ports: Ports) -> None:
        conf = self.kubeconfig_of("scheduler")
        process = self._processes.start("kube-scheduler", [
            self._tools.program("kube-scheduler"), f"--kubeconfig={conf}", f"--authentication-kubeconfig={conf}",
            f"--authorization-kubeconfig={conf}", "--leader-elect=false", "--bind-address=127.0.0.1",
            f"--secure-port={ports.scheduler}",
        ])  # fmt: skip
        # It has nothing to say until there is a pod; that it stays is what can be seen.
        trusted = ssl.create_default_context()
        trusted.check_hostname, trusted.verify_mode = False, ssl.CERT_NONE
        ready = f"https://127.0.0.1:{ports.scheduler}/healthz"
        self._processes.wait(process, lambda: _answers(ready, trusted), seconds=_START_SECONDS)

    def _default_account_exists(self) -> bool:
        """Whether the controllers work: the default account is theirs to make, and no pod is let in before it is."""
        asked = subprocess.run(
            [self._tools.program("kubectl"), "--kubeconfig", self.kubeconfig, "get", "serviceaccount", "default"],
            check=False, capture_output=True,
        )  # fmt: skip
        return asked.returncode == 0


_AUDIT = """\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - {level: Metadata, userGroups: ["system:serviceaccounts"]}
  - {level: None}
"""

_KUBEADM = f"""\
apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
localAPIEndpoint: {{{{advertiseAddress: {BRIDGE}, bindPort: {{api}}}}}}
nodeRegistration: {{{{name: node}}}}
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
certificatesDir: {{pki}}
kubernetesVersion: {{version}}
controlPlaneEndpoint: "{{address}}:{{api}}"
networking: {{{{serviceSubnet: {SERVICES}, podSubnet: 10.244.0.0/16}}}}
apiServer: {{{{certSANs: ["127.0.0.1", "localhost"]}}}}
"""


def free_ports(count: int) -> list[int]:
    """Return ports of 127.0.0.1 that nobody listens on at the moment."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def _answers(url: str, trusted: ssl.SSLContext | None = None) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2, context=trusted) as answer:  # noqa: S310 - our own addresses
            return bool(answer.status == 200)
    except urllib.error.HTTPError as refused:
        refused.close()  # it holds the connection
        return False
    except (urllib.error.URLError, OSError):
        return False
