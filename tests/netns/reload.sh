#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Reload under traffic: a bad file changes nothing and is reported with its place; a good one applies the difference; SAs,
# counters and the interface stay, and not one packet is lost of a peer that did not change. A second stream of the same rate
# runs beside it over the bare wire: where that one loses packets, the machine stalled and the run says nothing.
. "$(dirname "$0")/lib.sh"
net_pair
COMPRESS=link
EXTRA='Local    = fd00:d1e7::1'
conf_b_local() { sed -i 's/^Local .*/Local    = fd00:d1e7::2/' "$W/b/etc/home.conf"; }
spis() { dietvpn a --json sa | grep -oE '"spi": *"[0-9a-f]+"' | sort | tr -d '\n'; }
sent_by_sa() { dietvpn a --json sa | grep -oE '"packets": *[0-9]+' | grep -oE '[0-9]+$' | sort -n | tail -n 1; }
add_peer_c() {
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
	for k in c-out c-in; do
		head -c 36 /dev/urandom | base64 -w0 >"$W/a/etc/keys/$k.key"
		chmod 600 "$W/a/etc/keys/$k.key"
	done
	own
}
# One run: everything that a reload may do, under both streams.
run() {
	local spi_before index_before count_before fails_before=$fails
	for end in "7000 rx" "7100 control-rx"; do
		background "${end#* }" b "$TOOLS/udpseq" recv "${end% *}" 2
	done
	sleep 0.2
	background tx a "$TOOLS/udpseq" send "$(other_inner a)" 7000 500 6 64
	background control-tx a "$TOOLS/udpseq" send 192.0.2.2 7100 500 6 64
	sleep 0.3
	spi_before=$(spis)
	count_before=$(sent_by_sa)
	index_before=$(ip -n "$P-a" -o link show diet0 | cut -d: -f1)
	cp "$W/a/etc/home.conf" "$W/good.conf"

	sed -i 's/^Compress.*/Compres = link/' "$W/a/etc/home.conf"
	dietvpn a reload >"$W/out" 2>&1
	same "reload of a bad file: exit status" 5 $?
	has "it says file and line" 'home\.conf:[0-9]+: .*Compres' "$W/out"
	has "it suggests" 'did you mean Compress' "$W/out"
	kill -HUP "$(daemon_pid a)"
	sleep 0.2
	same "SAs after bad files" "$spi_before" "$(spis)"

	cp "$W/good.conf" "$W/a/etc/home.conf"
	add_peer_c
	check "reload of a good file" dietvpn a reload
	dietvpn a --json status >"$W/status"
	has "the new peer is there" '"c"' "$W/status"
	has "the new address is there" 'fd00:d1e7::aa' <(ip -n "$P-a" -6 addr show dev diet0)
	cp "$W/good.conf" "$W/a/etc/home.conf"
	check "reload back" dietvpn a reload
	dietvpn a --json status >"$W/status"
	refuse "the peer is gone again" grep -q '"c"' "$W/status"
	refuse "its route is gone again" grep -q 'fd00:d1e7::3' <(ip -n "$P-a" -6 route show)
	for i in 1 2 3 4 5; do dietvpn a reload >/dev/null || bad "reload without a change fails"; done
	for i in $(seq 20); do kill -HUP "$(daemon_pid a)"; sleep 0.02; done
	for name in tx control-tx rx control-rx; do wait "$(cat "$W/bg-$name.pid")"; done
	same "interface" "$index_before" "$(ip -n "$P-a" -o link show diet0 | cut -d: -f1)"
	same "SAs" "$spi_before" "$(spis)"
	at_least "the SA counts on from $count_before" $((count_before + 1000)) "$(sent_by_sa)"
	cat "$W/tx.out" "$W/rx.out"
	[ "$fails" = "$fails_before" ]
}

: >"$W/seal.log"; chmod 666 "$W/seal.log"
keys "$(key_octets "$CIPHER")"
conf a; conf b; conf_b_local; own
daemon a || bad "a does not start"
daemon b || bad "b does not start"
check "fresh keys" eval 'dietvpn a sa fresh-key b && dietvpn b sa fresh-key a'
check "first packet" wait_for 5 on a ping -c 1 -W 1 "$(other_inner a)"
for try in 1 2 3 4; do
	run
	control_lost=$(($(field "$W/control-tx.out" sent) - $(field "$W/control-rx.out" received)))
	[ "$control_lost" = 0 ] && break
	echo "     void: the control stream lost $control_lost packets, so the machine stalled; again"
done
same "packets lost on the bare wire" 0 "$control_lost"
same "packets lost over the reloads" 0 $(($(field "$W/tx.out" sent) - $(field "$W/rx.out" received)))
same "errors that the sender saw" 0 "$(field "$W/tx.out" errors)"
nonces_unique
finish
