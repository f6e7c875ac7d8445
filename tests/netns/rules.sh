#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What the verbs of `dietvpn rules` say, of recordings of real programs among others (presets.sh has the presets); and two
# daemons with one set of four rules: each flow under its rule, octets as `rules check` predicts, sets that differ.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/recorded.sh"
for tool in tcpdump ping python3; do
	command -v $tool >/dev/null || { echo "skipped: $tool is not installed"; exit 77; }
done
recorded_pair

record ping 'ip6[40] = 128 or ip6[40] = 129' ping -6 -n -c 20 -i 0.02 -s 24 $APP
"$D" rules check "$S/conf/rules/icmpv6.cbor" --against "$W/ping.pcap" --dev $DEV --app $APP >"$W/out" 2>&1
has "ping: table of rules" '^0/1 +40 ' "$W/out"
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

# the same of a configured peer: its selectors, rules and cipher
mkdir -p "$W/peer/rules" && cp "$S/conf/rules/icmpv6.cbor" "$W/peer/rules/"
cat >"$W/peer/home.conf" <<END
[Interface]
Name = diet0
Role = initiator
Address = $DEV/128
[Peer "gw"]
Keying = manual
Endpoint = 192.0.2.1
Address = $APP
Allow = icmp6
Compress = icmpv6
RulesDigest = $("$D" --json rules check "$S/conf/rules/icmpv6.cbor" | sed -n 's/.*"rules_digest": "\(........\).*/\1/p')
Cipher = aes-ccm-8-iiv
OutSpi = 0x0107
OutKey = a.key
InSpi = 0x0701
InKey = b.key
END
check "explain: a packet of a peer" "$D" --dir "$W/peer" rules explain --peer gw --pcap "$W/ping.pcap"
has "... with its cipher" '^behind the outer IP header +100 B +39 B ' "$W/out"
refuse "explain: a peer's packet that does not match" "$D" --dir "$W/peer" rules explain --peer gw --pcap "$W/far.pcap"
has "... what would help has been tried" '^smallest change that makes it match .tried: 72 -> ' "$W/out"
"$D" --dir "$S/conf/examples" rules explain --tunnel sensor-manual --peer gw.home --svg "$W/doc.svg" --hex '6000000000181140 fd00d1e7000000000000000000000007
	fd00d1e7000000000000000000000001 1633163300 18f8b2 40021a2bb174ff32312e352064656743' | sed 's/^/    /; s/ *$//' >"$W/doc.out"
check "docs/explain.svg is what explain draws" cmp "$W/doc.svg" "$S/docs/explain.svg"
check "docs/rules.md has what explain prints" python3 -c 'import sys; sys.exit(open(sys.argv[1]).read() not in open(sys.argv[2]).read())' "$W/doc.out" "$S/docs/rules.md"
refuse "explain: a packet that the selectors do not admit" "$D" --dir "$W/peer" rules explain --peer gw --hex 4500001c0000400040110000c0000201c00002020007000700080000
has "... is no matter of rules" '^error: the selectors of gw do not admit this packet' "$W/out"
if coap_programs; then
	coap_server
	record accept "udp port 5683" "$client" -B 3 -m get -A 40 "coap://[$APP]/.well-known/core?rt=x"
	repaired "explain: options that no entry stands for" coap-sensor 3 --pcap "$W/accept.pcap" --dev $DEV --app $APP
else
	server=
	echo "skipped: libcoap's programs are not installed: CoAP was not sent"
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
has "... names the folder" "^files in etc/rules$" "$W/out"
has "... and a set with its digests, and that it says no version" "^mine +1 +1 +- +[0-9]+ +[0-9a-f]{8} +[0-9a-f]{8}$" "$W/out"

# --- two daemons, one SA, four rules ---

