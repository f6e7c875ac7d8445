# SPDX-License-Identifier: Apache-2.0
# What every namespace test shares: two hosts and their daemons, configurations, captures, verdicts.
#
#   host a  --- veth 192.0.2.1 / 2001:db8::1 ----- 192.0.2.2 / 2001:db8::2 --- host b
#   diet0 10.9.0.1, fd00:d1e7::1                        diet0 10.9.0.2, fd00:d1e7::2
#
# Sourced with DIETVPN_BINARY_DIR set to a build folder. The scripts need root and say so.
set -u
B=${DIETVPN_BINARY_DIR:?"DIETVPN_BINARY_DIR is not set: ctest sets it"}
TOOLS=$B/tests/tools
[ "$(id -u)" = 0 ] || { echo "skipped: network namespaces need root"; exit 77; }
[ -c /dev/net/tun ] || { echo "skipped: no /dev/net/tun on this machine"; exit 77; }

P=dv-$$
W=$(mktemp -d)
chmod 755 "$W"
mkdir -m 1777 "$W/reports" # the sanitizers', written by a daemon that is not root any more
fails=0
USERNAME_FOR_DAEMON=${USERNAME_FOR_DAEMON:-nobody}

cleanup() {
	for pid in $(cat "$W"/*.pid 2>/dev/null); do kill -9 "$pid" 2>/dev/null; wait "$pid" 2>/dev/null; done
	for ns in $(ip netns list | awk -v p="$P-" 'index($1, p) == 1 {print $1}'); do
		ip netns pids "$ns" 2>/dev/null | xargs -r kill -9 2>/dev/null
		ip netns del "$ns" 2>/dev/null
	done
	if [ -n "${KEEP:-}" ]; then echo "kept: $W"; else rm -rf "$W"; fi
}
trap cleanup EXIT
trap 'exit 130' INT TERM

ok() { echo "ok   $*"; }
bad() { echo "FAIL $*"; fails=$((fails + 1)); }
# check TEXT COMMAND...: the command succeeds
check() { local text=$1; shift; if "$@" >"$W/out" 2>&1; then ok "$text"; else bad "$text"; sed 's/^/     | /' "$W/out" | tail -n 12; fi; }
# refuse TEXT COMMAND...: the command fails
refuse() { local text=$1; shift; if "$@" >"$W/out" 2>&1; then bad "$text"; sed 's/^/     | /' "$W/out" | tail -n 12; else ok "$text"; fi; }
# same TEXT EXPECTED ACTUAL
same() { if [ "$2" = "$3" ]; then ok "$1: $3"; else bad "$1: expected $2, got $3"; fi; }
# has TEXT PATTERN FILE: a line of the file matches
has() { if grep -qE -- "$2" "$3"; then ok "$1"; else bad "$1: no line matches $2"; tail -n 12 "$3" | sed 's/^/     | /'; fi; }
finish() {
	for side in a b; do [ -f "$W/$side.pid" ] && daemon_stop $side; done
	logs_clean
	if [ "$fails" = 0 ]; then echo "passed"; exit 0; fi
	echo "$fails checks failed"
	for side in a b; do [ -f "$W/$side.log" ] && { echo "--- log of $side"; tail -n 30 "$W/$side.log"; }; done
	exit 1
}

on() { local side=$1; shift; ip netns exec "$P-$side" "$@"; }
# waits up to SECONDS for a command to succeed
wait_for() {
	local until=$(($(date +%s%N) / 1000000 + $1 * 1000))
	shift
	while :; do
		"$@" >/dev/null 2>&1 && return 0
		[ "$(($(date +%s%N) / 1000000))" -lt "$until" ] || return 1
		sleep 0.05
	done
}

namespace() {
	ip netns add "$P-$1"
	ip -n "$P-$1" link set lo up
	on "$1" sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0
}

# Two hosts on one wire.
net_pair() {
	namespace a
	namespace b
	ip -n "$P-a" link add out0 type veth peer name out0 netns "$P-b"
	ip -n "$P-a" addr add 192.0.2.1/24 dev out0
	ip -n "$P-a" addr add 2001:db8::1/64 dev out0 nodad
	ip -n "$P-b" addr add 192.0.2.2/24 dev out0
	ip -n "$P-b" addr add 2001:db8::2/64 dev out0 nodad
	ip -n "$P-a" link set out0 up
	ip -n "$P-b" link set out0 up
}

# One end's keys: base64 of key and salt, readable by the daemon's user only.
keys() {
	local octets=$1
	for side in a b; do mkdir -p "$W/$side/etc/keys" "$W/$side/state" "$W/$side/run"; done
	for pair in a-to-b b-to-a; do
		head -c "$octets" /dev/urandom | base64 -w0 >"$W/$pair.key"
		for side in a b; do install -m 0600 "$W/$pair.key" "$W/$side/etc/keys/$pair.key"; done
	done
	own
}
own() { chown -R "$USERNAME_FOR_DAEMON" "$W/a" "$W/b"; }

# keymat octets of a cipher's name
key_octets() {
	case $1 in
	chacha20-*) echo 36 ;;
	aes256-ccm-*) echo 35 ;;
	aes256-gcm-*) echo 36 ;;
	aes-ccm-*) echo 19 ;;
	aes-gcm-*) echo 20 ;;
	esac
}

# conf SIDE: one [Peer], from the variables below; EXTRA goes into [Peer], IFACE into [Interface]. ALLOW_B is for b where
# the two ends' ports differ: what is remote for one is local for the other. OFFLOAD=off runs any script packet by packet.
INNER=6 OUTER=4 ENCAP=udp COMPRESS=iot CIPHER=chacha20-poly1305-iiv ALLOW=any ALLOW_B= EXTRA= IFACE=
OFFLOAD=${OFFLOAD:-auto}
conf() {
	local me=$1 other mine theirs out allow=$ALLOW
	if [ "$me" = a ]; then other=b mine=1 theirs=2; else other=a mine=2 theirs=1 allow=${ALLOW_B:-$ALLOW}; fi
	if [ "$OUTER" = 4 ]; then out=192.0.2.$theirs; else out="[2001:db8::$theirs]"; fi
	if [ "$INNER" = 4 ]; then
		in_mine=10.9.0.$mine/24 in_theirs=10.9.0.$theirs
	else
		in_mine=fd00:d1e7::$mine/64 in_theirs=fd00:d1e7::$theirs
	fi
	cat >"$W/$me/etc/home.conf" <<-CONF
		[Interface]
		Name     = diet0
		Address  = $in_mine
		Offload  = $OFFLOAD
		$IFACE
		[Peer "$other"]
		Keying   = manual
		Endpoint = $out
		Address  = $in_theirs
		Allow    = $allow
		Encap    = $ENCAP
		Cipher   = $CIPHER
		Compress = $COMPRESS
		OutSpi   = 0x${mine}1${mine}2${mine}3${mine}4
		OutKey   = keys/$me-to-$other.key
		InSpi    = 0x${theirs}1${theirs}2${theirs}3${theirs}4
		InKey    = keys/$other-to-$me.key
		$EXTRA
	CONF
}
other_inner() {
	local n
	if [ "$1" = a ]; then n=2; else n=1; fi
	if [ "$INNER" = 4 ]; then echo "10.9.0.$n"; else echo "fd00:d1e7::$n"; fi
}

dietvpn() { local side=$1; shift; on "$side" "$B/bin/dietvpn" --socket "$W/$side/run/control.sock" "$@"; }

# Starts the daemon and waits until its control socket answers; NOWAIT=1 does not wait, NOFILE= bounds its descriptors.
daemon() {
	local side=$1
	(
		ulimit -n "${NOFILE:-$(ulimit -n)}"
		export DIETVPN_SEAL_LOG=$W/seal.log
		export ASAN_OPTIONS=log_path=$W/reports/asan-$side:detect_leaks=1 UBSAN_OPTIONS=log_path=$W/reports/ubsan-$side
		exec ip netns exec "$P-$side" "$B/bin/dietvpnd" -f -c "$W/$side/etc" --state-dir "$W/$side/state" \
			--run-dir "$W/$side/run" --plugin-dir "$B/keying" --user "$USERNAME_FOR_DAEMON" ${DAEMON_ARGS:-}
	) >>"$W/$side.log" 2>&1 &
	echo $! >"$W/$side.pid"
	[ -n "${NOWAIT:-}" ] || wait_for 10 dietvpn "$side" sa
}
daemon_pid() { cat "$W/$1.pid"; }
daemon_end() { # SIGNAL SIDE
	local pid
	pid=$(daemon_pid "$2") || return 0
	kill "-$1" "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
	rm -f "$W/$2.pid"
}
daemon_stop() { daemon_end TERM "$1"; }
daemon_kill() { daemon_end KILL "$1"; }

# keys, configurations, daemons, first use of the keys declared: the tunnel stands.
tunnel() {
	: >>"$W/seal.log"; chmod 666 "$W/seal.log"
	keys "$(key_octets "$CIPHER")"
	conf a; conf b; own
	daemon a || { bad "daemon a does not start"; return 1; }
	daemon b || { bad "daemon b does not start"; return 1; }
	dietvpn a sa fresh-key b >"$W/fresh" 2>&1 || { bad "fresh-key on a: $(cat "$W/fresh")"; return 1; }
	dietvpn b sa fresh-key a >"$W/fresh" 2>&1 || { bad "fresh-key on b: $(cat "$W/fresh")"; return 1; }
}
tunnel_down() { for s in a b; do [ -f "$W/$s.pid" ] && daemon_stop $s; done; rm -rf "$W/a" "$W/b"; for s in a b; do ip -n "$P-$s" link del diet0 2>/dev/null; ip -n "$P-$s" route flush proto 215 2>/dev/null; ip -n "$P-$s" -6 route flush proto 215 2>/dev/null; done; }

# net_nat [INSIDE [ADDRESS]]: INSIDE (a) 10.77.0.2 --- 10.77.0.1 [n: masquerades] 192.0.2.254 --- ADDRESS (192.0.2.2); then nat PORTS
net_nat() {
	local in=${1:-a} out=b end
	[ "$in" = a ] || out=a
	for end in a n b; do namespace $end; done
	ip -n "$P-$in" link add out0 type veth peer name in0 netns "$P-n"
	ip -n "$P-$out" link add out0 type veth peer name out0 netns "$P-n"
	ip -n "$P-$in" addr add 10.77.0.2/24 dev out0
	ip -n "$P-n" addr add 10.77.0.1/24 dev in0
	ip -n "$P-n" addr add 192.0.2.254/24 dev out0
	ip -n "$P-$out" addr add "${2:-192.0.2.2}/24" dev out0
	for end in "$in:out0" n:in0 n:out0 "$out:out0"; do ip -n "$P-${end%:*}" link set "${end#*:}" up; done
	ip -n "$P-$in" route add default via 10.77.0.1
	on n sysctl -qw net.ipv4.ip_forward=1
}
nat() { # PORTS: those by which IKE and ESP in UDP leave from now on
	on n nft flush ruleset
	on n nft -f - <<-NFT || { echo "skipped: this kernel cannot masquerade"; exit 77; }
		table ip nat {
			chain out {
				type nat hook postrouting priority 100
				oifname "out0" udp sport { 500, 4500 } masquerade to :$1
				oifname "out0" masquerade
			}
		}
	NFT
}

# background NAME SIDE COMMAND...: runs on until background_stop NAME. Not through on(): the process itself is to be known.
background() {
	local name=$1 side=$2
	shift 2
	# what an earlier one of this name said must not be taken for this one's
	rm -f "$W/$name.out"
	ip netns exec "$P-$side" "$@" >"$W/$name.out" 2>&1 &
	echo $! >"$W/bg-$name.pid"
}
background_stop() {
	kill -TERM "$(cat "$W/bg-$1.pid")" 2>/dev/null
	wait "$(cat "$W/bg-$1.pid")" 2>/dev/null
	rm -f "$W/bg-$1.pid"
}
# follow NAME SIDE WORD...: `dietvpn WORD...` in the background; its request has been sent when this returns.
follow() {
	local name=$1 side=$2
	shift 2
	background "$name" "$side" "$B/bin/dietvpn" --socket "$W/$side/run/control.sock" "$@"
	wait_for 10 sh -c "grep -qx dietvpn /proc/$(cat "$W/bg-$name.pid")/comm && ls -l /proc/$(cat "$W/bg-$name.pid")/fd | grep -q socket:"
	sleep 0.3
}
capture() { # capture SIDE IFACE NAME [FILTER [DIRECTION]]
	background "tcpdump-$3" "$1" tcpdump --immediate-mode -B 16384 -Q "${5:-inout}" -i "$2" -U -s 0 -w "$W/$3.pcap" ${4:+"$4"}
	wait_for 5 grep -q listening "$W/tcpdump-$3.out"
}
capture_stop() { sleep 0.3; background_stop "tcpdump-$1"; }
packets() { tcpdump -nr "$W/$1.pcap" ${2:+"$2"} 2>/dev/null | wc -l; }

# One iperf3 server on b for one test, listening when this returns; the one before may still be closing.
iperf_server() {
	# One whose client went away with its tunnel would listen on.
	[ -f "$W/iperf.pid" ] && kill "$(tr -d '\0' <"$W/iperf.pid")" 2>/dev/null
	wait_for 10 sh -c "! ip netns exec $P-b ss -tln | grep -q :5201"
	on b iperf3 -s -1 -D -I "$W/iperf.pid"
	wait_for 5 sh -c "ip netns exec $P-b ss -tln | grep -q :5201"
}

# The MTU of a side's TUN, when it no longer changes: SAs and path say what is added a moment after the start.
settled_mtu() {
	local was='' now
	while :; do
		now=$(ip -n "$P-$1" -o link show diet0 | grep -oE 'mtu [0-9]+' | cut -d' ' -f2)
		[ "$now" = "$was" ] && break
		was=$now
		sleep 1.2
	done
	echo "$now"
}

counter() { dietvpn "$1" drops | awk -v name="$2" '$1 == name {print $2}'; }
# field FILE NAME: a number of the last JSON line that udpseq or espmutate wrote
field() { tail -n 1 "$1" | grep -oE "\"$2\": ?[0-9.]+" | grep -oE '[0-9.]+$'; }
# at_least TEXT MINIMUM ACTUAL
at_least() { if [ "${3:-0}" -ge "$2" ] 2>/dev/null; then ok "$1: $3"; else bad "$1: expected $2 or more, got ${3:-nothing}"; fi; }

# No (key, nonce) pair sealed twice by anyone, in all lives together.
nonces_unique() {
	[ -s "$W/seal.log" ] || { bad "the seal log is empty: not a test build?"; return; }
	check "no (key, nonce) pair used twice in $(wc -l <"$W/seal.log") seals" "$TOOLS/espwatch" --nonce-log "$W/seal.log"
}
# Sanitizers wrote nothing; no key octets in any log.
logs_clean() {
	for report in "$W"/reports/*; do
		[ -s "$report" ] && { bad "sanitizer report"; head -n 40 "$report"; }
	done
	for key in "$W"/*.key; do
		[ -s "$key" ] || continue
		grep -qF -- "$(head -c 20 "$key")" "$W"/*.log && bad "a key stands in a log"
	done
}
