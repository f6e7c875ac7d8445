#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The whole daemon with 1, 1000 and 10,000 peers, an SA pair each, on both ends: time to load, private memory, CPU per packet
# through the pair that was configured last, and with every packet through another pair. Prints key=value lines, judges
# nothing. As root, on a release build; three pairs of daemons live side by side and take turns:
#
#   DIETVPN_BINARY_DIR=build/release tests/bench/scale.sh [ROUNDS] [CIPHER] [N...]        5, chacha20-poly1305, 1 1000 10000
#
# CPU is the scheduler's account of both daemons; the kernel's work within their system calls is in it, also its lookup in
# as many routes as there are peers. Inner packets have 64 octets.
DIETVPN_BINARY_DIR=${DIETVPN_BINARY_DIR:-$(dirname "$0")/../../build/release}
# Keys by the ten thousand are not for the disk.
[ -d /dev/shm ] && export TMPDIR=/dev/shm
. "$(dirname "$0")/../netns/lib.sh"
HERE=$(cd "$(dirname "$0")" && pwd)
ROUNDS=${1:-5} CIPHER=${2:-chacha20-poly1305}
shift $(($# > 2 ? 2 : $#))
SIZES=${*:-1 1000 10000}
SECONDS_EACH=${SECONDS_EACH:-3} PORT=7001 PAYLOAD=16
command -v python3 >/dev/null || { echo "skipped: no python3"; exit 77; }
ulimit -n 4096 2>/dev/null

median() { sort -n | awk '{v[NR] = $1} END {print NR ? v[int((NR + 1) / 2)] : "none"}'; }
now_ms() { echo $(($(date +%s%N) / 1000000)); }
private_kb() { awk '/^Private_/ {p += $2} END {print p}' "/proc/$(daemon_pid "$1")/smaps_rollup"; }
run_ns() { awk '{print $1}' "/proc/$(daemon_pid "$1")/schedstat"; }
json_number() { dietvpn "$1" --json drops | grep -oE "\"$2\": *[0-9]+" | grep -oE '[0-9]+$'; }

# The two ends of size N are the sides aN and bN.
join_pair() {
	local n=$1
	namespace "a$n"
	namespace "b$n"
	ip -n "$P-a$n" link add out0 type veth peer name out0 netns "$P-b$n"
	ip -n "$P-a$n" addr add 192.0.2.1/24 dev out0
	ip -n "$P-b$n" addr add 192.0.2.2/24 dev out0
	ip -n "$P-a$n" link set out0 up
	ip -n "$P-b$n" link set out0 up
	ip -n "$P-a$n" -6 route add local fd00:d1e7:2::/112 dev lo
	ip -n "$P-b$n" -6 route add local fd00:d1e7:1::/112 dev lo
	# For 10,000 routes the kernel's table must not be collected in between.
	on "a$n" sysctl -qw net.ipv6.route.max_size=100000 2>/dev/null
	on "b$n" sysctl -qw net.ipv6.route.max_size=100000 2>/dev/null
}
answers_or_is_gone() { dietvpn "$1" --timeout 30 drops || ! kill -0 "$(daemon_pid "$1")"; }
start() { # SIDE; prints how long it took until the control socket answered
	local from
	from=$(now_ms)
	NOWAIT=1 daemon "$1"
	wait_for 300 answers_or_is_gone "$1"
	kill -0 "$(daemon_pid "$1")" 2>/dev/null || { bad "$1 does not start: $(tail -n 2 "$W/$1.log")" >&2; exit 1; }
	echo $(($(now_ms) - from))
}
prepare() { # N
	local n=$1 side first again before after
	mkdir "$W/n$n"
	python3 "$HERE/peers.py" "$W/n$n" "$n" 192.0.2.1 192.0.2.2 "Cipher=$CIPHER" Compress=link
	mv "$W/n$n/a" "$W/a$n"
	mv "$W/n$n/b" "$W/b$n"
	chown -R "$USERNAME_FOR_DAEMON" "$W/a$n" "$W/b$n"
	join_pair "$n"
	first=$(start "a$n") || exit 1
	start "b$n" >/dev/null || exit 1
	before=$(private_kb "a$n")
	for side in a b; do
		python3 "$HERE/fresh.py" "$W/$side$n/run/control.sock" p 1 "$n" || bad "fresh keys of $side$n"
	done
	after=$(private_kb "a$n")
	daemon_stop "a$n"
	again=$(start "a$n") || exit 1
	echo "$(private_kb "a$n")" >"$W/private.$n"
	echo "$after" >"$W/after.$n"
	echo "bench=scale peers=$n load_ms=$first load_again_ms=$again sas=$(dietvpn "a$n" --timeout 60 --json sa | grep -o '"spi"' | wc -l) private_kb_without_sas=$before private_kb=$after private_kb_again=$(cat "$W/private.$n")"
	local from
	from=$(now_ms)
	dietvpn "a$n" --timeout 60 reload >/dev/null || bad "reload of a$n"
	echo "bench=scale peers=$n reload_ms=$(($(now_ms) - from))"
	background "sink$n" "b$n" "$TOOLS/udpload" sink $PORT
	sleep 0.3
	measure "$n" 1000 last
}
# measure N RATE PATH: ns of both daemons for a packet that arrived
measure() {
	local n=$1 rate=$2 last from how before got ns
	last=$(printf '%x' "$n")
	how="from fd00:d1e7:2::$last"
	[ "$3" = spread ] && how="spread $n from fd00:d1e7:2::1"
	got=$(json_number "b$n" received)
	before=$(($(run_ns "a$n") + $(run_ns "b$n")))
	on "a$n" "$TOOLS/udpload" send "fd00:d1e7:1::$last" $PORT "$rate" "$SECONDS_EACH" $PAYLOAD $PAYLOAD $how >"$W/sent"
	sleep 0.2
	ns=$(($(run_ns "a$n") + $(run_ns "b$n") - before))
	got=$(($(json_number "b$n" received) - got))
	from=$(field "$W/sent" sent)
	[ "$got" -gt 0 ] || { bad "nothing arrived of $from packets ($n peers, $3)"; return; }
	echo $((ns / got)) >>"$W/ns.$3.$rate.$n"
	echo $(((from - got) * 1000 / from)) >>"$W/lost.$3.$rate.$n"
}

echo "bench=scale cipher=$CIPHER rounds=$ROUNDS cpus=$(nproc) load=$(cut -d' ' -f1 /proc/loadavg)"
for n in $SIZES; do prepare "$n"; done
CASES="last:20000 last:100000 spread:20000 spread:100000"
for n in $SIZES; do measure "$n" 20000 spread; done # each pair once: paths and windows are there
rm -f "$W"/ns.* "$W"/lost.*
for round in $(seq "$ROUNDS"); do
	for case in $CASES; do
		for n in $SIZES; do measure "$n" "${case#*:}" "${case%:*}"; done
	done
done
base=${SIZES%% *}
for case in $CASES; do
	for n in $SIZES; do
		ns=$(median <"$W/ns.${case%:*}.${case#*:}.$n")
		first=$(median <"$W/ns.${case%:*}.${case#*:}.$base")
		echo "bench=scale peers=$n pairs=${case%:*} rate=${case#*:} cpu_ns_per_packet=$ns lowest=$(sort -n "$W/ns.${case%:*}.${case#*:}.$n" | head -n 1) highest=$(sort -n "$W/ns.${case%:*}.${case#*:}.$n" | tail -n 1) ratio=$(awk -v a="$ns" -v b="$first" 'BEGIN {printf "%.3f", a / b}') lost_permille=$(median <"$W/lost.${case%:*}.${case#*:}.$n")"
	done
done
for n in $SIZES; do
	[ "$n" = "$base" ] || awk -v n="$n" -v base="$base" 'FNR == 1 {v[FILENAME ~ /private/ ? (FILENAME ~ ("\\." n "$") ? "p" : "pb") : ""] = $1}
		END {printf "bench=scale peers=%d private_octets_per_peer=%d\n", n, (v["p"] - v["pb"]) * 1024 / (n - base)}' "$W/private.$base" "$W/private.$n"
done
for n in $SIZES; do
	background_stop "sink$n"
	for side in a b; do
		dietvpn "$side$n" drops | awk -v s="$side$n" '$1 != "passed" && $2 > 0 && $2 ~ /^[0-9]+$/ {printf "     %s: %s %s\n", s, $1, $2}'
		daemon_stop "$side$n"
	done
done
logs_clean
[ "$fails" = 0 ]
