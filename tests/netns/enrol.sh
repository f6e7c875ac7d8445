#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Who a device is: a gateway with one template, and devices that come to it with a derived PSK or a key of their own; who is
# revoked stays out, over every kill; a device believes the first gateway and then no other.
#
#   a (gateway) br0 192.0.2.1 --- b 192.0.2.2, c 192.0.2.3, d 192.0.2.4
#   diet0 fd00:d1e7::1                 diet0: an address each within fd00:d1e7::/64
. "$(dirname "$0")/lib.sh"
: >"$W/seal.log"; chmod 666 "$W/seal.log"
namespace a
ip -n "$P-a" link add br0 type bridge
ip -n "$P-a" addr add 192.0.2.1/24 dev br0
ip -n "$P-a" link set br0 up
n=1
for side in b c d; do
	n=$((n + 1))
	namespace $side
	ip -n "$P-a" link add "to-$side" type veth peer name out0 netns "$P-$side"
	ip -n "$P-a" link set "to-$side" master br0 up
	ip -n "$P-$side" addr add 192.0.2.$n/24 dev out0
	ip -n "$P-$side" link set out0 up
done
for side in a b c d; do mkdir -p "$W/$side/etc/keys" "$W/$side/state" "$W/$side/run"; done
own_all() { chown -R "$USERNAME_FOR_DAEMON" "$W/a" "$W/b" "$W/c" "$W/d"; }
gateway_key() { install -m 0600 /dev/null "$W/a/etc/keys/gw.key"; dietvpn a genkey >"$W/a/etc/keys/gw.key"; }
dietvpn a genkey >"$W/master.key"
install -m 0600 "$W/master.key" "$W/a/etc/keys/master"
gateway_key
cat >"$W/a/etc/home.conf" <<-CONF
	[Interface]
	Name     = diet0
	Address  = fd00:d1e7::1/64
	Id       = gw.home
	Master   = keys/master
	Key      = keys/gw.key
	[Peer "sensor-*"]
	Role     = responder
	Address  = fd00:d1e7::/64
	Liveness = 5s
CONF
own_all
ping_gw() { on "$1" ping -c 1 -W 1 fd00:d1e7::1; }
again() { daemon_stop "$1"; daemon "$1" || bad "$1 does not start again"; }
# enrol SIDE [adopt's option]: what the gateway prints is what the device takes
enrol() {
	dietvpn a --dir "$W/a/etc" enroll "sensor-$1" --reveal --json --endpoint 192.0.2.1 >"$W/enrolled" || bad "enroll sensor-$1"
	grep -oE 'DV[0-9]:[^"]*' "$W/enrolled" | dietvpn "$1" --dir "$W/$1/etc" adopt - ${2:-} >"$W/out" || bad "adopt on $1: $(cat "$W/out")"
	own_all
}
kind() { dietvpn a peers | awk -v name="$1" '$0 ~ "(^| )" name "( |$)" {print}'; }

echo "== derived keys"
daemon a || bad "the gateway does not start"
for side in b c d; do
	enrol $side
	daemon $side || bad "$side does not start"
	check "$side comes in by its derived key" wait_for 8 ping_gw $side
done
dietvpn a peers | tee "$W/peers" | sed 's/^/     /'
same "three devices of one template" 3 "$(grep -c derived "$W/peers")"
same "each has an address of its own" 3 "$(grep -oE 'fd00:d1e7:(:[0-9a-f]+|[0-9a-f:]+)' "$W/peers" | sort -u | wc -l)"

echo "== revoked"
check "revoke" dietvpn a revoke sensor-c
refuse "it is out at once" ping_gw c
check "the others are not" ping_gw b
daemon_kill a; daemon a
again b
check "b comes back after a kill" wait_for 8 ping_gw b
again c
refuse "c does not" wait_for 3 ping_gw c
has "the gateway says why" "sensor-c.*revoked" "$W/a.log"
kind sensor-c >"$W/kind"; has "it is listed as revoked" revoked "$W/kind"
enrol c --force; again c
check "enrolled anew it comes in" wait_for 8 ping_gw c

echo "== kill -9 while it is written: what was answered holds"
held=0 answered=0
for i in 06 09 10 11 12 14 18 30; do
	( dietvpn a revoke "sensor-k$i" >/dev/null 2>&1 && : >"$W/answered-$i" ) &
	asking=$!
	sleep "0.0$i"
	daemon_kill a
	wait $asking
	daemon a || bad "the gateway does not start"
	[ -e "$W/answered-$i" ] || continue
	answered=$((answered + 1))
	kind "sensor-k$i" | grep -q revoked && held=$((held + 1))
done
check "revoke without a kill" dietvpn a revoke sensor-k9
same "of $answered answers before a kill" "$answered" "$held"

# device SIDE NAME KEYS: a configuration of its own, with the address that the gateway would write into it
device() {
	rm -f "$W/$1/etc/"*.conf
	dietvpn a --dir "$W/a/etc" enroll "sensor-$2" --reveal --json --endpoint 192.0.2.1 >"$W/enrolled"
	cat >"$W/$1/etc/home.conf" <<-CONF
		[Interface]
		Name     = diet0
		Address  = $(grep -oE '"address": *"[^"]*"' "$W/enrolled" | cut -d'"' -f4)/128
		Id       = sensor-$2
		[Peer "gw.home"]
		Role     = initiator
		Endpoint = 192.0.2.1
		Address  = fd00:d1e7::1
		Start    = boot
		$3
	CONF
	own_all
}

