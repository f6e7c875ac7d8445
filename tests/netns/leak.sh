#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Not one inner packet in the clear on the outer wire, with a default route there: while the daemon is killed, started with a
# refused configuration, stopped, started, and killed with ignore_routes_with_linkdown=1; all of it goes with `down`, and only
# then the same stream is seen in the clear. And the reverse: clear packets with inner addresses from outside are not
# delivered where the system can prevent it.
. "$(dirname "$0")/lib.sh"
net_pair
ip -n "$P-a" route add default via 192.0.2.2
ip -n "$P-a" -6 route add default via 2001:db8::2
IN_CLEAR='udp port 7000 or net fd00:d1e7::/64 or net 10.9.0.0/24'
linkdown() { on a sysctl -qw net.ipv4.conf.all.ignore_routes_with_linkdown="$1" net.ipv6.conf.all.ignore_routes_with_linkdown="$1"; }
daemon_once() { timeout 10 ip netns exec "$P-$1" "$B/bin/dietvpnd" -f -c "$W/$1/etc" --state-dir "$W/$1/state" --run-dir "$W/$1/run" --plugin-dir "$B/keying" --user "$USERNAME_FOR_DAEMON" >>"$W/$1.log" 2>&1; }
# A socket of its own in each state: the stream's keeps the source address and route of better days.
new_stream() { on a "$TOOLS/udpseq" send "$dst" 7000 500 0.3 64 >/dev/null 2>&1; }
again() {
	daemon a || bad "does not start again"
	check "$1: started again, ping" wait_for 8 on a ping -c 1 -W 1 "$dst"
	sleep 0.4
}
scenario() {
	local dst lines
	echo "== inner IPv$INNER"
	tunnel || return
	dst=$(other_inner a)
	capture b out0 wire
	background stream a "$TOOLS/udpseq" send "$dst" 7000 500 600 64
	sleep 0.3
	check "up: ping" on a ping -c 1 -W 2 "$dst"
	daemon_kill a; new_stream
	refuse "killed: no way to the inner address" on a ping -c 1 -W 1 "$dst"
	echo 'Compres = iot' >>"$W/a/etc/home.conf"
	lines=$(wc -l <"$W/a.log")
	daemon_once a & new_stream; wait $!
	same "a refused configuration: exit status" 5 $?
	tail -n +$((lines + 1)) "$W/a.log" >"$W/refused"
	has "it says where" 'home.conf:[0-9]+' "$W/refused"
	sed -i '$d' "$W/a/etc/home.conf"
	again "after kill and refusal"
	daemon_stop a; new_stream
	refuse "stopped: no way to the inner address" on a ping -c 1 -W 1 "$dst"
	again "after a stop"
	linkdown 1
	daemon_kill a; new_stream
	refuse "killed, routes without a carrier ignored: no way" on a ping -c 1 -W 1 "$dst"
	again "routes without a carrier ignored"
	linkdown 0
	capture_stop wire
	same "inner packets in the clear on the wire" 0 "$(packets wire "$IN_CLEAR")"
	at_least "ESP packets there" 500 "$(packets wire 'udp port 4500')"
	check "down" dietvpn a down home
	refuse "after down the interface is gone" ip -n "$P-a" link show diet0
	same "after down no route of ours is left" 0 "$( (ip -n "$P-a" route show proto 215; ip -n "$P-a" -6 route show proto 215) | wc -l)"
	capture b out0 after
	new_stream
	capture_stop after
	background_stop stream
	at_least "this test can see a leak: packets in the clear once it is down on purpose" 50 "$(packets after 'udp port 7000')"
	tunnel_down
}
INNER=4 scenario
INNER=6 scenario

# received N: how many packets of a stream from b's outer side reach a's inner address in the clear.
received() {
	background rx a "$TOOLS/udpseq" recv 7001 1
	sleep 0.3
	on b "$TOOLS/udpseq" send "$1" 7001 100 1 64 >/dev/null 2>&1
	sleep 1.5
	background_stop rx
	field "$W/rx.out" received
}
echo "== clear packets with inner addresses from outside"
for INNER in 4 6; do
	tunnel || finish
	daemon_stop b
	ip -n "$P-b" link del diet0 2>/dev/null
	if [ "$INNER" = 4 ]; then
		ip -n "$P-b" route flush proto 215
		ip -n "$P-b" addr add 10.9.0.2/32 dev lo
		ip -n "$P-b" route add 10.9.0.1/32 via 192.0.2.1 src 10.9.0.2
		on a sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.out0.rp_filter=0
		has "the daemon says that rp_filter is not strict" 'rp_filter=1 keeps them out' "$W/a.log"
		at_least "IPv4 without rp_filter, for comparison" 50 "$(received 10.9.0.1)"
		on a sysctl -qw net.ipv4.conf.all.rp_filter=1 net.ipv4.conf.out0.rp_filter=1
		same "IPv4 with strict rp_filter (net.ipv4.conf.all.rp_filter=1)" 0 "$(received 10.9.0.1)"
	else
		ip -n "$P-b" -6 route flush proto 215
		ip -n "$P-b" addr add fd00:d1e7::2/128 dev lo
		ip -n "$P-b" -6 route add fd00:d1e7::1/128 via 2001:db8::1 src fd00:d1e7::2
		at_least "IPv6 without a filter, for comparison" 50 "$(received fd00:d1e7::1)"
		line='add rule ip6 dietvpn inbound iifname != { "lo", "diet0" } ip6 saddr fd00:d1e7::/64 drop'
		if command -v nft >/dev/null && on a nft "add table ip6 dietvpn; add chain ip6 dietvpn inbound { type filter hook prerouting priority -300; }; $line"; then
			echo "     nft $line"
			same "IPv6 with this line" 0 "$(received fd00:d1e7::1)"
		else
			echo "     not tried: no nft on this machine; the line would be: nft $line"
		fi
	fi
	tunnel_down
done
nonces_unique
finish
