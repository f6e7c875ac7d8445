#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Rekeys under traffic: numbered packets both ways through the tunnel while either end makes new child and IKE SAs, also both
# at the same moment, and as many over the wire beside it. A loss beside the tunnel means that the machine stalled: the run
# is void and repeated.
#
#   rekey.sh                           the short test
#   rekey.sh CHILDREN IKES [SECONDS]   so many of both, spread over SECONDS (default: eight a second)
#
# Environment: END=swan makes strongSwan host b, which does all rekeys then; PPS (5000), PRESET (iot: Compress).
. "$(dirname "$0")/lib.sh"
END=${END:-diet} PPS=${PPS:-5000} PRESET=${PRESET:-iot}
CHILDREN=${1:-40} IKES=${2:-4} SECONDS_=${3:-$((($CHILDREN + $IKES + 7) / 8))}
[ $# -gt 0 ] || PPS=1000
[ "$END" = diet ] || swan_needed
[ -e "$B/keying/ikev2.so" ] || skip "the plugin ikev2 is not built"
HANDSHAKES=$(dirname "$0")/handshakes.py

rekey_conf() { # SIDE
	local you=${OTHER[$1]}
	mkdir -p "$W/$1/etc/keys" "$W/$1/state" "$W/$1/run"
	printf 'one secret for both ends' >"$W/$1/etc/keys/psk"
	chmod 600 "$W/$1/etc/keys/psk"
	cat >"$W/$1/etc/home.conf" <<-CONF
		[Interface]
		Name     = diet0
		Id       = ${ID[$1]}
		Address  = ${IN4[$1]}/32
		[Peer "$you"]
		Keying   = ikev2
		PeerId   = ${ID[$you]}
		Endpoint = ${OUT[$you]}
		Address  = ${IN4[$you]}
		Psk      = keys/psk
		Cipher   = chacha20-poly1305
		Compress = $([ "$END" = swan ] && echo off || echo "$PRESET")
	CONF
	chown -R "$USERNAME_FOR_DAEMON" "$W/$1"
}
rekey_swan() {
	mkdir -p "$W/b/swan"
	cat >"$W/b/swan/swanctl.conf" <<-CONF
		connections { home {
			version = 2
			local_addrs = ${OUT[b]}
			remote_addrs = ${OUT[a]}
			proposals = chacha20poly1305-prfsha256-x25519
			mobike = no
			local {
				auth = psk
				id = ${ID[b]}
			}
			remote {
				auth = psk
				id = ${ID[a]}
			}
			children { net {
				local_ts = ${IN4[b]}/32
				remote_ts = ${IN4[a]}/32
				esp_proposals = chacha20poly1305
			} }
		} }
		secrets { ike {
			secret = "one secret for both ends"
		} }
	CONF
	ip -n "$P-b" addr replace "${IN4[b]}/32" dev lo
	SWAN_LOG=1 swan_up b && swan_load b
}
rekey() { # SIDE child|ike
	if [ "$END" = swan ]; then
		if [ "$2" = child ]; then swan b --rekey --child net; else swan b --rekey --ike home; fi
	else
		dietvpn "$1" sa rekey "${OTHER[$1]}" $([ "$2" = ike ] && echo --ike)
	fi >>"$W/rekeys" 2>&1
}
# one after the other, now from a, now from b, every tenth from both at once
rekeys() {
	local i kind begin=$(date +%s%N) total=$((CHILDREN + IKES)) every=$((IKES > 0 ? (CHILDREN + IKES) / IKES : CHILDREN + 1))
	for i in $(seq "$total"); do
		kind=child
		[ $((i % every)) != 0 ] || kind=ike
		if [ $((i % 10)) = 5 ] && [ "$END" = diet ]; then rekey a $kind & rekey b $kind; wait $!
		elif [ $((i % 2)) = 0 ]; then rekey a $kind
		else rekey b $kind; fi
		sleep "$(awk -v due=$((begin + SECONDS_ * 1000000000 * i / total)) -v now="$(date +%s%N)" 'BEGIN {d = (due - now) / 1e9; print (d > 0 ? d : 0)}')"
	done
}
stream() { # NAME FROM TO ADDRESS PORT: the receiver ends two seconds after the last packet
	background "$1-in" "$3" "$TOOLS/udpseq" recv "$5" 2
	wait_for 2 sh -c "ip netns exec $P-$3 ss -uln | grep -q :$5"
	background "$1-out" "$2" "$TOOLS/udpseq" send "$4" "$5" "$PPS" $((SECONDS_ + 2)) 64
}
run() {
	local name
	capture b out0 ike "udp port 500 or (udp port 4500 and udp[8:4] = 0)"
	stream there a b "${IN4[b]}" 7000
	stream back b a "${IN4[a]}" 7000
	stream beside a b "${OUT[b]}" 7001
	sleep 0.5
	rekeys
	for name in there back beside; do wait_for 20 grep -q '^{' "$W/$name-in.out" || bad "$name does not end"; background_stop $name-out; background_stop $name-in; done
	capture_stop ike
}
: >"$W/seal.log"; chmod 666 "$W/seal.log"
net_pair
rekey_conf a
if [ "$END" = swan ]; then rekey_swan; else rekey_conf b; daemon b; fi || { bad "b does not start"; finish; }
daemon a || { bad "a does not start"; finish; }
check "the tunnel stands" wait_for 15 on a ping -c 1 -W 1 "${IN4[b]}"
for try in 1 2 3; do
	run
	beside=$(field "$W/beside-in.out" lost)
	[ "$beside" = 0 ] && break
	echo "void: $beside packets were lost beside the tunnel"
done
same "lost beside the tunnel" 0 "$beside"
for name in there back; do
	same "lost through the tunnel, $name, of $(field "$W/$name-out.out" sent)" 0 "$(field "$W/$name-in.out" lost)"
	same "twice, $name" 0 "$(field "$W/$name-in.out" dup)"
done
# where it went, if anything was lost: the TUN's own queue means that the daemon did not run for so long
for side in a b; do
	[ "$side" = a ] || [ "$END" = diet ] || continue
	dietvpn $side drops | awk -v side=$side 'NR > 1 && $2 > 0 {print "     " side, $1, $2}'
	echo "     $side TUN queue: $(ip -n "$P-$side" -s -j link show diet0 | jq '.[0].stats64.tx.dropped'), UDP sockets: $(ip netns exec "$P-$side" awk 'NR > 1 {n += $NF} END {print n + 0}' /proc/net/udp)"
done
"$HANDSHAKES" exchanges "$W/ike.pcap" | tee "$W/exchanges"
at_least "CREATE_CHILD_SA answered" $((CHILDREN + IKES)) "$(grep -oE 'answered_36=[0-9]+' "$W/exchanges" | cut -d= -f2)"
[ ! -s "$W/rekeys" ] || sort "$W/rekeys" | uniq -c | sort -rn | grep -v 'rekey completed\|^ *[0-9]* *$' | head -n 5
# with Diet-ESP there is a second pair for what it cannot carry
left() { dietvpn a sa | grep -c '\bb\b'; }
expected=4
[ "$END" = diet ] && [ "$PRESET" != off ] || expected=2
settled() { [ "$(left)" = $expected ]; }
wait_for 10 settled
same "SAs left at a" $expected "$(left)"
[ $# -gt 0 ] || nonces_unique
finish
