#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Two tunnels of two files on one socket, shortened and full SPIs mixed; down and up of one leaves the other alone.
. "$(dirname "$0")/lib.sh"
net_pair
USERNAME_FOR_DAEMON=root
: >"$W/seal.log"
keys 36
mkdir -p "$W/k"
for side in a b; do
	for pair in a-to-b b-to-a; do cp "$W/$side/etc/keys/$pair.key" "$W/k/$pair-$side" 2>/dev/null; done
done
COMPRESS=iot; conf a; conf b
for side in a b; do
	if [ $side = a ]; then other=b mine=1 theirs=2; else other=a mine=2 theirs=1; fi
	cat >"$W/$side/etc/office.conf" <<-CONF
		[Interface]
		Name     = diet1
		Offload  = $OFFLOAD
		Address  = 10.20.0.$mine/24
		[Peer "$other-office"]
		Keying   = manual
		Endpoint = 192.0.2.$theirs
		Address  = 10.20.0.$theirs
		Cipher   = aes-gcm-16
		Compress = off
		OutSpi   = 0x8000${mine}0${mine}7
		OutKey   = keys/office-$mine.key
		InSpi    = 0x8000${theirs}0${theirs}7
		InKey    = keys/office-$theirs.key
	CONF
done
for n in 1 2; do
	head -c 20 /dev/urandom | base64 -w0 >"$W/office-$n.key"
	for side in a b; do install -m 600 "$W/office-$n.key" "$W/$side/etc/keys/office-$n.key"; done
done
own
daemon a || bad "a does not start"
daemon b || bad "b does not start"
for s in a:b b:a; do for suffix in '' -office; do dietvpn ${s%:*} sa fresh-key "${s#*:}$suffix" >/dev/null || bad "fresh-key ${s#*:}$suffix"; done; done
check "home" wait_for 5 on a ping -c 2 -i 0.1 -W 1 fd00:d1e7::2
check "office" wait_for 5 on a ping -c 2 -i 0.1 -W 1 10.20.0.2
check "down office" dietvpn a down office
refuse "office is gone" ip -n "$P-a" link show diet1
check "home goes on" on a ping -c 2 -i 0.1 -W 1 fd00:d1e7::2
check "up office" dietvpn a up office
check "office again" wait_for 5 on a ping -c 2 -i 0.1 -W 1 10.20.0.2
dietvpn a sa | sed 's/^/     /'
nonces_unique
finish
