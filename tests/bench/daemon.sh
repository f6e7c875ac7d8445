#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The whole daemon between two namespaces: TCP goodput, small packets, round trip, CPU and memory; the wire without a
# tunnel beside it. Prints key=value lines, judges nothing. As root, on a release build, in less than a minute:
#
#   DIETVPN_BINARY_DIR=build/release tests/bench/daemon.sh [CIPHER]
#
# cpu_* is user and system time of both daemons together. The kernel's work for the veth pair and the TCP stack runs
# partly within their system calls and is in it; what it does in interrupts is nobody's and is not.
DIETVPN_BINARY_DIR=${DIETVPN_BINARY_DIR:-$(dirname "$0")/../../build/release}
. "$(dirname "$0")/../netns/lib.sh"
CIPHER=${1:-chacha20-poly1305}
TICKS=$(getconf CLK_TCK)
TCP_S=5 UDP_S=3 STEADY=20000
PAYLOAD=16 # 40 + 8 + 16 = 64 octets
for tool in iperf3 ping; do command -v $tool >/dev/null || { echo "skipped: no $tool"; exit 77; }; done

# clock ticks that the named daemons have used together
cpu() { local side; for side in "$@"; do cat "/proc/$(daemon_pid "$side")/stat"; done | awk '{s += $14 + $15} END {print s + 0}'; }
# kB of one daemon that no other process shares, and all that is resident
memory() { awk '/^Private_/ {p += $2} /^Rss/ {r = $2} END {print p, r}' "/proc/$(daemon_pid "$1")/smaps_rollup"; }
watch_memory() { while memory a && memory b; do sleep 0.2; done >"$W/memory" 2>/dev/null; }
median() { sort -n | awk '{v[NR] = $1} END {print NR ? v[int((NR + 1) / 2)] : "none"}'; }
# prints what the receiver had: megabits per second, octets, packets lost, packets sent
iperf() {
	iperf_server
	on a iperf3 "$@" -f m --forceflush >"$W/iperf.out" 2>&1 || { bad "iperf3 $*: $(tail -n 1 "$W/iperf.out")"; return 1; }
	awk '/receiver/ {
		for (i = 1; i <= NF; i++) {
			if ($i == "Mbits/sec") rate = $(i - 1)
			if ($i == "sec") { split($(i - 1), from_to, "-"); seconds = from_to[2] - from_to[1] }
			if ($i ~ /^[0-9]+\/[0-9]+$/) split($i, lost, "/")
		}
		printf "%s %.0f %d %d\n", rate, rate * seconds * 125000, lost[1], lost[2]
	}' "$W/iperf.out"
}
ping_p50() { on a ping -n -q -c 5 -i 0.002 "$1" >/dev/null; on a ping -n -c 300 -i 0.005 "$1" | sed -n 's/.*time=\([0-9.]*\) ms/\1/p' | awk '{print $1 * 1000}' | median; }

# ticks OCTETS_OR_PACKETS SCALE: seconds of CPU per SCALE of them
per() { awk -v t="$1" -v hz="$TICKS" -v n="$2" -v scale="$3" 'BEGIN {printf "%.2f", (n > 0 ? t / hz / n * scale : 0)}'; }

# measure NAME ADDRESS [SIDE...]: the sides whose daemons take part
measure() {
	local name=$1 to=$2 before ticks mbit octets lost sent
	shift 2
	before=$(cpu "$@")
	read -r mbit octets lost sent <<<"$(iperf -c "$to" -t $TCP_S)"
	ticks=$(($(cpu "$@") - before))
	printf 'bench=daemon path=%s tcp_mbit_s=%s' "$name" "$mbit"
	[ $# = 0 ] || printf ' cpu_s_per_gb=%s' "$(per $ticks "$octets" 1e9)"
	# As many as the sender's process can make: what arrives is the capacity when all want the same processors.
	read -r mbit octets lost sent <<<"$(iperf -c "$to" -u -b 0 -l $PAYLOAD -t $UDP_S)"
	printf ' udp64_flood_packets_s=%d' $(((sent - lost) / UDP_S))
	# And at a steady rate: what a packet costs.
	before=$(cpu "$@")
	read -r mbit octets lost sent <<<"$(iperf -c "$to" -u -b $((STEADY * PAYLOAD * 8)) -l $PAYLOAD -t $UDP_S)"
	ticks=$(($(cpu "$@") - before))
	printf ' udp64_steady_packets_s=%d udp64_lost=%d' $(((sent - lost) / UDP_S)) "$lost"
	[ $# = 0 ] || printf ' udp64_cpu_us=%s' "$(per $ticks $((sent - lost)) 1e6)"
	printf ' ping_p50_us=%s\n' "$(ping_p50 "$to")"
}
through() {
	local idle watcher
	COMPRESS=$1
	tunnel || finish
	wait_for 5 on a ping -c 1 -W 1 "$(other_inner a)"
	sleep 1
	idle=$(memory a)
	watch_memory &
	watcher=$!
	measure "$1" "$(other_inner a)" a b
	kill $watcher && wait $watcher 2>/dev/null
	awk -v name="$1" -v idle="$idle" '{if ($1 > p) p = $1; if ($2 > r) r = $2}
		END {split(idle, i, " "); printf "bench=daemon path=%s idle_private_kb=%s idle_rss_kb=%s peak_private_kb=%s peak_rss_kb=%s\n",
			name, i[1], i[2], p, r}' "$W/memory"
	tunnel_down
}

net_pair
echo "bench=daemon cipher=$CIPHER encap=$ENCAP inner=IPv$INNER outer=IPv$OUTER cpus=$(nproc) load=$(cut -d' ' -f1 /proc/loadavg)"
measure none 2001:db8::2
through off
through link
[ "$fails" = 0 ]
