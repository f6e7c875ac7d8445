# SPDX-License-Identifier: Apache-2.0
"""What is measured: no tunnel, the plain loop, and the tunnels of others with one peer each."""
import os
import re
import shutil

from .debian import installed
from .host import INNER, OTHER, OUTER, Trouble, run, wait_for

ALL_TESTS = ("memory", "ping", "cpu", "tcp", "udp64", "idle")


class Peer:
    """One tunnel between the two ends. A subclass writes files in self.folder and fills self.daemons."""

    kind = "peer"  # or "wire", "loop", "dietvpn"
    packages = ()
    note = ""
    tests = ALL_TESTS
    offload = False

    def __init__(self, host, name):
        self.host, self.name = host, name
        self.folder = os.path.join(host.folder, name)
        self.daemons = {}

    def missing(self):
        """Why it cannot run here, or nothing."""
        absent = [package for package in self.packages if not installed(package)]
        return "not installed: " + " ".join(absent) if absent else ""

    def version(self):
        return " ".join(f"{package} {installed(package)}" for package in self.packages[:1])

    def prepare(self):
        """Keys: once per run."""

    def begin(self, pair, side):
        raise NotImplementedError

    def connect(self, pair):
        """For those that need more than two started daemons."""

    def start(self, pair):
        os.makedirs(self.folder, exist_ok=True)
        for side in "ba":
            self.begin(pair, side)
        self.connect(pair)

    def daemon(self, pair, side, command, **more):
        log = os.path.join(self.folder, side + ".log")
        self.daemons[side] = self.host.spawn(command, pair.ns[side], log, **more)

    def wait(self, side, seconds, truth, what):
        """As wait_for(), but a daemon that ended says why."""
        def settled():
            if self.daemons[side].poll() is not None:
                raise Trouble(f"{self.name}: the daemon of {side} ended: {self.last_words()}")
            return truth()
        wait_for(seconds, settled, what)

    def roots(self):
        return [process.pid for process in self.daemons.values()]

    def stop(self):
        for process in self.daemons.values():
            self.host.end(process)
        self.daemons = {}

    def write(self, name, text, mode=0o600):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w") as file:
            file.write(text)
        return path

    def last_words(self):
        """Ends of the daemons' logs, for a message."""
        text = []
        for side in "ab":
            path = os.path.join(self.folder, side + ".log")
            if os.path.exists(path):
                with open(path, errors="replace") as file:
                    text.append(f"{side}: " + " / ".join(file.read().strip().splitlines()[-4:]))
        return "; ".join(text)


class Wire(Peer):
    kind = "wire"
    tests = ("ping", "tcp", "udp64")

    def version(self):
        return "the veth pair itself; it hands over super-packets without checksums"

    def begin(self, pair, side):
        pair.address(side, pair.DEVICE)


class Loop(Peer):
    kind = "loop"

    def __init__(self, host, binary, mode, cipher):
        super().__init__(host, f"loop-{mode}-{cipher}")
        self.command = [binary, mode, cipher, "t0"]

    def missing(self):
        return "" if os.access(self.command[0], os.X_OK) else f"not built: {self.command[0]}"

    def version(self):
        return "tests/bench/loop.c"

    def begin(self, pair, side):
        self.daemon(pair, side, self.command + [OUTER[side], OUTER[OTHER[side]]])
        self.wait(side, 5, lambda: pair.has(side, "t0"), "TUN of the loop")
        pair.address(side, "t0", 1420)


class WireGuard(Peer):
    packages = ("wireguard-go", "wireguard-tools")

    def __init__(self, host, name="wireguard-go", binary="wireguard-go", version="", number=0):
        super().__init__(host, name)
        self.device = f"dv{os.getpid()}n{number}"  # its socket stands in a folder that all namespaces share
        self.binary, self.known = shutil.which(binary) or binary, version
        if os.path.exists(self.binary):
            with open(self.binary, "rb") as file:
                self.offload = b"offload_linux.go" in file.read()  # Go keeps the names of its sources

    def missing(self):
        if not installed("wireguard-tools"):
            return "not installed: wireguard-tools"
        return "" if os.access(self.binary, os.X_OK) else f"not there: {self.binary}"

    def version(self):
        own = run([self.binary, "--version"], check=False).split("\n", 1)[0]
        text = self.known or (super().version() if self.binary == "/usr/bin/wireguard-go" else own)
        return text + (", with offload" if self.offload else ", without offload")

    def prepare(self):
        self.keys = {}
        for side in "ab":
            private = run(["wg", "genkey"]).strip()
            self.keys[side] = private, run(["wg", "pubkey"], input=private).strip()

    def begin(self, pair, side):
        device, other = self.device + side, OTHER[side]
        path = self.write(side + ".conf", f"[Interface]\nPrivateKey = {self.keys[side][0]}\nListenPort = 51820\n"
                          f"[Peer]\nPublicKey = {self.keys[other][1]}\nAllowedIPs = {INNER[other]}/32\n"
                          f"Endpoint = {OUTER[other]}:51820\n")
        self.daemon(pair, side, [self.binary, "-f", device],
                    env={"WG_PROCESS_FOREGROUND": "1", "LOG_LEVEL": "error"})
        self.wait(side, 6, lambda: os.path.exists(f"/var/run/wireguard/{device}.sock"), "control socket")
        pair.on(side, "wg", "setconf", device, path)
        pair.address(side, device, 1420)


