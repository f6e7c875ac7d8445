#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A captured tunnel is replayed, mutated and forged at line rate, from the peer's address and from another one: nothing is
# delivered, the endpoint does not move, the tunnel goes on. PER_KIND= raises the number of each of the 14 kinds.
. "$(dirname "$0")/lib.sh"
PER_KIND=${PER_KIND:-5000}
net_pair
ip -n "$P-b" addr add 192.0.2.66/24 dev out0
cpu() { awk '{print $14 + $15}' "/proc/$(daemon_pid a)/stat"; }
refused() { for name in esp-short too-long unknown-spi seq-restore replay-old replay icv padding residue keepalive; do counter a $name; done | awk '{s += $1} END {print s}'; }
scenario() {
	echo "== $COMPRESS, $CIPHER"
	tunnel || return
	capture a out0 wire 'udp port 4500'
	check "ping" on b ping -c 60 -i 0.01 -W 2 -s 40 "$(other_inner b)"
	capture_stop wire
	capture a diet0 inner '' in
	local before after t0 t1
	before=$(dietvpn a --json status | tr ',' '\n' | grep '"endpoint"')
	t0=$(cpu)
	on b "$TOOLS/espmutate" "$W/wire.pcap" 192.0.2.1 -n "$PER_KIND" -r 7 >"$W/m1"
	on b "$TOOLS/espmutate" "$W/wire.pcap" 192.0.2.1 -n "$PER_KIND" -r 8 -s 192.0.2.66:4500 >"$W/m2"
	sleep 0.5
	t1=$(cpu)
	capture_stop inner
	same "packets delivered" 0 "$(packets inner)"
	after=$(dietvpn a --json status | tr ',' '\n' | grep '"endpoint"')
	same "endpoint" "$before" "$after"
	check "the tunnel goes on" on b ping -c 3 -i 0.05 -W 2 "$(other_inner b)"
	local sent
	sent=$(cat "$W/m1" "$W/m2" | grep -oE '"sent": [0-9]+' | awk '{s += $2} END {print s}')
	awk -v t=$((t1 - t0)) -v n="$sent" 'BEGIN {printf "     %d sent, %.2f us of CPU each in this build\n", n, t * 10000 / n}'
	cat "$W/m1" | sed 's/^/     /'
	at_least "refused, each with its reason (the rest the socket's queue did not take)" $((sent / 10)) "$(refused)"
	dietvpn a drops | awk '$2 > 0' | sed 's/^/     /'
	tunnel_down
}
COMPRESS=iot CIPHER=chacha20-poly1305-iiv scenario
COMPRESS=off CIPHER=aes-gcm-16 scenario
nonces_unique
finish
