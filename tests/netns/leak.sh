#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Not one inner packet in the clear on the outer wire, with a default route there: while the daemon is killed, started with a
# refused configuration, stopped and started; all of it goes with `down`. And the reverse: clear packets with inner
# addresses from outside are not delivered where the system can prevent it.
. "$(dirname "$0")/lib.sh"
net_pair
for v in '' -6; do
	ip -n "$P-a" $v route add default dev out0
done
scenario() {
	echo "== inner IPv$INNER"
	tunnel || return
	capture b out0 wire
	local dst
	dst=$(other_inner a)
	on a "$TOOLS/udpseq" send "$dst" 7000 500 9 64 >/dev/null 2>&1 &
	sleep 0.5
	check "up: ping" on a ping -c 1 -W 2 "$dst"
	daemon_kill a; sleep 0.5
	refuse "killed: no way to the inner address" on a ping -c 1 -W 1 "$dst"
	echo 'Compres = iot' >>"$W/a/etc/home.conf"
	refuse "a refused configuration does not start" daemon_once a
	has "it says where" 'home.conf:[0-9]+' "$W/a.log"
	sleep 0.3
	sed -i '$d' "$W/a/etc/home.conf"
	daemon a || bad "does not start again"
	check "started again: ping" wait_for 8 on a ping -c 1 -W 1 "$dst"
	daemon_stop a; sleep 0.3
	refuse "stopped: no way to the inner address" on a ping -c 1 -W 1 "$dst"
	daemon a || bad "does not start again"
	check "started again: ping" wait_for 8 on a ping -c 1 -W 1 "$dst"
	on a sysctl -qw net.ipv4.conf.all.ignore_routes_with_linkdown=1 net.ipv6.conf.all.ignore_routes_with_linkdown=1
	daemon_kill a; sleep 0.5
	daemon a || bad "does not start again"
	on a sysctl -qw net.ipv4.conf.all.ignore_routes_with_linkdown=0 net.ipv6.conf.all.ignore_routes_with_linkdown=0
	pkill -f "udpseq send $dst" 2>/dev/null
	sleep 0.3
	capture_stop wire
	same "inner packets in the clear on the wire" 0 "$(packets wire 'udp port 7000 or net fd00:d1e7::/64 or net 10.9.0.0/24')"
	check "down" dietvpn a down home
	refuse "after down the interface is gone" ip -n "$P-a" link show diet0
	same "after down no route of ours is left" 0 "$( (ip -n "$P-a" route show proto 215; ip -n "$P-a" -6 route show proto 215) | wc -l)"
	tunnel_down
}
daemon_once() { ip netns exec "$P-$1" "$B/bin/dietvpnd" -f -c "$W/$1/etc" --state-dir "$W/$1/state" --run-dir "$W/$1/run" --plugin-dir "$B/keying" --user "$USERNAME_FOR_DAEMON" >>"$W/$1.log" 2>&1; }
USERNAME_FOR_DAEMON=root
INNER=4 scenario
INNER=6 scenario

echo "== clear packets with inner addresses from outside"
INNER=4
tunnel || finish
on a sysctl -qw net.ipv4.conf.all.rp_filter=1 net.ipv4.conf.out0.rp_filter=1
on a "$TOOLS/udpseq" recv 7001 2 >"$W/rx" 2>&1 &
rx=$!
ip -n "$P-b" addr add 10.9.0.77/32 dev lo
on b ip route replace 10.9.0.1/32 dev out0 via 192.0.2.1 onlink src 10.9.0.77 metric 0 2>/dev/null ||
	on b ip route replace 10.9.0.1/32 via 192.0.2.1 src 10.9.0.77
on b "$TOOLS/udpseq" send 10.9.0.1 7001 100 1 64 >/dev/null 2>&1
wait $rx
refuse "strict rp_filter keeps them out" grep -qE '"rx": ?[1-9]|"received": ?[1-9]|"got": ?[1-9]' "$W/rx"
nonces_unique
finish
