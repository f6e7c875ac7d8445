#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# ICMP errors inside the tunnel: an answer to a UDP packet that the selectors allow comes back although the selectors name
# only that port (RFC 4301 section 6.2); anything else of ICMP does not.
. "$(dirname "$0")/lib.sh"
net_pair
for INNER in 4 6; do
	echo "== inner IPv$INNER"
	ALLOW='udp 7000' ALLOW_B='udp from 7000' COMPRESS=safe
	tunnel || finish
	dst=$(other_inner a)
	on a "$TOOLS/udpprobe" "$dst" 7000 >"$W/probe" 2>&1
	has "a closed port answers through the tunnel" 'refused' "$W/probe"
	refuse "echo is not in the selectors" on a ping -c 1 -W 1 "$dst"
	tunnel_down
done
finish
