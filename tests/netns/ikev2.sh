#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Two ends of Keying = ikev2 with a pre-shared key: raw ESP where nothing is between them, UDP where it is asked for; who
# has the wrong key stays out; restarts of either end; what goes over the wire.
. "$(dirname "$0")/lib.sh"
net_pair

# ike SIDE: one [Peer] of Keying = ikev2 from ENCAP, CIPHER, COMPRESS, ROLE_A, ROLE_B, IKE (further lines)
ROLE_A=both ROLE_B=both IKE=
ike() {
	local me=$1 other mine theirs role
	if [ "$me" = a ]; then other=b mine=1 theirs=2 role=$ROLE_A; else other=a mine=2 theirs=1 role=$ROLE_B; fi
	mkdir -p "$W/$me/etc/keys" "$W/$me/state" "$W/$me/run"
	cat >"$W/$me/etc/home.conf" <<-CONF
		[Interface]
		Name     = diet0
		Address  = fd00:d1e7::$mine/64
		Id       = $me
		[Peer "$other"]
		Keying   = ikev2
		Role     = $role
		Endpoint = 192.0.2.$theirs
		Address  = fd00:d1e7::$theirs
		Encap    = $ENCAP
		Cipher   = $CIPHER
		Compress = $COMPRESS
		Psk      = keys/psk
		$IKE
	CONF
	install -m 0600 "$W/psk" "$W/$me/etc/keys/psk"
}
both() {
	: >>"$W/seal.log"; chmod 666 "$W/seal.log"
	ike a; ike b; own
	daemon a && daemon b
}
ping_once() { on a ping -c 1 -W 1 fd00:d1e7::2; }

head -c 32 /dev/urandom | base64 -w0 >"$W/psk"
COMPRESS=off CIPHER=chacha20-poly1305
for ENCAP in auto udp; do
	both || bad "daemons do not start"
	capture a out0 "first-$ENCAP" "udp port 500 or udp port 4500 or proto 50"
	check "$ENCAP: traffic brings it up" wait_for 8 ping_once
	check "$ENCAP: pings" on a ping -c 5 -i 0.1 -W 1 fd00:d1e7::2
	check "$ENCAP: and back" on b ping -c 5 -i 0.1 -W 1 fd00:d1e7::1
	capture_stop "first-$ENCAP"
	same "$ENCAP: four messages" 4 "$(packets "first-$ENCAP" "udp port 500 or (udp port 4500 and udp[8:4] = 0)")"
	if [ "$ENCAP" = auto ]; then
		same "raw ESP only" 0 "$(packets first-auto "udp port 4500")"
	else
		same "ESP in UDP only" 0 "$(packets first-udp "proto 50")"
	fi
	tcpdump -nr "$W/first-$ENCAP.pcap" -c 4 2>/dev/null | sed 's/^/     /'
	daemon_kill b
	daemon b
	check "$ENCAP: b comes back from a kill" wait_for 12 on b ping -c 1 -W 1 fd00:d1e7::1
	daemon_stop a
	daemon a
	check "$ENCAP: a comes back" wait_for 12 ping_once
	tunnel_down
done

ENCAP=udp
for COMPRESS in safe iot link; do
	both || bad "daemons do not start"
	check "$COMPRESS: traffic brings it up" wait_for 8 ping_once
	check "$COMPRESS: pings" on a ping -c 5 -i 0.1 -W 1 fd00:d1e7::2
	check "$COMPRESS: and back" on b ping -c 5 -i 0.1 -W 1 fd00:d1e7::1
	check "$COMPRESS: what cannot be compressed goes beside it" wait_for 3 on a ping -c 1 -W 1 -s 3000 fd00:d1e7::2
	dietvpn a sa | tee "$W/sa-$COMPRESS" | sed 's/^/     /'
	same "$COMPRESS: two pairs, one of them plain" 4 "$(grep -c . <(dietvpn a sa | tail -n +2))"
	tunnel_down
done
# Rekeys of both kinds from both ends while packets cross: none is lost.
for COMPRESS in off iot; do
	both || bad "daemons do not start"
	check "$COMPRESS: up" wait_for 8 ping_once
	wait_for 3 test "$(dietvpn a sa | tail -n +2 | grep -c .)" -ge 2
	background pings a ping -q -i 0.002 -c 3000 -W 2 fd00:d1e7::2
	rekeyed=0
	for i in $(seq 10); do
		dietvpn a sa rekey b >/dev/null && rekeyed=$((rekeyed + 1)); sleep 0.15
		dietvpn b sa rekey a >/dev/null && rekeyed=$((rekeyed + 1)); sleep 0.15
		[ $((i % 3)) = 0 ] || continue
		dietvpn a sa rekey --ike b >/dev/null && rekeyed=$((rekeyed + 1)); sleep 0.15
		dietvpn b sa rekey --ike a >/dev/null && rekeyed=$((rekeyed + 1)); sleep 0.15
	done
	same "$COMPRESS: rekeys" 26 $rekeyed
	wait_for 20 grep -q transmitted "$W/pings.out" || bad "ping does not end"
	background_stop pings
	has "$COMPRESS: no packet lost" "^3000 packets transmitted, 3000 received" "$W/pings.out"
	refuse "$COMPRESS: nothing is wrong" grep -qE '^<[0-4]>' "$W/b.log"
	tunnel_down