class OpenVpn(Peer):
    packages = ("openvpn", "openssl")

    def __init__(self, host, cipher):
        super().__init__(host, "openvpn-" + cipher.lower())
        self.cipher = cipher

    def prepare(self):
        os.makedirs(self.folder, exist_ok=True)
        self.print = {}
        for side in "ab":
            path = os.path.join(self.folder, side)
            run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                 "-keyout", path + ".key", "-out", path + ".crt", "-days", "30", "-subj", "/CN=" + side])
            shown = run(["openssl", "x509", "-in", path + ".crt", "-noout", "-fingerprint", "-sha256"])
            self.print[side] = shown.strip().split("=")[1]

    def begin(self, pair, side):
        other = OTHER[side]
        role = "tls-client" if side == "a" else "tls-server"
        path = self.write(side + ".conf", "\n".join([
            "dev t0", "dev-type tun", "proto udp4", f"local {OUTER[side]}", f"remote {OUTER[other]} 1194", "port 1194",
            role, "dh none", f"cert {self.folder}/{side}.crt", f"key {self.folder}/{side}.key",
            f"<peer-fingerprint>\n{self.print[other]}\n</peer-fingerprint>", f"data-ciphers {self.cipher}",
            f"ifconfig {INNER[side]} {INNER[other]}", "disable-dco", "ping 60", "verb 1", ""]))
        self.daemon(pair, side, ["openvpn", "--config", path])


class Fastd(Peer):
    packages = ("fastd",)

    def __init__(self, host, method):
        super().__init__(host, "fastd-" + method.replace("+", "-"))
        self.method = method

    def prepare(self):
        self.keys = {}
        for side in "ab":
            text = run(["fastd", "--generate-key"])
            self.keys[side] = [re.search(word + r": ([0-9a-f]{64})", text).group(1) for word in ("Secret", "Public")]

    def begin(self, pair, side):
        other = OTHER[side]
        remote = f"remote {OUTER[other]}:10000;" if side == "a" else ""
        path = self.write(side + ".conf", f'mode tun;\ninterface "t0";\nbind {OUTER[side]}:10000;\n'
                          f'method "{self.method}";\nsecret "{self.keys[side][0]}";\nmtu 1406;\nlog level warn;\n'
                          f'peer "other" {{ key "{self.keys[other][1]}"; {remote} }}\n')
        self.daemon(pair, side, ["fastd", "-c", path])
        self.wait(side, 5, lambda: pair.has(side, "t0"), "TUN of fastd")
        pair.address(side, "t0")


class Tinc(Peer):
    packages = ("tinc",)

    def prepare(self):
        for side in "ab":
            self.write(f"{side}/hosts/{side}", f"Address = {OUTER[side]}\nSubnet = {INNER[side]}/32\n")
            self.write(f"{side}/tinc.conf", f"Name = {side}\nInterface = t0\nAddressFamily = ipv4\n"
                       + ("ConnectTo = b\n" if side == "a" else ""))
            self.write(f"{side}/tinc-up", f"#!/bin/sh\nip addr add {INNER[side]}/24 dev t0\nip link set t0 up\n", 0o700)
            run(["tincd", "-c", f"{self.folder}/{side}", "-K2048"], timeout=120)
        for side in "ab":
            shutil.copy(f"{self.folder}/{side}/hosts/{side}", f"{self.folder}/{OTHER[side]}/hosts/{side}")

    def begin(self, pair, side):
        self.daemon(pair, side, ["tincd", "-c", f"{self.folder}/{side}", "-D",
                                 f"--pidfile={self.folder}/{side}.pid", f"--logfile={self.folder}/{side}.log"])
        self.wait(side, 5, lambda: pair.has(side, "t0", INNER[side]), "TUN of tinc")


