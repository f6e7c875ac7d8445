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

# A router's (or anybody's) claim that what a sends to b is too big: ICMP, MTU 68 over IPv4, 600 over IPv6.
forge() {
	on n python3 - "$OUTER" <<-'PY'
		import socket, struct, sys
		def sum16(b):
		    s = sum(struct.unpack("!%dH" % (len(b) // 2), b))
		    while s >> 16: s = (s & 65535) + (s >> 16)
		    return ~s & 65535
		udp = struct.pack("!4H", 4500, 4500, 1300, 0) + bytes(40)
		if sys.argv[1] == "4":
		    a, b = (socket.inet_aton(x) for x in ("192.0.2.1", "192.0.2.129"))
		    ip = struct.pack("!BBHHHBBH", 0x45, 0, 1320, 1, 0x4000, 63, 17, 0) + a + b
		    icmp = struct.pack("!BBHHH", 3, 4, 0, 0, 68) + ip[:10] + struct.pack("!H", sum16(ip)) + ip[12:] + udp
		    icmp = icmp[:2] + struct.pack("!H", sum16(icmp)) + icmp[4:]
		    out, to = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP), "192.0.2.1"
		else:
		    a, b = (socket.inet_pton(socket.AF_INET6, x) for x in ("2001:db8::1", "2001:db8:0:0:100::2"))
		    icmp = struct.pack("!BBHI", 2, 0, 0, 600) + struct.pack("!IHBB", 6 << 28, 1300, 17, 63) + a + b + udp
		    out, to = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6), "2001:db8::1"
		for _ in range(20): out.sendto(icmp, (to, 0))
	PY
}
path_of_a() { dietvpn a show | sed -n 's/.*path mtu \([0-9]*\).*/\1/p'; }
floors() { # WHEN
	local path mtu floor=1280
	[ "$OUTER" = 4 ] && floor=576
	path=$(path_of_a)
	mtu=$(ip -n "$P-a" -o link show diet0 | grep -oE 'mtu [0-9]+' | cut -d' ' -f2)
	if [ "$path" -ge $floor ] && [ "$mtu" -ge 1280 ]; then ok "$1: path $path, TUN MTU $mtu"; else bad "$1: path $path (at least $floor), TUN MTU $mtu (at least 1280)"; fi
}
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
	iperf_server
	check "TCP a to b" wait_for 10 on a iperf3 -c "$(other_inner a)" -n 4M
	iperf_server
	check "TCP b to a" wait_for 10 on a iperf3 -c "$(other_inner a)" -n 4M -R
	on a ping -c 2 -i 0.3 -W 1 -M "do" -s 1380 "$(other_inner a)" >"$W/ptb" 2>&1
	has "a large ping with DF is told the MTU" 'too long|Frag needed|too big|mtu' "$W/ptb"
	check "a forged Packet Too Big is sent" forge
	check "the smallest ping after it" wait_for 3 on a ping -c 1 -W 1 "$(other_inner a)"
	floors "after a forged Packet Too Big"
	check "inner packet of 1280 octets after it" wait_for 6 on a ping -c 1 -W 1 -M "do" -s $((INNER == 6 ? 1232 : 1252)) "$(other_inner a)"
	tunnel_down
}
command -v python3 >/dev/null || { echo "skipped: python3 forges the Packet Too Big"; exit 77; }
narrow 1280
INNER=6 OUTER=6 COMPRESS=safe CIPHER=chacha20-poly1305 one "path of 1280, IPv6 in IPv6, safe"
INNER=6 OUTER=6 COMPRESS=iot CIPHER=aes-ccm-8-iiv one "path of 1280, IPv6 in IPv6, iot"
narrow 1400
INNER=4 OUTER=4 COMPRESS=link CIPHER=aes-gcm-16-iiv one "path of 1400, IPv4 in IPv4, link"
nonces_unique
finish
