#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Two dietvpnd and a peer for each row of pairs.conf between them, all at once: what they agree on by IKEv2, with ping, CoAP
# and TCP through it, each packet on the wire as long as predicted and unchanged; again after rekeys that either end began.
. "$(dirname "$0")/lib.sh"
for tool in coap-server-notls tcpdump openssl python3; do command -v $tool >/dev/null || { echo "skipped: no $tool"; exit 77; }; done
here=$(cd "$(dirname "$0")" && pwd)
PAIRS="python3 $here/pairs.py" TABLE=${TABLE:-$here/pairs.conf}
net_pair
for side in a b; do
	mkdir -p "$W/$side/etc/keys" "$W/$side/state" "$W/$side/run"
	on $side sysctl -qw net.ipv6.auto_flowlabels=2 # off unless a socket asks for it
	$PAIRS addresses "$TABLE" $side | while read -r device address; do
		echo "address add $address/$(case $address in *:*) echo 128 ;; *) echo 32 ;; esac) dev $device"
	done | ip -n "$P-$side" -batch -
done
ip -n "$P-a" route add 2001:db8::1:0/112 dev out0 # within the link's prefix; the host addresses of b

# keys: one secret, and a key pair per kind and side under names that both files have
head -c 32 /dev/urandom | base64 -w0 >"$W/psk.key"
head -c 32 /dev/urandom | base64 -w0 >"$W/another.key"
head -c 32 /dev/urandom | base64 -w0 >"$W/ppk.key"
pair() { # NAME HOW...
	local name=$1 side
	shift
	for side in a b; do openssl genpkey "$@" -out "$W/$name-$side.pem" 2>/dev/null; openssl pkey -in "$W/$name-$side.pem" -pubout -out "$W/$name-$side.pub"; done
	for side in a b; do cp "$W/$name-$side.pem" "$W/$side/etc/keys/$name.own"; done
	cp "$W/$name-b.pub" "$W/a/etc/keys/$name.peer"
	cp "$W/$name-a.pub" "$W/b/etc/keys/$name.peer"
	cp "$W/$name-a.pub" "$W/a/etc/keys/$name.stranger"
}
pair ed25519 -algorithm ed25519
pair p256 -algorithm ec -pkeyopt ec_paramgen_curve:P-256
pair rsa2048 -algorithm rsa -pkeyopt rsa_keygen_bits:2048
pair rsa4096 -algorithm rsa -pkeyopt rsa_keygen_bits:4096
for side in a b; do
	for key in psk another ppk; do cp "$W/$key.key" "$W/$side/etc/keys/$key"; done
	chmod 600 "$W/$side"/etc/keys/*
	n=$([ $side = a ] && echo 1 || echo 2)
	printf '[Interface]\nName = diet0\nAddress = fd00:d1e7::%s/64, 10.9.0.%s/24\nId = %s\nOffload = off\n' $n $n $side >"$W/$side/etc/home.conf"
done
$PAIRS conf "$TABLE" "$W"
cat >"$W/marked.json" <<-JSON
	{"version": 1, "profiles": {"marked": {"dscp_cda": "sa", "dscp_list": [0, 46], "ecn_cda": "lower",
		"flow_label_cda": "generated", "alignment": 8, "esp_spi_lsb": 8, "esp_sn_lsb": 8, "esp_trailer": "optional",
		"hop_limit_cda": "lower", "window": 64}}}
JSON
for side in a b; do
	mkdir -p "$W/$side/etc/rules"
	"$B/bin/dietvpn" rules compile "$W/marked.json" -o "$W/$side/etc/rules/marked.cbor" >"$W/out" 2>&1 || bad "$(cat "$W/out")"
done
: >"$W/seal.log"; chmod 666 "$W/seal.log"
own
for side in a b; do daemon $side || { bad "$side does not start"; finish; }; done
background coap b coap-server-notls -A :: -p 5683
background echo b python3 "$here/pairs.py" serve
wait_for 5 grep -q listening "$W/echo.out"
capture a diet0 a
capture b diet0 b
capture b out0 wire "udp port 4500 or udp port 500 or proto 50 or ip6 proto 50"

check "ping, CoAP and TCP of each row" on a $PAIRS drive "$TABLE"
check "the same after a rekey from either end" on a $PAIRS rekey "$TABLE" "$W"
capture_stop a; capture_stop b; capture_stop wire
$PAIRS check "$TABLE" "$W/a.pcap" "$W/b.pcap" "$W/wire.pcap" >"$W/checked" || fails=$((fails + 1))
cat "$W/checked"
check "no ping is lost to rekeys of both kinds from both ends" on a $PAIRS burst "$TABLE" "$W"
# once, but for who is refused the plain SA of a rekey, and begins anew
grep -oE 'peer "[^"]*": IKE SA is up' "$W/a.log" | sort | uniq -c | awk '$1 > 1' | grep -v '"pfs-there"' >"$W/twice"
check "no IKE SA was begun twice" test ! -s "$W/twice"

echo "== refused, and why"
$PAIRS refused "$TABLE" >"$W/refused"
while read -r name _; do dietvpn a sa initiate "$name"; done <"$W/refused" >"$W/out" 2>&1
sleep 0.5
while read -r name side pattern; do
	dietvpn "$side" why --ladder "$name" >"$W/why" 2>&1
	has "$name: $side says why" "$pattern" "$W/why"
	refuse "$name: no ESP SA" sh -c "ip netns exec $P-b $B/bin/dietvpn --socket $W/b/run/status.sock sa | grep -q ' $name '"
	[ -z "${SHOW:-}" ] || cat "$W/why"
done <"$W/refused"

echo "== D"
before=$(dietvpn b sa | grep -c 'ed25519')
check "a ends an IKE SA" dietvpn a sa terminate ed25519
check "b's SAs of it are gone, $before before" wait_for 3 sh -c "! ip netns exec $P-b $B/bin/dietvpn --socket $W/b/run/status.sock sa | grep -q ed25519"
check "b ends another" dietvpn b sa terminate ecdsa
check "a's SAs of it are gone" wait_for 3 sh -c "! ip netns exec $P-a $B/bin/dietvpn --socket $W/a/run/status.sock sa | grep -q ecdsa"
check "and both come again" on a $PAIRS drive "$TABLE" ed25519 ecdsa
nonces_unique
finish
