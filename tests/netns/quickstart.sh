#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The README's gateway and sensor, word for word: init and enroll on a, adopt on b, ping, revoke; a second life under a
# new key; a device with a label of its own; and one with a key, in the window of adopt --first.
. "$(dirname "$0")/lib.sh"
net_pair
for side in a b; do mkdir -p "$W/$side/state" "$W/$side/run"; done
: >"$W/seal.log"; chmod 666 "$W/seal.log"
on_etc() { local side=$1; shift; STATE_DIRECTORY=$W/$side/state dietvpn "$side" --dir "$W/$side/etc" "$@"; }
uri_of() { sed -n "s/.*adopt '\(DV1:.*\)'.*/\1/p" "$1"; }
enroll() { on_etc a enroll "$@" --qr --reveal --endpoint 192.0.2.1 >"$W/enrolled" 2>&1; }
# adopt TEXT [ARGUMENT...]: b's tunnel from a URI or a code on standard input, instead of what it had
adopt() {
	local text=$1
	shift
	printf '%s\n' "$text" | on_etc b adopt - --force "$@" >"$W/adopted" 2>&1 || return 1
	cp "$W/b/etc/keys/home.psk" "$W/$(cksum <"$W/b/etc/keys/home.psk" | cut -d' ' -f1).key" # no log may hold it
	own
}
# How b begins anew with what it has now.
again() { [ -f "$W/b.pid" ] && daemon_stop b; ip -n "$P-b" link del diet0 2>/dev/null; daemon b; }
ping_gw() { on b ping -c 1 -W 1 "$gw"; }
ping_device() { on a ping -c 1 -W 1 "$device"; }

check "gw: init home" on_etc a init home
check "gw: enroll sensor-07 --qr" enroll sensor-07
gw=$(sed -n 's/^Address *= \(.*::1\)\/64/\1/p' "$W/a/etc/home.conf")
first=$(uri_of "$W/enrolled")
check "pi: adopt 'DV1:...'" adopt "$first"
device=$(sed -n 's/^Address *= \(.*\)\/128/\1/p' "$W/b/etc/home.conf")
daemon a || bad "the gateway does not start"
daemon b || bad "the device does not start"
check "pi: ping works" wait_for 8 ping_gw
check "gw: and back" wait_for 3 ping_device
check "gw: status" dietvpn a status
has "  knows sensor-07" '^sensor-07 +up' "$W/out"
check "gw: enroll with a daemon" enroll sensor-07
same "  says what it said without one" "$first" "$(uri_of "$W/enrolled")"
check "gw: enroll of a device that is not here" enroll sensor-08
refuse "  has another key" grep -qF "$first" "$W/enrolled"
printf 'lamp-1,Attic\nlamp-2\n' >"$W/lamps.csv"
check "gw: enroll --csv" on_etc a enroll --csv "$W/lamps.csv" --labels "$W/lamps.svg" --endpoint 192.0.2.1
sed 's/^Name .*/Name = diet1/' "$W/a/etc/home.conf" >"$W/a/etc/garden.conf"
refuse "gw: a tunnel of which the daemon knows nothing yet" on_etc a enroll lamp-1 --reveal --tunnel garden --endpoint 192.0.2.1
has "  and says what to do" "hint: dietvpn up garden" "$W/out"
rm "$W/a/etc/garden.conf"
refuse "gw: a name that is a [Peer]'s" on_etc a enroll '*' --reveal

check "gw: revoke sensor-07" dietvpn a revoke sensor-07
refuse "pi: no ping any more" wait_for 1 ping_gw
daemon_stop a; daemon a
again
has "  and its log says why" "AUTHENTICATION_FAILED|compare Psk" "$W/b.log"
refuse "  nor after a restart of both" wait_for 1 ping_gw
sed -i -e 's/^# \(Compress = iot\)/\1/' -e 's/^# \(Sleepy = yes\)/\1/' "$W/a/etc/home.conf"
check "gw: what init suggests, and reload" dietvpn a reload
check "gw: enroll makes a new key" enroll sensor-07
refuse "  which is new" test "$first" = "$(uri_of "$W/enrolled")"
check "pi: adopt --force" adopt "$(uri_of "$W/enrolled")"
again
check "  and ping works again" wait_for 8 ping_gw
has "  compressed as the gateway says" '^Compress = iot' "$W/b/etc/home.conf"

label=$(on_etc b keygen --label sensor-09 --dir "$W/b/etc/keys" --reveal | sed -n 's/^label *//p')
check "pi: the typed code of a label" adopt "$label" --gateway 192.0.2.1:4500 --as sensor-09 --network "$gw/64"
again
refuse "  is nobody yet" wait_for 1 ping_gw
check "gw: adopt CODE --as sensor-09" sh -c "printf '%s\n' '$label' | ip netns exec $P-a $B/bin/dietvpn --socket $W/a/run/control.sock adopt - --as sensor-09"
check "  and ping works" wait_for 12 ping_gw

on_etc b keygen device --dir "$W/b/etc/keys" >"$W/keygen" || bad "keygen"
fingerprint=$(sed -n 's/^fingerprint *//p' "$W/keygen")
sed -i -e 's/^Address *= .*\/128/Address = auto/' -e 's/^Psk .*/Key = keys\/device.key/' -e 's/^Id .*/Id = camera-1/' -e '/^\[Peer/aImprint = yes' "$W/b/etc/home.conf"
own
background first a "$B/bin/dietvpn" --socket "$W/a/run/control.sock" adopt --first --seconds 20
wait_for 5 grep -q 'for 20 s' "$W/first.out" || bad "adopt --first does not begin"
again
check "pi: a key of its own, in the window" wait_for 8 ping_gw
check "gw: adopt --first ends" wait_for 3 grep -q fingerprint "$W/first.out"
has "  with the fingerprint that keygen printed" "^fingerprint  $fingerprint" "$W/first.out"
check "gw: adopt --reset" dietvpn a adopt --reset camera-1
again
refuse "  forgets it" wait_for 1 ping_gw
check "gw: adopt --fingerprint" dietvpn a adopt --fingerprint "$fingerprint" --as camera-1
check "  lets it in" wait_for 12 ping_gw
nonces_unique
finish
