# SPDX-License-Identifier: Apache-2.0
"""dietvpn with manual keys, in its variants."""
import base64
import os
import pwd
import shutil
import subprocess

from .host import INNER, OTHER, OUTER, Trouble, run
from .peers import Peer

USER = os.environ.get("USERNAME_FOR_DAEMON", "nobody")
SPI = {"a": "0x11121314", "b": "0x21222324"}
KEY_OCTETS = {"chacha20-poly1305": 36, "chacha20-poly1305-iiv": 36, "aes-gcm-16": 20, "aes256-gcm-16": 36}

# name, cipher, Compress, Encap, further lines of [Interface]
VARIANTS = (
    ("chacha20-off", "chacha20-poly1305", "off", "udp", ""),
    ("chacha20-link", "chacha20-poly1305", "link", "udp", ""),
    ("aes-gcm-off", "aes-gcm-16", "off", "udp", ""),
    ("aes-gcm-link", "aes-gcm-16", "link", "udp", ""),
    ("chacha20-iot", "chacha20-poly1305-iiv", "iot", "udp", ""),
    ("chacha20-link-raw", "chacha20-poly1305", "link", "raw", ""),
    ("chacha20-link-nooffload", "chacha20-poly1305", "link", "udp", "Offload = off"),
)


class DietVpn(Peer):
    kind = "dietvpn"

    def __init__(self, host, build, variant):
        name, self.cipher, self.compress, self.encap, self.interface = variant
        super().__init__(host, "dietvpn-" + name)
        self.build = build
        if self.compress == "iot":
            self.tests = tuple(test for test in self.tests if test != "tcp")
            self.folder = os.path.join(host.memory_folder(), self.name)
            self.note = ("manual keys with 8 bits of sequence number are used in blocks of 96, each a commit of the "
                         "state: no TCP, and the state here is on tmpfs")

    def missing(self):
        for path in ("bin/dietvpn", "bin/dietvpnd", "keying/manual.so"):
            if not os.path.exists(f"{self.build}/{path}"):
                return f"not built: {self.build}/{path}"
        return ""

    def version(self):
        return run([f"{self.build}/bin/dietvpn", "-V"], check=False).strip()

    def accepted(self):
        """Whether this build knows all keys of the variant."""
        self.files()
        checked = subprocess.run([f"{self.build}/bin/dietvpn", "--plugin-dir", f"{self.build}/keying", "check",
                                  f"{self.folder}/a/etc/home.conf"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return checked.returncode == 0

    def files(self):
        """Fresh keys, empty state, configurations; all of it the daemon's user's."""
        shutil.rmtree(self.folder, ignore_errors=True)
        keys = {side: base64.b64encode(os.urandom(KEY_OCTETS[self.cipher])).decode() for side in "ab"}
        for side in "ab":
            other = OTHER[side]
            for name in ("state", "run"):
                os.makedirs(f"{self.folder}/{side}/{name}")
            self.write(f"{side}/etc/keys/out.key", keys[side])
            self.write(f"{side}/etc/keys/in.key", keys[other])
            self.write(f"{side}/etc/home.conf", f"""[Interface]
Name     = diet0
Address  = {INNER[side]}/24
{self.interface}
[Peer "{other}"]
Keying   = manual
Endpoint = {OUTER[other]}
Address  = {INNER[other]}
Allow    = any
Encap    = {self.encap}
Cipher   = {self.cipher}
Compress = {self.compress}
OutSpi   = {SPI[side]}
OutKey   = keys/out.key
InSpi    = {SPI[other]}
InKey    = keys/in.key
""")
        os.chmod(self.folder, 0o755)
        owner = pwd.getpwnam(USER)
        for folder, _, names in os.walk(self.folder):
            for path in [folder] + [os.path.join(folder, name) for name in names]:
                os.chown(path, owner.pw_uid, owner.pw_gid)

    def start(self, pair):
        self.files()
        super().start(pair)

    def begin(self, pair, side):
        path = f"{self.folder}/{side}"
        self.daemon(pair, side, [f"{self.build}/bin/dietvpnd", "-f", "-c", path + "/etc", "--state-dir", path + "/state",
                                 "--run-dir", path + "/run", "--plugin-dir", self.build + "/keying", "--user", USER])
        self.wait(side, 10, lambda: self.answers(pair, side), "answer of dietvpnd")

    def control(self, side, *verb):
        return [f"{self.build}/bin/dietvpn", "--socket", f"{self.folder}/{side}/run/control.sock", *verb]

    def answers(self, pair, side):
        try:
            pair.on(side, *self.control(side, "sa"))
        except Trouble:
            return False
        return True

    def connect(self, pair):
        for side in "ab":
            pair.on(side, *self.control(side, "sa", "fresh-key", OTHER[side]))
