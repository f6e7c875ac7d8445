#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# No key octet is left in the daemon's memory once its SA is gone, nor in logs, answers and the state store at any time:
# the first 16 octets of both keys and of their text, looked for in all writable memory of the process.
. "$(dirname "$0")/lib.sh"
command -v python3 >/dev/null || { echo "skipped: python3 reads the process's memory"; exit 77; }
net_pair

cat >"$W/scan.py" <<'PY'
import base64, re, sys
names = {}
for path in sys.argv[2:]:
    text = open(path, "rb").read().strip()
    key = base64.b64decode(text)
    names[key[:16]] = names[key[16:32]] = names[text[:20]] = names[key[:16].hex().encode()] = path
hits = 0
with open("/proc/%s/mem" % sys.argv[1], "rb", 0) as mem:
    for line in open("/proc/%s/maps" % sys.argv[1]):
        m = re.match(r"([0-9a-f]+)-([0-9a-f]+) rw", line)
        # A sanitizer's shadow is terabytes of nothing.
        if not m or int(m[2], 16) - int(m[1], 16) > 1 << 28:
            continue
        mem.seek(int(m[1], 16))
        try:
            data = mem.read(int(m[2], 16) - int(m[1], 16))
        except OSError:
            continue
        for octets, path in names.items():
            if len(octets) >= 12 and octets in data:
                hits += 1
                print(path, "at", hex(int(m[1], 16) + data.find(octets)), line.split()[-1], file=sys.stderr)
print(hits)
PY
scan() { python3 "$W/scan.py" "$(daemon_pid a)" "$W/a-to-b.key" "$W/b-to-a.key"; }

for CIPHER in chacha20-poly1305-iiv aes-gcm-16 aes-ccm-8-iiv; do
	echo "== $CIPHER"
	COMPRESS=safe
	tunnel || finish
	check "ping" wait_for 5 on a ping -c 3 -i 0.1 -W 1 "$(other_inner a)"
	if [ "$(scan 2>/dev/null)" -ge 2 ]; then ok "both keys are found while they are in use"; else bad "the scan finds no key in use"; fi
	for verb in status show sa drops policy; do dietvpn a $verb; dietvpn a --json $verb; done >"$W/answers" 2>&1
	check "reload" dietvpn a reload
	check "down" dietvpn a down home
	sleep 0.2
	same "keys in memory after it" 0 "$(scan 2>"$W/where")"
	cat "$W/where"
	found=0
	for key in a-to-b b-to-a; do
		text=$(head -c 20 "$W/$key.key") hex=$(base64 -d "$W/$key.key" | od -An -v -tx1 | tr -d ' \n' | head -c 24)
		found=$((found + $(cat "$W/answers" "$W"/?.log | grep -ciF -e "$text" -e "$hex")))
		raw=$(base64 -d "$W/$key.key" | head -c 12 | od -An -v -tx1 | tr -d ' \n')
		found=$((found + $(cat "$W"/?/state/* 2>/dev/null | od -An -v -tx1 | tr -d ' \n' | grep -cF "$raw")))
	done
	same "keys in logs, answers and the store" 0 $found
	tunnel_down
done
finish
