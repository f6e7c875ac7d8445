#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Reload under traffic: a bad file changes nothing and is reported with its place; a good one applies the difference; SAs,
# counters and the interface stay, and not one packet is lost of a peer that did not change.
. "$(dirname "$0")/lib.sh"
net_pair
COMPRESS=link
tunnel || finish
on b "$TOOLS/udpseq" recv 7000 2 >"$W/rx" 2>&1 &
rx=$!
check "first packet" wait_for 5 on a ping -c 1 -W 1 "$(other_inner a)"
on a "$TOOLS/udpseq" send "$(other_inner a)" 7000 500 6 64 >"$W/tx" 2>&1 &
tx=$!
spi_before=$(dietvpn a --json sa | tr ',' '\n' | grep -E '"spi"' | sort)
index_before=$(ip -n "$P-a" -o link show diet0 | cut -d: -f1)
cp "$W/a/etc/home.conf" "$W/good.conf"

sed -i 's/^Compress.*/Compres = link/' "$W/a/etc/home.conf"
dietvpn a reload >"$W/out" 2>&1
same "reload of a bad file: exit status" 5 $?
has "it says file and line" 'home\.conf:[0-9]+' "$W/out"
has "it suggests" 'Compress' "$W/out"
kill -HUP "$(daemon_pid a)"; sleep 0.2
cp "$W/good.conf" "$W/a/etc/home.conf"
sed -i 's/^Address.*64$/&, fd00:d1e7::aa\/64/' "$W/a/etc/home.conf"
cat >>"$W/a/etc/home.conf" <<-CONF
	[Peer "c"]
	Keying   = manual
	Endpoint = 192.0.2.99
	Address  = fd00:d1e7::3
	Local    = fd00:d1e7::1
	Cipher   = chacha20-poly1305-iiv
	Compress = link
	OutSpi   = 0x41424344
	OutKey   = keys/c-out.key
	InSpi    = 0x51525354
	InKey    = keys/c-in.key
CONF
sed -i '/^OutKey   = keys\/a-to-b/i Local    = fd00:d1e7::1' "$W/a/etc/home.conf"
for k in c-out c-in; do head -c 36 /dev/urandom | base64 -w0 >"$W/a/etc/keys/$k.key"; chmod 600 "$W/a/etc/keys/$k.key"; done
own
check "reload of a good file" dietvpn a reload
dietvpn a --json status >"$W/status"
has "the new peer is there" '"c"' "$W/status"
cp "$W/good.conf" "$W/a/etc/home.conf"
check "reload back" dietvpn a reload
dietvpn a --json status >"$W/status"
refuse "the peer is gone again" grep -q '"name": *"c"' "$W/status"
for i in 1 2 3 4 5; do dietvpn a reload >/dev/null || bad "reload without a change fails"; done
wait $tx
wait $rx
same "interface" "$index_before" "$(ip -n "$P-a" -o link show diet0 | cut -d: -f1)"
same "SAs" "$spi_before" "$(dietvpn a --json sa | tr ',' '\n' | grep -E '"spi"' | sort)"
cat "$W/tx" "$W/rx"
lost=$(grep -oE '"lost": ?[0-9]+' "$W/rx" | grep -oE '[0-9]+')
same "packets lost over the reloads" 0 "${lost:-none counted}"
nonces_unique
finish
