#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# kill -9 of either end at any moment of a handshake, a rekey of either kind, a revocation, an imprint, under traffic both
# ways: no (key, nonce) pair is used twice in all lives, what was answered holds, nobody imprints twice, and all come back by
# themselves.
#
#   a (gateway) br0 192.0.2.1 --- b 192.0.2.2: a pair by PSK, both begin;  c 192.0.2.3: a device that imprints
#
#   ikekill.sh             the short test; ROUNDS=200 SEED=7 ikekill.sh: a long one
#
# What a power cut leaves of the state store is tests/powercut.sh's matter, and of pins and revocations test_ikev2_enrol's.
. "$(dirname "$0")/lib.sh"
ROUNDS=${ROUNDS:-10} RANDOM=${SEED:=$$}
namespace a
ip -n "$P-a" link add br0 type bridge
ip -n "$P-a" addr add 192.0.2.1/24 dev br0
ip -n "$P-a" link set br0 up
n=1
for side in b c; do
	n=$((n + 1))
	namespace $side
	ip -n "$P-a" link add "to-$side" type veth peer name out0 netns "$P-$side"
	ip -n "$P-a" link set "to-$side" master br0 up
	ip -n "$P-$side" addr add 192.0.2.$n/24 dev out0
	ip -n "$P-$side" link set out0 up
done
for side in a b c; do mkdir -p "$W/$side/etc/keys" "$W/$side/state" "$W/$side/run"; done
for key in psk master gw; do dietvpn a genkey >"$W/$key.key"; cp "$W/$key.key" "$W/a/etc/keys/$key"; done
cp "$W/psk.key" "$W/b/etc/keys/psk"
dietvpn c genkey >"$W/c/etc/keys/device"
chmod 600 "$W"/?/etc/keys/*
pair() { # MINE OTHER THEIRS: the lines of one end of the pair
	printf '[Peer "%s"]\nEndpoint = 192.0.2.%s\nAddress = fd00:d1e7::%s\nPsk = keys/psk\nCompress = iot\n' "$2" "$3" "$3"
	printf 'Cipher = chacha20-poly1305-iiv, chacha20-poly1305\nLiveness = 5s\n'
}
{
	printf '[Interface]\nName = diet0\nAddress = fd00:d1e7::1/64\nId = gw.home\nMaster = keys/master\nKey = keys/gw\n'
	pair a b 2
	printf '[Peer "sensor-*"]\nRole = responder\nAddress = fd00:d1e7:5::/64\nLiveness = 5s\n'
} >"$W/a/etc/home.conf"
{
	printf '[Interface]\nName = diet0\nAddress = fd00:d1e7::2/64\nId = b\n'
	pair b gw.home 1
} >"$W/b/etc/home.conf"
own_all() { chown -R "$USERNAME_FOR_DAEMON" "$W/a" "$W/b" "$W/c"; }
own_all
: >"$W/seal.log"; chmod 666 "$W/seal.log"

begin() { daemon "$1" || bad "round $round: $1 does not start again"; }
# the victim dies, and lives again
strike() { # SIDE
	daemon_kill "$1"
	begin "$1"
}
moment() { sleep "0.0$((RANDOM % 60 + 10))"; }
# not in a subshell: it would take chance with it
either() { if [ $((RANDOM % 2)) = 0 ]; then side=a; else side=b; fi; }
there() { on b ping -c 1 -W 1 fd00:d1e7::1; }
back() { on a ping -c 1 -W 1 fd00:d1e7::2; }
device_in() { on c ping -c 1 -W 1 fd00:d1e7::1; }
peer_of() { [ "$1" = a ] && echo b || echo gw.home; }
imprints() { grep -c imprinted: "$W/c.log"; }
revoked() { dietvpn a peers 2>/dev/null | grep "sensor-k$1 " | grep -q revoked; }

handshake() {
	local side
	dietvpn b sa terminate gw.home
	moment
	either
	strike $side
}
child_rekey() {
	local side
	either
	dietvpn $side sa rekey "$(peer_of $side)" &
	asking=$!
	moment
	either
	strike $side
	wait $asking
}
ike_rekey() {
	local side
	either
	dietvpn $side sa rekey --ike "$(peer_of $side)" &
	asking=$!
	moment
	either
	strike $side
	wait $asking
}
revocation() {
	(dietvpn a revoke "sensor-k$round" && : >"$W/answered-$round") &
	asking=$!
	moment
	strike a
	wait $asking
	[ ! -e "$W/answered-$round" ] || answered="$answered $round"
}
imprint() {
	dietvpn c adopt --reset gw.home
	moment
	moment
	if [ $((RANDOM % 3)) = 0 ]; then strike a; else strike c; fi
	# until the pin is on disk it may be made again, and not once an SA has been
	wait_for 60 device_in || bad "round $round: the device that imprints does not come back"
	settled_imprints=$(imprints)
	daemon_kill c; begin c
}

round=0 answered= settled_imprints=
for side in a b; do begin $side; done
dietvpn a --dir "$W/a/etc" enroll sensor-c --reveal --json --endpoint 192.0.2.1 >"$W/enrolled" || bad "enroll"
cat >"$W/c/etc/home.conf" <<-CONF
	[Interface]
	Name     = diet0
	Address  = $(grep -oE '"address": *"[^"]*"' "$W/enrolled" | cut -d'"' -f4)/128
	Id       = sensor-c
	Key      = keys/device
	[Peer "gw.home"]
	Role     = initiator
	Endpoint = 192.0.2.1
	Address  = fd00:d1e7::1
	Imprint  = yes
	Start    = boot
	Liveness = 5s
CONF
own_all
fingerprint() { { printf '\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00'; dietvpn a pubkey <"$1" | base64 -d; } | sha256sum | cut -d' ' -f1; }
check "the device's key is typed in" dietvpn a adopt --fingerprint "$(fingerprint "$W/c/etc/keys/device")" --as sensor-c
begin c
check "all are in" wait_for 20 eval 'there && back && device_in'
settled_imprints=$(imprints)
background stream-out b "$TOOLS/udpseq" send fd00:d1e7::1 7000 500 100000 32
background stream-back a "$TOOLS/udpseq" send fd00:d1e7::2 7000 500 100000 32
slowest=0
for round in $(seq "$ROUNDS"); do
	set -- handshake child_rekey ike_rekey revocation imprint
	shift $(((round - 1) % 5))
	what=$1
	before=$(imprints)
	$what >>"$W/what" 2>&1
	began=$(date +%s%N)
	wait_for 60 there || bad "round $round, $what: b does not reach a again"
	wait_for 60 back || bad "round $round, $what: a does not reach b again"
	took=$((($(date +%s%N) - began) / 1000000))
	[ $took -le $slowest ] || slowest=$took
	[ "$what" = imprint ] || [ "$before" = "$(imprints)" ] || bad "round $round, $what: the device has imprinted again"
done
check "the device is in, after all" wait_for 60 device_in
same "imprints once it had an SA" "$settled_imprints" "$(imprints)"
held=0
for i in $answered; do revoked "$i" && held=$((held + 1)); done
same "revocations that were answered, of $(((ROUNDS + 1) / 5))" "$(echo $answered | wc -w)" $held
echo "     $ROUNDS rounds, seed $SEED, slowest return $slowest ms"
for i in out back; do background_stop stream-$i; done
for side in c; do daemon_stop $side; done
nonces_unique
finish
