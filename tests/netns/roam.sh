#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A moved endpoint: a gets another address; b follows with the next good packet and not before. A replayed packet from a
# third address moves nothing.
. "$(dirname "$0")/lib.sh"
net_pair
ip -n "$P-a" addr add 192.0.2.51/24 dev out0
ip -n "$P-b" addr add 192.0.2.66/24 dev out0
tunnel || finish
capture b out0 wire 'udp port 4500'
check "ping" wait_for 5 on a ping -c 3 -i 0.05 -W 1 "$(other_inner a)"
capture_stop wire
endpoint() { dietvpn b --json status | tr ',' '\n' | grep '"endpoint"' | grep -oE '[0-9.]+:[0-9]+'; }
same "b's view of a" 192.0.2.1:4500 "$(endpoint)"
sleep 1.1
before=$(counter b replay)
on a "$TOOLS/espmutate" "$W/wire.pcap" 192.0.2.2 -k replay -n 200 -s 192.0.2.51:4500 >"$W/replayed"
sleep 0.2
at_least "replayed packets that b dropped" 200 $(($(counter b replay) - before))
same "after replayed packets from another address" 192.0.2.1:4500 "$(endpoint)"
ip -n "$P-a" addr del 192.0.2.1/24 dev out0
ip -n "$P-a" addr add 192.0.2.51/24 dev out0 2>/dev/null
same "b's view of a before a has sent again" 192.0.2.1:4500 "$(endpoint)"
check "a sends from its new address" wait_for 5 on a ping -c 1 -W 1 "$(other_inner a)"
same "b followed" 192.0.2.51:4500 "$(endpoint)"
check "b reaches a" on b ping -c 2 -i 0.1 -W 1 "$(other_inner b)"
nonces_unique
finish