class Nebula(Peer):
    packages = ("nebula",)

    def prepare(self):
        os.makedirs(self.folder, exist_ok=True)
        path = self.folder + "/"
        run(["nebula-cert", "ca", "-name", "bench", "-out-crt", path + "ca.crt", "-out-key", path + "ca.key"])
        for side in "ab":
            run(["nebula-cert", "sign", "-name", side, "-ip", INNER[side] + "/24", "-ca-crt", path + "ca.crt", "-ca-key",
                 path + "ca.key", "-out-crt", f"{path}{side}.crt", "-out-key", f"{path}{side}.key"])

    def begin(self, pair, side):
        other, path = OTHER[side], self.folder
        text = f"""
pki: {{ca: {path}/ca.crt, cert: {path}/{side}.crt, key: {path}/{side}.key}}
static_host_map: {{"{INNER[other]}": ["{OUTER[other]}:4242"]}}
lighthouse: {{am_lighthouse: false, interval: 60, hosts: []}}
listen: {{host: {OUTER[side]}, port: 4242, batch: 64}}
cipher: aes
tun: {{dev: t0, mtu: 1300, tx_queue: 500}}
logging: {{level: error, format: text}}
firewall:
  outbound: [{{port: any, proto: any, host: any}}]
  inbound: [{{port: any, proto: any, host: any}}]
"""
        self.daemon(pair, side, ["nebula", "-config", self.write(side + ".yml", text)])
        self.wait(side, 5, lambda: pair.has(side, "t0", INNER[side]), "TUN of nebula")


class StrongSwan(Peer):
    packages = ("charon-systemd", "strongswan-swanctl", "libcharon-extra-plugins", "libstrongswan-extra-plugins",
                "libstrongswan-standard-plugins")
    CHARON = "/usr/sbin/charon-systemd"

    def __init__(self, host, proposal):
        super().__init__(host, "strongswan-" + proposal)
        self.proposal = proposal

    def prepare(self):
        self.secret = os.urandom(24).hex()

    def begin(self, pair, side):
        other, path = OTHER[side], f"{self.folder}/{side}"
        off = "".join(f"\n    {plugin} {{ load = no }}" for plugin in ("eap-dynamic", "dhcp", "farp", "resolve"))
        settings = self.write(side + ".strongswan", f"""
charon-systemd {{
  load_modular = yes
  plugins {{
    include /etc/strongswan.d/charon/*.conf
    kernel-libipsec {{ load = yes }}
    vici {{ socket = unix://{path}.vici }}{off}
  }}
  journal {{ default = -1 }}
  filelog {{ bench {{ path = {path}.log
    default = 0 }} }}
}}
swanctl {{ load = random openssl }}
""")
        self.write(side + ".swanctl", f"""
connections {{ bench {{ version = 2
  local_addrs = {OUTER[side]}
  remote_addrs = {OUTER[other]}
  proposals = aes128-sha256-x25519
  local {{ auth = psk
    id = {side}@bench }}
  remote {{ auth = psk
    id = {other}@bench }}
  children {{ net {{ local_ts = {INNER[side]}/32
    remote_ts = {INNER[other]}/32
    esp_proposals = {self.proposal} }} }} }} }}
secrets {{ ike-bench {{ secret = "{self.secret}" }} }}
""")
        pair.ip(side, "addr", "add", INNER[side] + "/32", "dev", "lo")
        self.environment = {"STRONGSWAN_CONF": settings}
        self.daemon(pair, side, [self.CHARON], env=self.environment)
        self.wait(side, 8, lambda: os.path.exists(path + ".vici"), "control socket of charon")
        self.control(side, "--load-all", "--file", path + ".swanctl")

    def control(self, side, verb, *more):
        run(["swanctl", verb, "--uri", f"unix://{self.folder}/{side}.vici", *more],
            env={**os.environ, "STRONGSWAN_CONF": f"{self.folder}/{side}.strongswan"})

    def connect(self, _pair):
        self.control("a", "--initiate", "--child", "net", "--timeout", "10")

    def stop(self):
        super().stop()
        for side in "ab":
            if os.path.exists(f"{self.folder}/{side}.vici"):
                os.unlink(f"{self.folder}/{side}.vici")
