#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A real CoAP client and server (libcoap) through the tunnel, and what is on the wire, counted in a capture in both
# directions: 10 octets more than the UDP payload with one octet each of SPI and SN, 8 with neither.
. "$(dirname "$0")/lib.sh"
net_pair

# sizes NAME INNER|ESP SOURCE: one line per packet of the capture that comes from SOURCE, in order: the octets of the UDP
# payload inside, or those from the ESP header to the ICV. The capture's own view of ESP is not asked: it is shortened.
sizes() {
	case $2 in
	INNER) tshark -r "$W/$1.pcap" -Y "ipv6.src == $3" -T fields -e udp.length 2>/dev/null | awk '{print $1 - 8}' ;;
	ESP) tshark -r "$W/$1.pcap" -Y "ip.src == $3" -T fields -E occurrence=f -e ip.proto -e ip.len -e ip.hdr_len 2>/dev/null |
		awk '{print $2 - $3 - ($1 == 17 ? 8 : 0)}' ;;
	esac
}
one() { # EXPECTED-OVERHEAD TITLE
	local want=$1
	echo "== $2"
	tunnel || return
	background server a coap-server-notls -A "$(other_inner b)" -p 5683
	capture b out0 wire 'ip proto 50 or udp port 4500'
	capture b diet0 inner 'udp port 5683'
	check "CoAP GET answers" wait_for 10 on b coap-client-notls -B 2 -p 5683 -m get "coap://[$(other_inner b)]:5683/"
	check "CoAP GET of the server's time" on b coap-client-notls -B 3 -p 5683 -m get "coap://[$(other_inner b)]:5683/time"
	has "the time came" '[0-9]{2}:[0-9]{2}:[0-9]{2}' "$W/out"
	capture_stop wire
	capture_stop inner
	local dir n=0
	for dir in 1 2; do
		sizes inner INNER "fd00:d1e7::$dir" >"$W/payload"
		sizes wire ESP "192.0.2.$dir" >"$W/esp"
		same "host $dir: packets on the wire, as many as inside" "$(wc -l <"$W/payload")" "$(wc -l <"$W/esp")"
		paste "$W/payload" "$W/esp" >"$W/pairs"
		awk '{printf "     payload of %d octets: %d on the wire\n", $1, $2}' "$W/pairs"
		same "host $dir: octets more than the UDP payload" "$want" "$(awk '{print $2 - $1}' "$W/pairs" | sort -u | paste -sd' ')"
		n=$((n + $(wc -l <"$W/pairs")))
	done
	[ "$n" -ge 4 ] || bad "only $n packets were compared"
	background_stop server
	tunnel_down
}
ALLOW='udp 5683 from 5683' CIPHER=aes-ccm-8-iiv
COMPRESS=iot ENCAP=raw one 10 "iot, AES-CCM-8 with implicit IV, raw ESP"
COMPRESS=iot ENCAP=udp one 10 "iot, AES-CCM-8 with implicit IV, UDP"
COMPRESS=iot ENCAP=raw EXTRA=$'EspSpiLsb = 0\nEspSnLsb = 0\nFallback = no' one 8 "nothing of SPI and SN on the wire, raw ESP"
COMPRESS=iot ENCAP=raw CIPHER=chacha20-poly1305-iiv one 18 "iot, ChaCha20-Poly1305 with implicit IV (ICV of 16 octets)"
nonces_unique
finish