# quad OUT [LEFT-OUT]: CoAP, a flow to UDP port 53, echo and TCP from the presets, without the rule of that number.
quad() {
	python3 - "$S/conf/rules" "$1" "${2:-}" <<-'PYTHON'
		import json, sys
		folder, out, without = sys.argv[1:]
		def rules(name):
		    return json.load(open("%s/%s.json" % (folder, name)))["ietf-schc:schc"]["rule"]
		coap, echo, tcp, dns = rules("coap-sensor")[2], rules("icmpv6")[0], rules("tcp-web")[0], rules("dns")[0]
		ids = {"coap": (0, 1), "dns": (2, 2), "echo": (6, 3), "tcp": (14, 4)}
		chosen = []
		for name, rule in (("coap", coap), ("dns", dns), ("echo", echo), ("tcp", tcp)):
		    rule["rule-id-value"], rule["rule-id-length"] = ids[name]
		    if name != without:
		        chosen.append(rule)
		if without:
		    chosen.append({"rule-id-value": 15, "rule-id-length": 4, "rule-nature": "ietf-schc:nature-no-compression"})
		profile = {"alignment": 8, "esp_spi_lsb": 8, "esp_sn_lsb": 8, "esp_trailer": "optional"}
		json.dump({"version": 1, "profiles": {"quad": profile}, "ietf-schc:schc": {"dietvpn-schc:version": 4, "rule": chosen}}, open(out, "w"))
	PYTHON
}
quad quad.json && quad three.json echo
check "the set of four rules compiles" "$D" rules compile quad.json
check "the set of three rules compiles" "$D" rules compile three.json
digest() { "$D" --json rules check "$W/$1.cbor" | grep -oE '"rules_digest": *"[0-9a-f]{8}' | grep -oE '[0-9a-f]{8}$'; }

net_pair
OFFLOAD=off COMPRESS=quad ALLOW=any CIPHER=chacha20-poly1305-iiv
# rule_file SIDE NAME: what Compress = quad finds there, and the digest that its file says
rule_file() {
	mkdir -p "$W/$1/etc/rules"
	cp "$W/$2.cbor" "$W/$1/etc/rules/quad.cbor"
	sed -i "s/^RulesDigest .*/RulesDigest = $(digest "$2")/" "$W/$1/etc/home.conf" 2>/dev/null
	own
}
eval "$(declare -f conf | sed '1s/conf/conf_plain/')"
conf() {
	local end=peer
	[ "$1" = a ] && end=here
	EXTRA="Device = $end"$'\n'"RulesDigest = x" conf_plain "$1"
	rule_file "$1" quad
}
# flows: echo, CoAP, DNS and TCP from a to b
cat >dns.py <<-'PYTHON'
	import socket, sys
	s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
	query = bytes.fromhex("12340100000100000000000004686f6d6504617270610000010001")
	if sys.argv[1] == "serve":
	    s.bind((sys.argv[2], 53))
	    while True:
	        data, peer = s.recvfrom(512)
	        s.sendto(data[:2] + b"\x81\x83" + data[4:], peer)
	s.settimeout(3)
	for i in range(3):
	    s.sendto(query, (sys.argv[2], 53))
	    if s.recv(512)[3] != 0x83:
	        sys.exit("no answer")