echo "== the code on a label"
device b label "Psk = keys/label.psk"
dietvpn b keygen --label label --reveal --dir "$W/b/etc/keys" >"$W/label" || bad "keygen --label"
own_all
awk '/^label/ {print $2}' "$W/label" >"$W/code"
check "it is typed into the gateway" sh -c "ip netns exec $P-a $B/bin/dietvpn --socket $W/a/run/control.sock adopt - --as sensor-label <$W/code"
again b
check "and the device comes in" wait_for 8 ping_gw b
kind sensor-label >"$W/kind"; has "it is listed as adopted" adopted "$W/kind"

echo "== a device with a key of its own"
# SHA-256 of the SubjectPublicKeyInfo: its fixed head, then the 32 octets
fingerprint() { { printf '\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00'; dietvpn a pubkey <"$1" | base64 -d; } | sha256sum | cut -d' ' -f1; }
imprinted() { dietvpn "$1" genkey >"$W/$1/etc/keys/device.key"; chmod 600 "$W/$1/etc/keys/device.key"; device "$1" "$2" $'Key = keys/device.key\nImprint = yes'; }
imprinted d pump
again d
refuse "nobody knows its key: it stays out" wait_for 2 ping_gw d
has "it says what to type in there" "adopt --fingerprint $(fingerprint "$W/d/etc/keys/device.key") --as sensor-pump" "$W/d.log"
has "the gateway says whose key it is" "nobody has adopted its key: $(fingerprint "$W/d/etc/keys/device.key")" "$W/a.log"
refuse "whoever refused it was not imprinted" grep -q imprinted: "$W/d.log"
check "its fingerprint is typed in" dietvpn a adopt --fingerprint "$(fingerprint "$W/d/etc/keys/device.key")" --as sensor-pump
check "it comes in" wait_for 15 ping_gw d
has "it has imprinted the gateway's key" "imprinted: from now on its key is $(fingerprint "$W/a/etc/keys/gw.key")" "$W/d.log"
daemon_kill d; daemon d
check "it comes back from a kill" wait_for 8 ping_gw d
same "and has not imprinted again" 1 "$(grep -c imprinted: "$W/d.log")"

echo "== another gateway under the same name"
cp -p "$W/a/etc/keys/gw.key" "$W/gw.key"
daemon_stop a; gateway_key; own_all; daemon a
again d
refuse "it is not believed" wait_for 3 ping_gw d
has "and the log says why" "not the gateway that was imprinted: it has another key" "$W/d.log"
dietvpn d status >"$W/status"
has "status as well" "not the gateway that was imprinted" "$W/status"
check "reset" dietvpn d adopt --reset gw.home
check "then the next one is believed" wait_for 15 ping_gw d

echo "== the first one in a window"
imprinted c valve
daemon_stop c
(yes | dietvpn a adopt --first --seconds 20) >"$W/first" 2>&1 &
asking=$!
sleep 0.5
daemon c
check "it comes in" wait_for 15 ping_gw c
wait $asking
sed 's/^/     /' "$W/first"
has "its fingerprint is shown" "$(fingerprint "$W/c/etc/keys/device.key")" "$W/first"
same "both ends have the same check" "$(grep -oE 'adopted "sensor-valve".* check [0-9a-f-]*' "$W/a.log" | grep -oE '[0-9a-f-]*$')" \
	"$(grep -oE 'imprinted: .* check [0-9a-f-]*' "$W/c.log" | tail -n 1 | grep -oE '[0-9a-f-]*$')"
daemon_kill a; daemon a
again c
check "it is known after a kill" wait_for 15 ping_gw c
echo "== a template with explicit rules"
S=$(cd "$(dirname "$0")/../.." && pwd)
for side in a b; do mkdir -p "$W/$side/etc/rules"; cp "$S/conf/rules/icmpv6.cbor" "$W/$side/etc/rules/"; done
sed -i '/^Liveness/a Compress = icmpv6' "$W/a/etc/home.conf"
echo 'Compress = icmpv6' >>"$W/b/etc/home.conf"
own_all
check "the gateway takes them by a reload" dietvpn a reload
again b; again c
check "a device with the same ones comes in" wait_for 8 ping_gw b
check "... and is reached" on a ping -c 2 -i 0.2 -W 1 "$(grep -oE '^Address *= *[0-9a-f:]+' "$W/b/etc/home.conf" | head -n 1 | grep -oE '[0-9a-f:]+$')"
dietvpn a --dir "$W/a/etc" rules list >"$W/list"
sed 's/^/     /' "$W/list"
has "the guest's set, and who is Dev" "^sensor-label: rules icmpv6, 1 rule, digest [0-9a-f]{8}, Dev is the peer" "$W/list"
has "its packets went under the rule, both ways" '^0/1 +[3-9] +[3-9] +104\.0 ' "$W/list"
has "and none went whole" '^none +0 +0 ' "$W/list"
check "a device without rules comes in, too" wait_for 8 ping_gw c
for side in b c d; do daemon_stop $side; done
nonces_unique
finish
