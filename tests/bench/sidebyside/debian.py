# SPDX-License-Identifier: Apache-2.0
"""Packages from the machine's own Debian mirror, and single programs of a newer Debian beside it."""
import glob
import os
import re
import shutil

from .host import Trouble, run

NEWER = "trixie"


def installed(package):
    """Its version, or nothing."""
    shown = run(["dpkg-query", "-W", "-f=${db:Status-Abbrev}${Version}", package], check=False)
    return shown[3:].strip() if shown.startswith("ii ") else ""


def install(packages):
    """Installs what is missing; the reason why that did not work, or nothing."""
    missing = [package for package in packages if not installed(package)]
    if not missing:
        return ""
    if not shutil.which("apt-get"):
        return "no apt-get here"
    print("installing " + " ".join(missing), flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        run(["apt-get", "update", "-qq"], timeout=300, env=environment)
        run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing], timeout=900, env=environment)
    except Trouble as trouble:
        return str(trouble)
    leave_alone(missing)
    return ""


def leave_alone(packages):
    """A service that came with a package just installed would hold ports of the machine itself."""
    if "charon-systemd" in packages and os.path.isdir("/run/systemd/system"):
        run(["systemctl", "disable", "--now", "strongswan.service"], check=False)


def debian_source():
    """Address and keyring of the mirror that the machine is set up with; Trouble if there is none."""
    one_line = re.compile(r"^deb\s+(?:\[[^]]*\]\s+)?(\S+/debian)/?\s", re.M)
    stanza = re.compile(r"^URIs:\s*(\S+/debian)/?\s*$", re.M)
    for path in ["/etc/apt/sources.list", *sorted(glob.glob("/etc/apt/sources.list.d/*"))]:
        with open(path) if os.path.exists(path) else open(os.devnull) as file:
            found = one_line.search(text := file.read()) or stanza.search(text)
        if found:
            return found.group(1)
    raise Trouble("/etc/apt names no Debian mirror")


def newer(package, program, folder):
    """Unpacks a package of a newer Debian below folder, beside the system; (path of the program, version)."""
    folder = os.path.join(folder, "newer-" + package)
    for part in ("lists/partial", "cache/archives/partial"):
        os.makedirs(os.path.join(folder, part))
    with open(folder + "/sources", "w") as file:
        file.write(f"deb {debian_source()} {NEWER} main\n")
    options = [word for key, value in (
        ("Dir::Etc::SourceList", folder + "/sources"), ("Dir::Etc::SourceParts", "/dev/null"),
        ("Dir::State::Lists", folder + "/lists"), ("Dir::Cache", folder + "/cache"),
        ("Acquire::Languages", "none"), ("APT::Sandbox::User", "root")) for word in ("-o", f"{key}={value}")]
    run(["apt-get", *options, "-qq", "update"], timeout=120)
    run(["apt-get", *options, "-qq", "download", package], timeout=120, cwd=folder)
    archives = glob.glob(f"{folder}/{package}_*.deb")
    if not archives:
        raise Trouble(f"{NEWER} has no {package}")
    run(["dpkg-deb", "-x", archives[0], folder + "/tree"])
    shutil.rmtree(folder + "/lists")
    return folder + "/tree" + program, run(["dpkg-deb", "-f", archives[0], "Version"]).strip()