PYTHON
mkdir -p web4 && head -c 3000 /dev/urandom >web4/file
serve() {
	local to
	to=$(other_inner a)
	background dns b python3 "$W/dns.py" serve "$to"
	background web b sh -c "cd '$W/web4' && exec python3 -m http.server --bind $to 8080"
	[ -z "${server:-}" ] || background coap b "$server" -A "$to"
	wait_for 10 on b python3 -c "import socket; socket.create_connection(('$to', 8080)).close()"
}
flows() {
	local to
	to=$(other_inner a)
	check "$1: echo" on a ping -6 -n -c 3 -i 0.1 -W 2 "$to"
	check "$1: DNS" on a python3 "$W/dns.py" ask "$to"
	check "$1: HTTP" on a python3 -c "import urllib.request as u; assert len(u.urlopen('http://[$to]:8080/file', timeout=5).read()) == 3000"
	[ -z "${server:-}" ] || check "$1: CoAP" on a "$client" -m post -B 3 -e 21.5 "coap://[$to]/example_data"
}
# took SIDE PEER: rule, packets, octets before and after, both ways, as `show` has them
took() {
	dietvpn "$1" --json show "$2" | python3 -c '
import json, sys
for r in json.load(sys.stdin)["tunnels"][0]["peers"][0]["rules"]["took"]:
    print(r["rule"], *[a + b for a, b in zip(r["out"], r["in"])])' | sort
}
# wire NAME: datagrams of port 4500 in a capture, and their octets
wire() {
	python3 - "$W/$1.pcap" <<-'PYTHON'
		import struct, sys
		data, at, n, octets = open(sys.argv[1], "rb").read(), 24, 0, 0
		while at < len(data):
		    size = struct.unpack_from("<I", data, at + 8)[0]
		    n, octets, at = n + 1, octets + struct.unpack_from(">H", data, at + 16 + 14 + 20 + 4)[0] - 8, at + 16 + size
		print(n, octets)
	PYTHON
}
four() { # TITLE: traffic under the four rules, counted at both ends and compared with the prediction
	capture a diet0 inner "host $(other_inner a) and host $(other_inner b)"
	capture a out0 wire 'udp port 4500 and udp[8:4] != 0'
	flows "$1"
	sleep 0.3
	capture_stop inner
	capture_stop wire
	"$D" --json rules check quad.cbor --against inner.pcap --dev "$(other_inner b)" --app "$(other_inner a)" >predicted.json
	python3 -c '
import json
for r in json.load(open("predicted.json"))["against"]["rules"]:
    if r["packets"] and r["rule"] != "all":
        print(r["rule"], r["packets"], r["before"], r["after"])' | sort >predicted
	took a b >took.a
	took b a >took.b
	same "$1: what the rules took is what check predicts" "$(paste -sd, predicted)" "$(paste -sd, took.a)"
	same "$1: both ends count the same" "$(paste -sd, took.a)" "$(paste -sd, took.b)"
	for rule in ${server:+0/1} 2/2 6/3 14/4; do has "$1: rule $rule took its flow" "^$rule " took.a; done
	# One octet each of SPI and number, an ICV of 16, and nothing else
	same "$1: octets on the wire" "$(awk '{n += $2; after += $4} END {print n, after + 18 * n}' predicted)" "$(wire wire)"
}
tunnel
serve
four manual
dietvpn a show b >show
has "show: the rules and their digest" "rules quad, version 4, 4 rules, digest $(digest quad), Dev is here" show
has "show: what each took" '^ +6/3 +3 ' show
dietvpn b status -v >show
has "status -v: the same digest at the other end" "^a: rules quad, version 4, 4 rules, digest $(digest quad), Dev is the peer" show
status_socket() { on b "$D" --socket "$W/b/run/status.sock" --dir "$W/b/etc" "$@"; }
status_socket rules list -v >show
has "rules list: the set, of the status socket" "^a: rules quad, version 4, 4 rules, digest $(digest quad), Dev is the peer" show
has "... the rule, its packets and their mean" '^6/3 +3 +3 +104.0 +[0-9.]+ +[0-9]+ +[0-9]+$' show
has "... a rule field by field" '^  ipv6-hoplimit +Bi +1 B +2 bit$' show
has "... and the file" '^quad +1 +4 +4 +[0-9]+ ' show
same "... on 80 columns" "" "$(awk 'length > 80' show)"
status_socket --json rules list | python3 -c '
import json, sys
for r in json.load(sys.stdin)["sets"][0]["list"]:
    if r["out"][0] + r["in"][0]:
        print(r["rule"], *[a + b for a, b in zip(r["out"], r["in"])])' | sort >listed
same "... counted as show does" "$(paste -sd, took.b)" "$(paste -sd, listed)"
same "no packet was of no rule" "0 0" "$(counter a rule) $(counter b rule)"

# what is wrong with a file is found before anything changes
cp "$W/a/etc/home.conf" "$W/good.conf"
sed -i "s/^RulesDigest .*/RulesDigest = $(digest three)/" "$W/a/etc/home.conf"
dietvpn a reload >out.reload 2>&1
same "another digest: exit status of reload" 5 $?
has "... names both" "RulesDigest in .*is $(digest three), but the rules of quad have $(digest quad)" out.reload
cp "$W/good.conf" "$W/a/etc/home.conf"
head -c 300 quad.cbor >"$W/a/etc/rules/quad.cbor"
on a "$D" --dir "$W/a/etc" --plugin-dir "$B/keying" check >out.check 2>&1
same "a file cut short: exit status of check" 5 $?
has "... says which" 'Compress in \[Peer "b"\] names quad.cbor, where' out.check
dietvpn a reload >/dev/null 2>&1
same "... and of reload" 5 $?
python3 - <<-'PYTHON'
	import json
	d = json.load(open("quad.json"))
	rule = d["ietf-schc:schc"]["rule"][1]
	rule["entry"] = [e for e in rule["entry"] if "udp" in e["field-id"]]
	d["ietf-schc:schc"]["rule"] = [rule]
	json.dump(d, open("transport.json", "w"))
PYTHON
"$D" rules compile transport.json >out.compile 2>&1 || bad "rules without IP headers: $(cat out.compile)"
cp transport.cbor "$W/a/etc/rules/quad.cbor"
on a "$D" --dir "$W/a/etc" --plugin-dir "$B/keying" check >out.check 2>&1
same "rules for transport mode: exit status of check" 5 $?
has "... says which" 'rule\[0\]: begins behind the IP header, for transport mode' out.check
check "the old rules go on" on a ping -6 -n -c 2 -i 0.1 -W 2 "$(other_inner a)"
sed -i '/^Device/d' "$W/a/etc/home.conf"
cp quad.cbor "$W/a/etc/rules/quad.cbor"
dietvpn a reload >out.reload 2>&1
has "neither Device nor Role" 'neither Device nor Role says who is Dev' out.reload
cp "$W/good.conf" "$W/a/etc/home.conf"
check "a reload without a change keeps the counters" dietvpn a reload
same "... all of them" "$(took a b | awk '{n += $2} END {print n + 0}')" "$(($(awk '{n += $2} END {print n}' took.a) + 4))"

