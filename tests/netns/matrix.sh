#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# IPv4 and IPv6 inside x IPv4 and IPv6 outside x UDP and raw ESP: ping, full-size packets and TCP both ways.
. "$(dirname "$0")/lib.sh"
net_pair

one() {
	INNER=$1 OUTER=$2 ENCAP=$3 COMPRESS=$4 CIPHER=$5
	echo "== IPv$INNER in IPv$OUTER, $ENCAP, $COMPRESS, $CIPHER"
	tunnel || return
	check "ping a to b" on a ping -c 3 -i 0.05 -W 2 "$(other_inner a)"
	check "ping b to a" on b ping -c 3 -i 0.05 -W 2 "$(other_inner b)"
	check "1400 octets" on a ping -c 2 -i 0.05 -W 2 -s 1400 "$(other_inner a)"
	iperf_server
	check "TCP a to b" wait_for 3 on a iperf3 -c "$(other_inner a)" -n 8M
	iperf_server
	check "TCP b to a" wait_for 3 on a iperf3 -c "$(other_inner a)" -n 8M -R
	tunnel_down
}
for inner in 4 6; do
	for outer in 4 6; do
		one $inner $outer udp safe chacha20-poly1305
		one $inner $outer raw iot aes-gcm-16-iiv
	done
done
one 6 4 udp iot aes-ccm-8-iiv
one 4 6 udp link aes256-gcm-16
one 6 6 udp off aes-ccm-16
nonces_unique
finish
