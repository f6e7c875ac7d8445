#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A NAT between:  host a 10.77.0.2 --- 10.77.0.1 [nat: masquerade] 192.0.2.254 --- 192.0.2.2 host b
# b does not know where a is; a's packets tell. Then the NAT gives a another port: b follows the next good packet.
. "$(dirname "$0")/lib.sh"
net_nat
nat 20000-20999
: >"$W/seal.log"; chmod 666 "$W/seal.log"
keys "$(key_octets "$CIPHER")"
conf a; conf b
sed -i '/^Endpoint/d' "$W/b/etc/home.conf"
sed -i '/^OutKey/i Role     = initiator' "$W/a/etc/home.conf" # a keeps its NAT's mapping alive
own
daemon a || bad "a does not start"
daemon b || bad "b does not start"
dietvpn a sa fresh-key b >/dev/null
dietvpn b sa fresh-key a >/dev/null
refuse "b cannot begin: it does not know where a is" on b ping -c 1 -W 1 "$(other_inner b)"
check "a begins" wait_for 5 on a ping -c 1 -W 1 "$(other_inner a)"
check "now b reaches a" on b ping -c 3 -i 0.1 -W 2 "$(other_inner b)"
dietvpn b --json status >"$W/status"
has "b shows the NAT's address" '192\.0\.2\.254:20[0-9]{3}' "$W/status"
echo "== the NAT forgets and gives another port"
nat 30000-30999
# masquerading forgets what it mapped to an interface that goes down
ip -n "$P-n" link set out0 down; ip -n "$P-n" link set out0 up
sleep 1.2
check "a sends again" wait_for 10 on a ping -c 1 -W 1 "$(other_inner a)"
check "b reaches a" on b ping -c 2 -i 0.1 -W 2 "$(other_inner b)"
dietvpn b --json status >"$W/status"
has "b shows the NAT's new port" '192\.0\.2\.254:30[0-9]{3}' "$W/status"
echo "== silence: a's keepalive every 20 s (RFC 3948 section 4), nothing from b"
capture n in0 silence 'udp port 4500'
sleep 22
capture_stop silence
at_least "keepalives from a" 1 "$(packets silence 'src host 10.77.0.2 and udp[4:2] = 9 and udp[8] = 0xff')"
same "anything else" 0 "$(packets silence 'not (src host 10.77.0.2 and udp[4:2] = 9)')"
nonces_unique
finish
