#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The presets of conf/rules against what real programs send: ping, libcoap, curl; and what the verbs of `dietvpn rules` say.
. "$(dirname "$0")/lib.sh"
for tool in tcpdump ping python3; do
	command -v $tool >/dev/null || { echo "skipped: $tool is not installed"; exit 77; }
done
D=$B/bin/dietvpn
S=$(cd "$(dirname "$0")/../.." && pwd)
DEV=fd00:d1e7::7 APP=fd00:d1e7::1

ip netns add $P-dev && ip netns add $P-app
ip -n $P-dev link add e0 type veth peer name e0 netns $P-app
for end in dev:$DEV app:$APP; do
	ip -n $P-${end%%:*} addr add ${end#*:}/64 dev e0 nodad
	ip -n $P-${end%%:*} link set e0 up
	ip -n $P-${end%%:*} link set lo up
	# What the rules compare is the packet as it would enter the tunnel, checksums made.
	ip netns exec $P-${end%%:*} ethtool -K e0 tx off >/dev/null 2>&1
done
sleep 0.3

# record NAME FILTER COMMAND...: what the command sends and gets, as NAME.pcap
record() {
	local name=$1 filter=$2
	shift 2
	ip netns exec $P-dev tcpdump --immediate-mode -i e0 -U -w "$W/$name.pcap" "$filter" 2>"$W/$name.err" &
	local dump=$!
	wait_for 5 grep -q "listening on" "$W/$name.err"
	on dev "$@" >"$W/$name.out" 2>&1
	sleep 0.5
	kill $dump
	wait $dump 2>/dev/null
}

# restored NAME RULES MOST: every packet of the recording comes back, under the rules, MOST octets for each header at most
restored() {
	local out
	out=$("$D" --json rules check "$S/conf/rules/$2.cbor" --against "$W/$1.pcap" --dev $DEV --app $APP) || { bad "$1 under $2: $out"; return; }
	printf '%s' "$out" | python3 -c '
import json, sys
a = json.load(sys.stdin)["against"]
took = sum(r["packets"] for r in a["rules"] if r["rule"] != "none")
before = sum(r["before"] for r in a["rules"]); after = sum(r["after"] for r in a["rules"])
print("%d packets, %d under a rule, %d octets before, %d after" % (a["packets"], took, before, after))
sys.exit(not (a["packets"] >= int(sys.argv[1]) and took == a["packets"] and a["lost"] == 0 and before - after >= int(sys.argv[2]) * a["packets"]))
' "$3" "$4" >"$W/out" && ok "$1 under $2: $(cat "$W/out")" || bad "$1 under $2: $(cat "$W/out")"
}

record ping 'ip6[40] = 128 or ip6[40] = 129' ping -6 -n -c 5 -i 0.2 -s 24 $APP
sed -i 's/^//' "$W/ping.err"
"$D" rules check "$S/conf/rules/icmpv6.cbor" --against "$W/ping.pcap" --dev $DEV --app $APP >"$W/out" 2>&1
has "ping: table of rules" '^0/1 +10 ' "$W/out"
has "ping: nothing is lost" '^(every packet|all else) comes back unchanged' "$W/out"

check "explain: a rule set" "$D" rules explain "$S/conf/rules/coap-sensor.cbor"
has "... a field of one way" '^coap-option-uri-path +var +Up +4 +ignore value-sent' "$W/out"
check "explain: a packet" "$D" rules explain "$S/conf/rules/icmpv6.cbor" --pcap "$W/ping.pcap" --packet 2 --dev $DEV --app $APP --svg "$W/ping.svg"
has "... a field and its value" '^icmp type +12[89] +1 B +1 bit  one of 2 that the rule lists$' "$W/out"
has "... the sum" '^behind the outer IP header +108 B +47 B  61 B saved, 36 residue bits$' "$W/out"
has "... the byte map" '^after  SNrrrrrd{24}c{16}$' "$W/out"
check "... its picture is XML with a cell for each part" python3 -c '
import sys, xml.etree.ElementTree as t
root = t.parse(sys.argv[1]).getroot(); n = root.tag[:root.tag.index("}") + 1]
assert len(root.findall(n + "rect")) > 20 and len(root.findall(n + "path")) > 15 and root.find(n + "title").text' "$W/ping.svg"
"$D" --json rules explain "$S/conf/rules/icmpv6.cbor" --pcap "$W/ping.pcap" --dev $DEV --app $APP >"$W/told"
check "... its octets are those of the packet path" python3 -c '
import json, sys
a = json.load(open(sys.argv[1])); p = a["packet"]
inner = sum(f["after"] for f in p["fields"] if f["part"] not in ("spi", "sequence", "iv", "padding", "trailer", "icv"))
assert a["matches"] and inner == 8 * a["inner_after"] and p["before"] == sum(f["before"] for f in p["fields"]) // 8, a' "$W/told"
refuse "explain: a packet that no rule takes" "$D" rules explain "$S/conf/rules/tcp-web.cbor" --pcap "$W/ping.pcap" --dev $DEV --app $APP
has "... the field that fails" '^ip next header: the rule has 6, the packet has 58$' "$W/out"

# repaired TEXT RULES ENTRIES EXPLAIN-ARGUMENTS...: the change proposed, made in the JSON, makes the packet match
repaired() {
	local text=$1 rules=$2 entries=$3 got
	shift 3
	"$D" --json rules explain "$S/conf/rules/$rules.json" "$@" -o "$W/written.js" >"$W/told" 2>"$W/out"
	[ $? = 6 ] || { bad "$text: taken at once"; return; }
	got=$(python3 - "$S/conf/rules/$rules.json" "$W/told" "$W/patched.js" <<'END'
import json, sys
rules = json.load(open(sys.argv[1])); edit = json.load(open(sys.argv[2]))["failed"].get("edit", [])
for op in edit: # RFC 6902
    at = rules
    *way, last = [int(p) if p.isdigit() else p for p in op["path"].split("/")[1:]]
    for step in way:
        at = at[step]
    at.insert(last, op["value"]) if op["op"] == "add" and isinstance(at, list) else at.__setitem__(last, op["value"])
json.dump(rules, open(sys.argv[3], "w"))
print(len(edit))
END
)
	same "$text: entries changed" "$entries" "$got"
	check "... made in the JSON, the packet matches" "$D" rules explain "$W/patched.js" "$@"
	[ ! -e "$W/written.js" ] || check "... and -o wrote the same" sh -c "'$D' rules compile '$W/written.js' -o '$W/1' && '$D' rules compile '$W/patched.js' -o '$W/2' && cmp '$W/1' '$W/2'"
	rm -f "$W/written.js"
}

record far 'ip6[40] = 128' ping -6 -n -c 1 -t 5 -Q 0xb8 -s 24 $APP
repaired "explain: hop limit 5 and DSCP 46" icmpv6 2 --pcap "$W/far.pcap" --dev $DEV --app $APP
if command -v coap-server-notls >/dev/null || command -v coap-server >/dev/null; then
	server=$(command -v coap-server-notls || command -v coap-server)
	client=$(command -v coap-client-notls || command -v coap-client)
	ip netns exec $P-app "$server" -A $APP >"$W/server.log" 2>&1 &
	echo $! >"$W/server.pid"
	sleep 0.5
	record coap "udp port 5683" bash -c "for i in 1 2 3 4; do '$client' -m put -e 21.5 'coap://[$APP]/example_data'; '$client' -m get 'coap://[$APP]/example_data'; done"
	restored coap coap-sensor 16 44
	record accept "udp port 5683" "$client" -B 3 -m get -A 40 "coap://[$APP]/.well-known/core?rt=x"
	repaired "explain: options that no entry stands for" coap-sensor 3 --pcap "$W/accept.pcap" --dev $DEV --app $APP
else
	echo "skipped: libcoap's programs are not installed: CoAP was not sent"
fi

if command -v curl >/dev/null; then
	mkdir "$W/web" && head -c 3000 /dev/urandom >"$W/web/file"
	(cd "$W/web" && exec ip netns exec $P-app python3 -m http.server --bind $APP 8080) >/dev/null 2>&1 &
	echo $! >"$W/web.pid"
	wait_for 10 on dev curl -s -o /dev/null "http://[$APP]:8080/"
	record web "tcp port 8080" curl -s -o /dev/null "http://[$APP]:8080/file"
	restored web tcp-web 8 36
else
	echo "skipped: curl is not installed: HTTP was not sent"
fi

# the examples of docs/rules.md, and what is said about what is wrong
cd "$W" || exit 1
cp "$S"/conf/rules/*.json .
for name in *.json; do
	name=${name%.json}
	check "$name.json is $name.cbor" sh -c "'$D' rules compile $name.json && cmp $name.cbor '$S/conf/rules/$name.cbor'"
	check "$name.json is what dump prints" sh -c "'$D' rules dump $name.cbor | cmp - $name.json"
	check "$name.cbor in diagnostic notation" sh -c "'$D' rules dump --diag $name.cbor | grep -q '^55799({'"
done
printf '{"version": 1,\n "profiles": {"a": {"alignment": 9}}\n' >broken.json
refuse "JSON that ends early" "$D" rules compile broken.json
has "... with line and column" '^error: broken.json:3:0: .* near end of file' "$W/out"
printf '{"version": 1, "profiles": {"a": {"alignment": 9}}}' >wrong.json
refuse "an alignment of 9" "$D" rules compile wrong.json
has "... with its path" '^error: wrong.json: profiles.a.alignment: 8, 16, 32 or 64 is expected$' "$W/out"
[ ! -e wrong.cbor ] && ok "nothing was written" || bad "wrong.cbor was written"
sed 's/dietvpn-schc:cda-generated/ietf-schc:cda-not-sent/' icmpv6.json >lossy.json
refuse "a rule that loses bits" "$D" rules check lossy.json
has "... with its entry" '^error: lossy.json: ietf-schc:schc.rule\[0\].entry\[3\]: fid-ipv6-flowlabel: ignore with not-sent loses the value$' "$W/out"
mkdir -p etc/rules && cp icmpv6.cbor etc/rules/mine.cbor
check "list" "$D" rules list --dir etc
has "... names file and digests" "^mine +1 +1 +[0-9]+ +[0-9a-f]{8} +[0-9a-f]{8} +etc/rules/mine.cbor$" "$W/out"
finish
