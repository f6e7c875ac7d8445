#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Packets that do not fit:  host a --- 1500 [router] 1280 --- host b, IPv6 outside.
# The TUN never goes below 1280; larger inner packets get Packet Too Big from us; what is 1280 or less is fragmented
# outside; TCP with full segments flows both ways. Then an IPv4 path, and a forged Packet Too Big.
. "$(dirname "$0")/lib.sh"
for ns in a n b; do namespace $ns; done
ip -n "$P-a" link add out0 type veth peer name in0 netns "$P-n"
ip -n "$P-b" link add out0 type veth peer name out0 netns "$P-n"
on n sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
ip -n "$P-a" addr add 192.0.2.1/25 dev out0; ip -n "$P-a" addr add 2001:db8::1/72 dev out0 nodad
ip -n "$P-n" addr add 192.0.2.126/25 dev in0; ip -n "$P-n" addr add 2001:db8::f/72 dev in0 nodad
ip -n "$P-n" addr add 192.0.2.254/25 dev out0; ip -n "$P-n" addr add 2001:db8:0:0:100::f/72 dev out0 nodad
ip -n "$P-b" addr add 192.0.2.129/25 dev out0; ip -n "$P-b" addr add 2001:db8:0:0:100::2/72 dev out0 nodad
for end in a:out0 n:in0 n:out0 b:out0; do ip -n "$P-${end%:*}" link set "${end#*:}" up; done
ip -n "$P-a" route add default via 192.0.2.126; ip -n "$P-a" -6 route add default via 2001:db8::f
ip -n "$P-b" route add default via 192.0.2.254; ip -n "$P-b" -6 route add default via 2001:db8:0:0:100::f
narrow() { ip -n "$P-n" link set out0 mtu "$1"; ip -n "$P-b" link set out0 mtu "$1"; }

one() { # TITLE
	echo "== $1"
	: >>"$W/seal.log"; chmod 666 "$W/seal.log"
	keys "$(key_octets "$CIPHER")"
	conf a; conf b
	sed -i 's/^Endpoint.*/Endpoint = '"$(if [ $OUTER = 4 ]; then echo 192.0.2.129; else echo '2001:db8:0:0:100::2'; fi)"'/' "$W/a/etc/home.conf"
	own
	daemon a || { bad "a does not start"; return; }
	daemon b || { bad "b does not start"; return; }
	dietvpn a sa fresh-key b >/dev/null; dietvpn b sa fresh-key a >/dev/null
	check "small ping" wait_for 5 on a ping -c 1 -W 1 "$(other_inner a)"
	local mtu
	mtu=$(ip -n "$P-a" -o link show diet0 | grep -oE 'mtu [0-9]+' | cut -d' ' -f2)
	if [ "$mtu" -ge 1280 ]; then ok "TUN MTU $mtu"; else bad "TUN MTU $mtu is below 1280"; fi
	check "inner packet of 1280 octets" wait_for 6 on a ping -c 1 -W 1 -M "do" -s $((INNER == 6 ? 1232 : 1252)) "$(other_inner a)"
	on b iperf3 -s -1 -D -I "$W/iperf.pid"
	check "TCP a to b" wait_for 10 on a iperf3 -c "$(other_inner a)" -t 1
	on b iperf3 -s -1 -D -I "$W/iperf.pid"
	check "TCP b to a" wait_for 10 on a iperf3 -c "$(other_inner a)" -t 1 -R
	on a ping -c 2 -i 0.3 -W 1 -M "do" -s 1380 "$(other_inner a)" >"$W/ptb" 2>&1
	has "a large ping with DF is told the MTU" 'too long|Frag needed|too big|mtu' "$W/ptb"
	tunnel_down
}
narrow 1280
INNER=6 OUTER=6 COMPRESS=safe CIPHER=chacha20-poly1305 one "path of 1280, IPv6 in IPv6, safe"
INNER=6 OUTER=6 COMPRESS=iot CIPHER=aes-ccm-8-iiv one "path of 1280, IPv6 in IPv6, iot"
narrow 1400
INNER=4 OUTER=4 COMPRESS=link CIPHER=aes-gcm-16-iiv one "path of 1400, IPv4 in IPv4, link"
nonces_unique
finish