done
# a asks b for its address, out of a pool; it stays over rekeys and lives of b, and goes when there is another one.
inner_a() { ip -n "$P-a" -6 -o addr show dev diet0 scope global | awk '{print $4}' | paste -sd' '; }
is_inner() { [ "$(inner_a)" = "$1" ] && ip -n "$P-a" -6 route get fd00:d1e7::2 | grep -q "src ${1%/*} "; }
COMPRESS=iot ROLE_A=initiator ROLE_B=responder
ike a; ike b
sed -i 's/^Address  = fd00:d1e7::1\/64/Address = auto/; $a Childless = yes' "$W/a/etc/home.conf"
sed -i 's/^Address  = fd00:d1e7::1$/Address = fd00:d1e7:1::\/64/; $a Pool = yes' "$W/b/etc/home.conf"
own; daemon a; daemon b
refuse "no address before it is given" grep -q . <(inner_a)
check "the first packet asks for it" wait_for 8 ping_once
given=$(inner_a)
has "one host of the pool" "^fd00:d1e7:1:0:[0-9a-f:]*/128$" <(echo "$given")
check "routes have it as source" is_inner "$given"
dietvpn a --json status | check "status shows it" grep -qF "${given%/*}"
same "two pairs, one of them plain" 4 "$(dietvpn a sa | tail -n +2 | grep -c .)"
dietvpn a sa rekey --ike b >/dev/null; sleep 0.3
check "a rekey keeps it" is_inner "$given"
sed -i 's/^Endpoint = 192.0.2.2/Endpoint = 192.0.2.2:500/' "$W/a/etc/home.conf"
dietvpn a reload >/dev/null
check "a reload keeps it" is_inner "$given"
daemon_kill b; daemon b
dietvpn a sa terminate b >/dev/null 2>&1
check "b gives it again after a kill" wait_for 8 ping_once
check "it is the same" is_inner "$given"
sed -i 's/^Address = fd00:d1e7:1::\/64/Address = fd00:d1e7::9/; /^Pool/d' "$W/b/etc/home.conf"
dietvpn b reload >/dev/null
check "another one takes its place" wait_for 12 eval 'ping_once && is_inner fd00:d1e7::9/128'
check "and back" on b ping -c 2 -i 0.1 -W 1 fd00:d1e7::9
sed -i 's/^Address = fd00:d1e7::9/Address = fd00:d1e7:1::\/64/' "$W/b/etc/home.conf"
dietvpn b reload >/dev/null
refuse "no pool, no address" wait_for 3 ping_once
has "a says so" "INTERNAL_ADDRESS_FAILURE" "$W/a.log"
dietvpn b why a >"$W/why.pool"
has "b says what to do" "Pool = yes" "$W/why.pool"
tunnel_down
ROLE_A=both ROLE_B=both
COMPRESS=off

ENCAP=auto
ike a; ike b
head -c 32 /dev/urandom | base64 -w0 >"$W/b/etc/keys/psk"
own; daemon a; daemon b
refuse "another key stays out" wait_for 3 ping_once
has "a says why" "compare Psk" "$W/a.log"
has "b says why" "compare Psk" "$W/b.log"
dietvpn a why --ladder b >"$W/why.a"; dietvpn b why a >"$W/why.b"
has "a: what differs" "^authentication Psk +\(it does not say\)" "$W/why.a"
has "b: what differs" "^authentication another Psk +Psk$" "$W/why.b"
has "b: the smallest fix" "^Smallest fix: one Psk in both files" "$W/why.b"
dietvpn b log >"$W/events"
has "b: its log has it" "exchange.refused .*peer=a .*error=AUTHENTICATION_FAILED" "$W/events"
tunnel_down

# Of a stranger the responder knows an address, and what it wanted.
ike a; ike b
sed -i 's/^Cipher.*/Cipher = aes-gcm-16/' "$W/a/etc/home.conf"
sed -i 's/^Endpoint.*/Endpoint = 192.0.2.77/; s/^Role.*/Role = responder/' "$W/b/etc/home.conf"
own; daemon a; daemon b
follow events b log -f exchange
refuse "another cipher stays out" wait_for 2 ping_once
background_stop events
has "b's log" "192.0.2.1: no IKE SA, NO_PROPOSAL_CHOSEN: it offers aes-gcm-16; we allow chacha20-poly1305: compare Cipher" "$W/b.log"
has "b's events" "exchange.refused .*with=192.0.2.1:500" "$W/events.out"
dietvpn b why | tee "$W/why.all" | sed 's/^/     /'
dietvpn b why 192.0.2.1 >"$W/why.address"
for f in all address; do
	has "why $f: the row" "^cipher +aes-gcm-16 +chacha20-poly1305$" "$W/why.$f"
	has "why $f: the fix" "^Smallest fix: here add aes-gcm-16 to Cipher; or on the peer Cipher" "$W/why.$f"
done
dietvpn b why a >"$W/why.a"
has "nothing of it is held against a" "nothing is known against it" "$W/why.a"
dietvpn b --json why | check "why --json" python3 -c 'import json,sys; assert json.load(sys.stdin)["exchanges"][0]["outcome"] == "refused"'
tunnel_down
nonces_unique
finish
