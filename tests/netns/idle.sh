#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# An idle node does not wake up, and its private memory; figures are printed, only the wake-ups are judged. IDLE_S seconds
# (10) are watched; then as long once more with IDLE_PEERS (20) further peers on both ends whose SAs are installed and whom
# nobody sends anything: keepalives are off unless Role = initiator.
. "$(dirname "$0")/lib.sh"
IDLE_S=${IDLE_S:-10} IDLE_PEERS=${IDLE_PEERS:-20}
switches() { cat /proc/"$(daemon_pid "$1")"/task/*/status | awk '/^voluntary/ {s += $2} END {print s}'; }
watch_idle() { # watch_idle TEXT
	sleep 3
	local a0 b0
	a0=$(switches a) b0=$(switches b)
	sleep "$IDLE_S"
	same "voluntary context switches of a in $IDLE_S s, $1" 0 $(($(switches a) - a0))
	same "voluntary context switches of b in $IDLE_S s, $1" 0 $(($(switches b) - b0))
	awk '/^(Rss|Private_Dirty|Private_Clean)/ {printf "     %s %s kB\n", $1, $2}' "/proc/$(daemon_pid a)/smaps_rollup"
}
# more_peers N: in NAME.d of both ends, with their keys declared fresh
more_peers() {
	python3 "$(dirname "$0")/../bench/peers.py" "$W" "$1" 192.0.2.1 192.0.2.2 split Cipher=chacha20-poly1305-iiv Compress=link
	own
	for side in a b; do
		check "$1 more peers on $side" dietvpn $side reload
		for i in $(seq "$1"); do dietvpn $side sa fresh-key "p$i" >/dev/null || bad "fresh-key p$i on $side"; done
		same "SAs on $side" $((2 * $1 + $2)) "$(dietvpn $side --json sa | grep -o '"spi"' | wc -l)"
	done
}

net_pair
tunnel || finish
check "ping" wait_for 5 on a ping -c 1 -W 1 "$(other_inner a)"
watch_idle "one peer"
grep -E 'Uid|CapEff|NoNewPrivs' "/proc/$(daemon_pid a)/status" | sed 's/^/     /'
same "runs as" "$(id -u nobody)" "$(awk '/^Uid/ {print $2}' "/proc/$(daemon_pid a)/status")"
has "no new privileges" 'NoNewPrivs:.*1' "/proc/$(daemon_pid a)/status"
if [ "$IDLE_PEERS" != 0 ]; then
	command -v python3 >/dev/null || { echo "     no python3: not with more peers"; finish; }
	more_peers "$IDLE_PEERS" "$(dietvpn a --json sa | grep -o '"spi"' | wc -l)"
	watch_idle "$IDLE_PEERS idle peers more"
fi
finish