# differ TITLE SIDE DIGEST DEVICE: ends that differ have no key in common, and SIDE's status says what to compare
differ() {
	local icv delivered
	icv=$(counter b icv)
	delivered=$(on b cat /sys/class/net/diet0/statistics/rx_packets)
	dietvpn b reload >out.reload 2>&1 || bad "$1: reload"
	has "$1: a restart of the peer" 'restarted.*(Compress|Device)' out.reload
	on a ping -6 -n -c 4 -i 0.05 -W 1 "$(other_inner a)" >/dev/null 2>&1
	at_least "$1: packets fail the ICV" 4 "$(($(counter b icv) - icv))"
	same "$1: and none gets out" "0 $delivered" "$(counter b rule) $(on b cat /sys/class/net/diet0/statistics/rx_packets)"
	dietvpn b status >show
	has "$1: status says what to compare" "none verifies: .*digest of its rules $2, as ours, and its Device $3" show
}
# with manual keys a mismatch is noticed by the key itself; a reload mends it, and no key has to be declared again
rule_file b three
differ "another set" "$(digest three)" here
rule_file b quad
sed -i 's/^Device .*/Device = here/' "$W/b/etc/home.conf"
differ "two ends that are both Dev" "$(digest quad)" peer
sed -i 's/^Device .*/Device = peer/' "$W/b/etc/home.conf"
dietvpn b reload >/dev/null 2>&1 || bad "reload with the right set"
check "the right set again" on a ping -6 -n -c 2 -i 0.1 -W 2 "$(other_inner a)"

# --- the same by a key exchange, which compares the digests ---
tunnel_down
head -c 32 /dev/urandom | base64 -w0 >"$W/psk"
# ike SIDE RULES [LINE]: the peer of this end, Keying = ikev2
ike() {
	local me=$1 other=b mine=1 theirs=2 end=here
	[ "$me" = b ] && other=a mine=2 theirs=1 end=peer
	mkdir -p "$W/a" "$W/b" "$W/$me/etc/keys" "$W/$me/state" "$W/$me/run"
	cat >"$W/$me/etc/home.conf" <<-CONF
		[Interface]
		Name     = diet0
		Address  = fd00:d1e7::$mine/64
		Id       = $me
		Offload  = off
		[Peer "$other"]
		Keying   = ikev2
		Endpoint = 192.0.2.$theirs
		Address  = fd00:d1e7::$theirs
		Encap    = udp
		Cipher   = chacha20-poly1305-iiv
		Compress = quad
		Device   = $end
		Psk      = keys/psk
		${3:-}
	CONF
	install -m 0600 "$W/psk" "$W/$me/etc/keys/psk"
	rule_file "$me" "$2"
}
start() { : >"$W/a.log" >"$W/b.log"; daemon a && daemon b && dietvpn a sa initiate b >/dev/null; }
is_up() { dietvpn "$1" --json sa | grep -q '"dir": *"out"'; }
ike a quad; ike b quad
start || bad "daemons do not start with ikev2"
check "ikev2: an SA at both ends" wait_for 5 sh -c "$(declare -f on dietvpn is_up); P=$P W=$W B=$B; is_up a && is_up b"
four ikev2
daemon_stop a; daemon_stop b
ike b three
start
check "ikev2, other rules: an SA all the same" wait_for 5 on a ping -6 -n -c 1 -W 1 "$(other_inner a)"
for side in a:quad:three b:three:quad; do
	own=${side#*:}
	has "... ${side%%:*} says both digests" "its rules have digest $(digest "${side##*:}"), ours $(digest "${own%%:*}").*compressed by attributes" "$W/${side%%:*}.log"
done
dietvpn a why b >why 2>&1
has "... and so does why" "^rules +$(digest quad), Dev here +$(digest three), Dev here" why
same "... and no rule took a packet" "" "$(took a b)"
daemon_stop a; daemon_stop b
ike a quad 'Fallback = no'; ike b three
start
wait_for 5 grep -q 'so there is no SA' "$W/a.log"
has "ikev2, other rules and Fallback = no: a says why" "its rules have digest $(digest three), ours $(digest quad).*so there is no SA" "$W/a.log"
refuse "... and has no SA" is_up a
for name in dns web ${server:+coap}; do background_stop $name; done
finish
