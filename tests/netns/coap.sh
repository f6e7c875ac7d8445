#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A real CoAP client and server (libcoap) through the tunnel, and what is on the wire, counted in a capture in both
# directions: 10 octets more than the UDP payload with one octet each of SPI and SN, 8 with neither.
. "$(dirname "$0")/lib.sh"
net_pair

# payload octets and ESP octets of the packets in the captures, direction by source address
sizes() { # NAME FIELD-LIST OUTER-SOURCE
	tshark -r "$W/$1.pcap" -T fields -e "$2" "$3" 2>/dev/null | sort -n | uniq
}
one() { # EXPECTED-OVERHEAD TITLE
	local want=$1
	echo "== $2"
	tunnel || return
	on a coap-server-notls -A "$(other_inner b)" -p 5683 >/dev/null 2>&1 &
	capture b out0 wire 'ip proto 50 or udp port 4500'
	capture b diet0 inner 'udp port 5683'
	check "CoAP GET answers" wait_for 10 on b coap-client-notls -B 2 -p 5683 -m get "coap://[$(other_inner b)]:5683/"
	check "CoAP GET of the server's time" on b coap-client-notls -B 3 -p 5683 -m get "coap://[$(other_inner b)]:5683/time"
	capture_stop wire
	capture_stop inner
	local dir esp udp n=0
	for dir in 1 2; do
		udp=$(tshark -r "$W/inner.pcap" -Y "ipv6.src == fd00:d1e7::$dir" -T fields -e udp.length 2>/dev/null)
		esp=$(tshark -r "$W/wire.pcap" -Y "ip.src == 192.0.2.$dir" -T fields -e ip.len -e udp.length 2>/dev/null |
			awk '{print NF > 1 ? $2 - 8 : $1 - 20}')
		same "host $dir: packets inside and on the wire" "$(echo "$udp" | wc -l)" "$(echo "$esp" | wc -l)"
		paste <(echo "$udp") <(echo "$esp") >"$W/pairs"
		same "host $dir: octets more than the UDP payload" "$want" "$(awk '{print $2 - ($1 - 8)}' "$W/pairs" | sort -u | tr '\n' ' ' | sed 's/ $//')"
		n=$((n + $(wc -l <"$W/pairs")))
	done
	[ "$n" -ge 4 ] || bad "only $n packets were compared"
	tunnel_down
}
ALLOW='udp 5683 from 5683' CIPHER=aes-ccm-8-iiv
COMPRESS=iot ENCAP=raw one 10 "iot, AES-CCM-8 with implicit IV, raw ESP"
COMPRESS=iot ENCAP=udp one 10 "iot, AES-CCM-8 with implicit IV, UDP"
COMPRESS=iot ENCAP=raw EXTRA=$'EspSpiLsb = 0\nEspSnLsb = 0\nFallback = no' one 8 "nothing of SPI and SN on the wire, raw ESP"
COMPRESS=iot ENCAP=raw CIPHER=chacha20-poly1305-iiv one 18 "iot, ChaCha20-Poly1305 with implicit IV (ICV of 16 octets)"
nonces_unique
finish
