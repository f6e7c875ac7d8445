#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# kill -9 and restart under traffic, many times: no (key, nonce) pair twice, no inner packet in the clear on the outer wire
# although a default route points there, and traffic goes on after each restart. ROUNDS= raises the number.
. "$(dirname "$0")/lib.sh"
ROUNDS=${ROUNDS:-12}
net_pair
ip -n "$P-a" route add default via 192.0.2.2
ip -n "$P-a" -6 route add default via 2001:db8::2
ip -n "$P-b" route add default via 192.0.2.1
ip -n "$P-b" -6 route add default via 2001:db8::1
COMPRESS=iot CIPHER=chacha20-poly1305-iiv
tunnel || finish
capture b out0 wire
on a "$TOOLS/udpseq" send "$(other_inner a)" 7000 1000 $((ROUNDS + 6)) 64 >"$W/tx" 2>&1 &
tx=$!
on b "$TOOLS/udpseq" recv 7000 3 >"$W/rx" 2>&1 &
rx=$!
sleep 0.5
for round in $(seq "$ROUNDS"); do
	side=$([ $((round % 3)) = 0 ] && echo b || echo a)
	daemon_kill $side
	sleep 0.0$((RANDOM % 9 + 1))
	daemon $side || { bad "round $round: $side does not start again"; break; }
	check "round $round: $side was killed; ping again" wait_for 8 on a ping -c 1 -W 1 "$(other_inner a)"
done
wait $tx
wait $rx
capture_stop wire
same "inner packets in the clear on the wire" 0 "$(packets wire 'net fd00:d1e7::/64 or udp port 7000')"
cat "$W/tx" "$W/rx"
at_least "packets that arrived over all lives" $((ROUNDS * 300)) "$(field "$W/rx" received)"
same "packets that came twice or damaged" "0 0" "$(field "$W/rx" dup) $(field "$W/rx" bad)"
at_least "ESP packets in the capture" $((ROUNDS * 300)) "$(packets wire 'udp port 4500')"

echo "== 12 lives that reserve numbers and are not heard"
for i in $(seq 12); do
	daemon_kill a
	ip -n "$P-b" link set out0 down
	daemon a || bad "a does not start again"
	on a ping -c 2 -i 0.1 -W 0.1 "$(other_inner a)" >/dev/null
done
ip -n "$P-b" link set out0 up
check "b follows over the gap" wait_for 8 on a ping -c 1 -W 1 "$(other_inner a)"
nonces_unique
finish
