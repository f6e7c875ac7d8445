#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Each preset of conf/rules against what real programs send, and rules learned of half of that against the preset on the
# other half; then a sensor's CoAP messages through the tunnel under coap-sensor, octet by octet.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/recorded.sh"
for tool in tcpdump ping python3; do
	command -v $tool >/dev/null || { echo "skipped: $tool is not installed"; exit 77; }
done
recorded_pair

# restored NAME PRESET PACKETS SAVED: of at least so many packets each goes under a rule and comes back, and they save on
# average so many octets at least
restored() {
	local out
	out=$("$D" --json rules check "$S/conf/rules/$2.cbor" --against "$W/$1.pcap" --dev $DEV --app $APP) || { bad "$1 under $2: $out"; return; }
	printf '%s' "$out" | python3 -c '
import json, sys
a = json.load(sys.stdin)["against"]
took = sum(r["packets"] for r in a["rules"] if r["rule"] != "none")
before = sum(r["before"] for r in a["rules"]); after = sum(r["after"] for r in a["rules"])
print("%d packets, %d under a rule, %d octets before, %d after, %.1f saved by packet" % (a["packets"], took, before, after, (before - after) / a["packets"]))
sys.exit(not (a["packets"] >= int(sys.argv[1]) and took == a["packets"] and a["lost"] == 0 and before - after >= float(sys.argv[2]) * a["packets"]))
' "$3" "$4" >"$W/out" && ok "$1 under $2: $(cat "$W/out")" || bad "$1 under $2: $(cat "$W/out")"
}

# learned NAME PRESET: rules learned of half of the recording reach 95 % of what the preset saves on the other half
learned() {
	local out
	out=$("$D" --json rules learn "$W/$1.pcap" -o "$W/$1.learned.js" --versus "$S/conf/rules/$2.cbor" --dev $DEV --app $APP 2>&1) || { bad "learn $1: $out"; return; }
	printf '%s' "$out" | python3 -c '
import json, sys
a = json.load(sys.stdin); mine = a["before"] - a["after"]; theirs = a["before"] - a["versus_after"]
print("%d rules; of %d octets in %d packets held back %d saved, by hand %d: %.0f %%" % (a["rules"], a["before"], a["held_back"], mine, theirs, 100 * mine / theirs))
sys.exit(not (a["lost"] == 0 and a["held_back"] >= 8 and a["before"] > sum(f["after"] for f in a["flows"]) and theirs > 0 and mine >= 0.95 * theirs))
' >"$W/out" && ok "learned of $1: $(cat "$W/out")" || bad "learned of $1: $(cat "$W/out")"
	check "... what it wrote is a rule file that gives every packet back" "$D" rules check "$W/$1.learned.js" --against "$W/$1.pcap" --dev $DEV --app $APP
}

# preset NAME PRESET PACKETS SAVED: both
preset() { restored "$@"; learned "$1" "$2"; }

# serve NAME COMMAND...: goes on in app until the test ends
serve() {
	local name=$1
	shift
	ip netns exec $P-app "$@" >"$W/$name.log" 2>&1 &
	echo $! >"$W/$name.pid"
}
# wanted PACKAGE PROGRAM...: all of them are there; else says what is not sent for want of the package
wanted() {
	local package=$1 program
	shift
	for program in "$@"; do
		command -v "$program" >/dev/null || { echo "skipped: $program of $package is not installed: nothing of it was sent"; return 1; }
	done
}

record ping 'ip6[40] = 128 or ip6[40] = 129' ping -6 -n -c 20 -i 0.02 -s 24 $APP
preset ping icmpv6 40 42

if coap_programs; then
	coap_server
	# What a sensor says: from its own port, its reading as text or as CBOR
	record sensor "udp port 5683" bash -c "c='$client -U -B 3 -p 5683'
		\$c -m put -e 20.0 'coap://[$APP]/temperature'
		for i in 1 2 3 4 5 6 7 8; do
			\$c -N -m post -e 21.\$i 'coap://[$APP]/temperature'; \$c -m post -t 60 -e 0x15\$i 'coap://[$APP]/temperature'
			\$c -m put -e 22.\$i 'coap://[$APP]/temperature'; done"
	preset sensor coap-sensor 48 53
	record client "udp port 5683" bash -c "for i in 1 2 3 4 5 6 7 8 9; do '$client' -m put -e 21.\$i 'coap://[$APP]/example_data'; '$client' -m get 'coap://[$APP]/example_data'; done"
	preset client coap-sensor 36 47
	head -c 700 "$S/LICENSE" >"$W/blocks"
	record observe "udp port 5683" bash -c "c='$client -B 3'
		for k in 1 2 3; do \$c -s 2 -T o\$k 'coap://[$APP]/time' & done
		for i in 1 2 3 4; do
			\$c -b 64 -m put -f '$W/blocks' 'coap://[$APP]/example_data'; \$c -b 64 'coap://[$APP]/example_data'
			\$c -m put -e \$i 'coap://[$APP]/example_data'; done
		wait"
	preset observe coap-observe 150 47
fi

serve mqttsn python3 "$S/tests/tools/mqttsn.py" serve $APP 1883
sleep 0.2
record mqttsn "udp port 1883" bash -c "for port in 1883 0 1883 0; do python3 '$S/tests/tools/mqttsn.py' send $APP 1883 \$port 8 || exit 1; done"
same "MQTT-SN: every answer was due" "" "$(cat "$W/mqttsn.out")"
preset mqttsn mqtt-sn 72 45.5

if wanted "bind9-dnsutils and dnsmasq-base" dig dnsmasq; then
	serve dns dnsmasq -k --no-resolv --no-hosts --bind-interfaces --listen-address=$APP --address=/home.arpa/fd00::5 --pid-file= -u root
	wait_for 5 on dev dig +time=1 +tries=1 @$APP a.home.arpa AAAA
	record dns "udp port 53" bash -c "for i in 1 2 3 4 5 6 7 8; do dig +short @$APP s\$i.home.arpa AAAA; dig +short +noedns @$APP a.home.arpa A; done"
	same "DNS: answers" 8 "$(grep -c '^fd00::5$' "$W/dns.out")"
	preset dns dns 32 45
fi

if wanted chrony chronyd; then
	printf '%s\n' 'local stratum 5' 'allow all' 'cmdport 0' 'bindcmdaddress /' "pidfile $W/chrony-server.id" >"$W/chrony.conf"
	serve ntp chronyd -u root -x -d -f "$W/chrony.conf"
	record ntp "udp port 123" bash -c "for port in 123 0 123 0 123 0; do timeout 10 chronyd -u root -x -Q -t 3 -f /dev/null \
		'server $APP iburst minpoll -4 maxpoll -4' 'cmdport 0' \"acquisitionport \$port\" 'pidfile $W/chrony.id'; done"
	same "NTP: measurements" 6 "$(grep -c 'System clock wrong by' "$W/ntp.out")"
	preset ntp ntp 30 45.5
fi

if wanted curl curl; then
	mkdir "$W/web" && head -c 3000 /dev/urandom >"$W/web/file"
	serve web sh -c "cd '$W/web' && exec python3 -m http.server --bind $APP 8080"
	wait_for 10 on dev curl -s -o /dev/null "http://[$APP]:8080/"
	record web "tcp port 8080" sh -c "for i in 1 2 3 4 5 6; do curl -s -o /dev/null 'http://[$APP]:8080/file'; done"
	preset web tcp-web 48 36
fi

# --- the sensor's messages through the tunnel: payload, 8 octets of ICV, and what? ---

# esp NAME SOURCE: octets of each packet of IP protocol 50 from there, from the ESP header to the ICV
esp() { tcpdump -nvr "$W/$1.pcap" "src host $2" 2>/dev/null | grep -oE 'proto ESP.*length [0-9]+' | grep -oE '[0-9]+$' | awk '{print $1 - 20}'; }

# through SPI-AND-SN-BITS OCTETS: header octets of each message, RuleID and residue and SPI and SN
through() {
	local to payload=4 icv=8
	EXTRA="Device = peer"$'\n'"RulesDigest = $digest"$'\n'"EspSpiLsb = $1"$'\n'"EspSnLsb = $1"
	tunnel || return
	to=$(other_inner a)
	background sensor-server b "$server" -A "$to" -d 10
	wait_for 5 on a "$client" -U -p 5683 -B 1 -m put -e 20.0 "coap://[$to]/temperature"
	capture a out0 sensor-wire 'ip proto 50'
	for i in 1 2; do
		on a "$client" -U -p 5683 -B 1 -N -m post -e 21.$i "coap://[$to]/temperature" >/dev/null 2>&1
		on a "$client" -U -p 5683 -B 3 -m post -e 21.$i "coap://[$to]/temperature" >/dev/null 2>&1
		on a "$client" -U -p 5683 -B 3 -m post -t 60 -e 21.$i "coap://[$to]/temperature" >/dev/null 2>&1
	done
	capture_stop sensor-wire
	esp sensor-wire 192.0.2.1 >"$W/lengths"
	same "CoAP POST, $1 bits each of SPI and SN: octets before payload and ICV, in each of 6" "6 x $2" \
		"$(awk -v n=$((payload + icv)) '{print $1 - n}' "$W/lengths" | sort | uniq -c | awk '{print $1 " x " $2}' | paste -sd' ')"
	background_stop sensor-server
	tunnel_down
}
if coap_programs; then
	digest=$("$D" --json rules check "$S/conf/rules/coap-sensor.cbor" | sed -n 's/.*"rules_digest": "\(........\).*/\1/p')
	eval "$(declare -f conf | sed '1s/conf/conf_plain/')"
	conf() {
		conf_plain "$1"
		[ "$1" = b ] || sed -i 's/^Device = peer/Device = here/' "$W/a/etc/home.conf"
		mkdir -p "$W/$1/etc/rules" && cp "$S/conf/rules/coap-sensor.cbor" "$W/$1/etc/rules/"
	}
	net_pair
	COMPRESS=coap-sensor ALLOW=any ENCAP=raw CIPHER=aes-ccm-8-iiv OFFLOAD=off
	through 0 3
	through 8 5
fi
finish
