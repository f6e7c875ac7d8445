#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every verb and option of dietvpn with its exit status, without a daemon and against a real one; both sockets as root,
# as a member of their group and as a stranger; JSON and CBOR are whole; no key in any output of the whole run.
. "$(dirname "$0")/lib.sh"
net_pair
# "up" opens the device again after the privileges have gone: that needs the usual mode of it.
[ "$(stat -c %a /dev/net/tun)" = 666 ] || USERNAME_FOR_DAEMON=root
: >"$W/all"
cli=$B/bin/dietvpn

# exits STATUS TEXT COMMAND...: the exit status; what was printed is in $W/out (both streams), and kept for the last check
exits() {
	local want=$1 text=$2 got
	shift 2
	"$@" >"$W/out" 2>&1 </dev/null
	got=$?
	cat "$W/out" >>"$W/all"
	if [ "$got" = "$want" ]; then ok "$want: $text"; else bad "$text: expected status $want, got $got"; sed 's/^/     | /' "$W/out" | tail -n 12; fi
}
prints() { has "  prints $1" "$1" "$W/out"; }
whole_json() { # the file: one value, or one value per line
	if command -v python3 >/dev/null; then
		python3 -c 'import json, sys
text = open(sys.argv[1]).read()
assert text.strip(), "empty"
try: json.loads(text)
except ValueError: [json.loads(line) for line in text.splitlines()]' "$1"
	elif command -v jq >/dev/null; then jq -e . "$1"
	else bad "neither python3 nor jq"; fi
}
json() { local text=$1; shift; exits 0 "--json $text" "$@"; cp "$W/out" "$W/json"; check "  is JSON" whole_json "$W/json"; }

echo "== without a daemon"
exits 0 "help" "$cli" --help
for verb in status show sa drops log up down reload check genkey pubkey genpsk keygen init enroll adopt revoke demo; do prints " $verb"; done
exits 0 "help as a verb" "$cli" help
exits 0 "version" "$cli" -V
prints '^dietvpn [0-9]+\.[0-9]+'
exits 2 "unknown verb" "$cli" stauts
prints 'error: .*stauts'
prints '^hint: '
exits 2 "unknown option" "$cli" --jsn
exits 2 "colour of no kind" "$cli" --color=blue
exits 2 "timeout that is no number" "$cli" --timeout soon status
for words in 'status a b' 'show a b' 'sa a b' 'sa delete' 'sa fresh-key' 'sa rekey' 'sa initiate' 'sa terminate' 'why a b' 'drops x' 'up' 'up a b' 'down' 'reload x' \
	'keygen' 'keygen a/b' 'keygen --manual-pair a' 'keygen --manual-pair a a' 'keygen --cipher rot13 --manual-pair a b' 'demo x' \
	'genkey x' 'genpsk x' 'pubkey x'; do
	# shellcheck disable=SC2086
	exits 2 "$words" "$cli" $words
done
for words in status show 'show plugins' 'show policy' sa drops log 'sa delete x' 'sa fresh-key x' 'sa rekey x' 'sa rekey --ike x' 'sa initiate x' 'sa terminate x' why 'why x' 'log -f' 'up home' 'down home' reload; do
	# shellcheck disable=SC2086
	exits 3 "$words without a daemon" "$cli" --socket "$W/nothing.sock" $words
done
prints '^error: .*nothing.sock'

echo "== keys"
"$cli" genkey >"$W/private.key"; same "genkey" 0 $?
"$cli" pubkey <"$W/private.key" >"$W/public"; same "pubkey" 0 $?
"$cli" genpsk >"$W/psk.key"; same "genpsk" 0 $?
for file in private.key public psk.key; do same "$file: octets of its base64" 32 "$(base64 -d "$W/$file" 2>/dev/null | wc -c)"; done
echo nonsense | "$cli" pubkey >"$W/out" 2>&1; same "pubkey of nonsense" 1 $?
exits 0 "keygen" "$cli" keygen --dir "$W/made" gw
same "its mode" 600 "$(stat -c %a "$W/made/gw.key")"
exits 1 "keygen never overwrites" "$cli" keygen --dir "$W/made" gw
exits 0 "keygen --manual-pair" "$cli" keygen --dir "$W/made" --cipher aes-ccm-8-iiv --manual-pair router sensor
prints 'sa fresh-key'
same "octets of a pair's key" 19 "$(base64 -d "$W/made/router-to-sensor.key" | wc -c)"
exits 1 "a pair is never overwritten" "$cli" keygen --dir "$W/made" --manual-pair router sensor

echo "== check"
: >"$W/seal.log"; chmod 666 "$W/seal.log"
keys "$(key_octets "$CIPHER")"
conf a; conf b; own
ck() { "$cli" --plugin-dir "$B/keying" "$@"; }
exits 0 "a good folder" ck --dir "$W/a/etc" check
prints '1 tunnel, 1 peer'
exits 0 "a good file" ck check "$W/a/etc/home.conf"
exits 0 "-q" ck -q --dir "$W/a/etc" check
same "  prints" "" "$(cat "$W/out")"
exits 5 "a folder that is not there" ck --dir "$W/nowhere" check
exits 5 "a file that is not there" ck check "$W/nowhere.conf"
mkdir -p "$W/a/bad/keys"; install -m 600 "$W"/a/etc/keys/* "$W/a/bad/keys"
broken() { # SED-EXPRESSION PATTERN
	sed -E "$1" "$W/a/etc/home.conf" >"$W/a/bad/home.conf"
	exits 5 "check: $1" ck --dir "$W/a/bad" check
	prints "$2"
	prints '^error: [0-9]+ error'
}
broken 's/^Compress/Compres/' 'home.conf:[0-9]+: .*Compres'
prints 'did you mean Compress'
broken 's/^(Compress *= ).*/\1tiny/' 'home.conf:[0-9]+: .*Compress'
broken 's/^(Cipher *= ).*/\1rot13/' 'home.conf:[0-9]+: .*Cipher'
broken 's/^(OutSpi *= ).*/\10x7/' 'home.conf:[0-9]+: .*OutSpi'
broken 's/^(Keying *= ).*/\1magic/' 'home.conf:[0-9]+: .*magic'
broken '/^InKey/d' 'home.conf:[0-9]+: .*InKey'
broken 's/^(Address *= fd00:d1e7::)1.*/\1zz/' 'home.conf:[0-9]+: .*Address'
broken 's/^\[Peer/[Pear/' 'home.conf:[0-9]+: .*Pear'
chmod 644 "$W/a/bad/keys/a-to-b.key"
broken '' 'nobody else can read'
chmod 600 "$W/a/bad/keys/a-to-b.key"; rm -r "$W/a/bad"

echo "== a daemon"
daemon a || { bad "a does not start"; finish; }
daemon b || { bad "b does not start"; finish; }
d() { dietvpn a "$@"; }
exits 6 "status: the keys are not declared yet" d status
prints 'fresh-key'
exits 1 "fresh-key of nobody" d sa fresh-key nobody
exits 0 "fresh-key" d sa fresh-key b
exits 1 "fresh-key once more" d sa fresh-key b
dietvpn b sa fresh-key a >/dev/null
check "ping" wait_for 5 on a ping -c 2 -i 0.1 -W 1 "$(other_inner a)"
exits 1 "rekey of manual keys" d sa rekey b
prints 'no exchanges'
exits 1 "rekey of nobody" d sa rekey nobody
exits 0 "why" d why b
prints 'nothing is known'
exits 1 "why of nobody" d why nobody
exits 0 "no verb is status" d
prints '^b +up'
exits 0 "status" d status
exits 0 "status of the tunnel" d status home
exits 0 "status of the peer" d status b
exits 0 "status -q" d -q status
same "  prints" "" "$(cat "$W/out")"
exits 1 "status of nobody" d status nobody
prints '^error: .*nobody'
exits 0 "show" d show
prints 'keys \(hidden\)'
exits 0 "show TUNNEL" d show home
exits 0 "show PEER" d show b
prints '^peer b'
exits 1 "show nobody" d show nobody
exits 0 "show plugins" d show plugins
prints '^manual '
exits 0 "show policy" d show policy
prints 'everything else is discarded'
exits 0 "sa" d sa
same "  SAs of b" 4 "$(grep -cE '^[0-9a-f]{8} ' "$W/out")"
exits 0 "sa PEER" d sa b
exits 1 "sa nobody" d sa nobody
exits 0 "drops" d drops
prints '^no-policy +[0-9]+ '
exits 0 "status -v" d -v status
exits 0 "--color=always" d --color=always status
prints $'\033\\[1m'
exits 0 "--color=never" d --color=never status
exits 0 "--timeout" d --timeout 3 status
exits 0 "check beside a running daemon" ck --dir "$W/a/etc" check

echo "== JSON and CBOR"
for words in status show 'show plugins' 'show policy' sa drops; do
	# shellcheck disable=SC2086
	json "$words" d --json $words
	# shellcheck disable=SC2086
	d --cbor $words >"$W/cbor" 2>>"$W/all"; same "--cbor $words" 0 $?
	cat "$W/cbor" >>"$W/all"
	# A frame is one byte string of definite length (docs/control.md): its head says how long it is.
	same "  is a frame" "$(stat -c %s "$W/cbor")" "$(od -An -v -tu1 -w1 "$W/cbor" | awk '{o[NR] = $1} END {
		at = 1
		while (at <= NR) {
			kind = o[at] - 64
			if (kind < 24) n = 1 + kind; else if (kind == 24) n = 2 + o[at + 1]; else if (kind == 25) n = 3 + o[at + 1] * 256 + o[at + 2]
			else n = 5 + ((o[at + 1] * 256 + o[at + 2]) * 256 + o[at + 3]) * 256 + o[at + 4]
			at += n
		}
		print at - 1}')"
done

echo "== changes"
exits 0 "reload without a change" d reload
prints '^unchanged'
sed -i 's/^Address .*1\/64/&\nMtu = 1300/' "$W/a/etc/home.conf"
exits 0 "reload" d reload
prints 'Mtu'
sed -i 's/^Mtu/Mut/' "$W/a/etc/home.conf"
exits 5 "reload of a bad file" d reload
prints 'home.conf:[0-9]+: .*Mut'
prints 'nothing was changed'
exits 0 "and the tunnel goes on" on a ping -c 1 -W 1 "$(other_inner a)"
sed -i '/^Mut/d' "$W/a/etc/home.conf"
exits 0 "reload" d reload

follow events a log -f
follow events-json a --json log -f
exits 1 "up of what is up" d up home
exits 5 "up of a file that is not there" d up nowhere
prints '^nowhere.conf: '
exits 0 "down" d down home
refuse "  the interface is gone" ip -n "$P-a" link show diet0
exits 1 "down again" d down home
exits 6 "status without a tunnel" d status
prints 'no tunnel is up'
exits 0 "up" d up home
prints '^up in'
exits 0 "down" d -q down home
same "  -q prints" "" "$(cat "$W/out")"
json "up" d --json up home
check "ping" wait_for 5 on a ping -c 1 -W 1 "$(other_inner a)"
exits 0 "sa delete" d sa delete b
prints 'SAs? deleted'
exits 1 "sa delete of nobody" d sa delete nobody
exits 0 "status: no SA, and nothing is wrong" d status
prints '^b +waiting'
exits 0 "down" d down home
exits 0 "up brings them back" d up home
check "ping" wait_for 5 on a ping -c 1 -W 1 "$(other_inner a)"
sleep 0.3
background_stop events; background_stop events-json
cat "$W/events.out" "$W/events-json.out" >>"$W/all"
has "log tells that the tunnel went" 'tunnel' "$W/events.out"
check "log --json: one JSON value per line" whole_json "$W/events-json.out"
head -n 3 "$W/events.out" "$W/events-json.out" | sed 's/^/     /'

echo "== who may"
sock=$W/a/run/status.sock
exits 0 "status.sock: reading as root" on a "$cli" --socket "$sock" show
exits 4 "status.sock: changing, even as root" on a "$cli" --socket "$sock" down home
group=$(stat -c %g "$sock")
as() { on a setpriv --reuid 4242 --regid "$1" --clear-groups "$cli" --socket "$2" "${@:3}"; }
chmod 755 "$W/a" "$W/a/run"
exits 0 "status.sock: a member of its group" as "$group" "$sock" status
exits 4 "status.sock: a member may not change" as "$group" "$sock" reload
exits 4 "status.sock: a stranger" as 4242 "$sock" status
prints '^hint: '
exits 4 "control.sock: a member of the group" as "$group" "$W/a/run/control.sock" status
exits 4 "control.sock: a stranger" as 4242 "$W/a/run/control.sock" status

echo "== keys in the output"
cat "$W"/*.log >>"$W/all"
for key in "$W"/*.key "$W"/made/*.key; do
	grep -qaF -- "$(head -c 20 "$key")" "$W/all" && bad "$key in base64"
	hex=$(base64 -d "$key" | od -An -v -tx1 | tr -d ' \n')
	grep -qaiF -- "${hex:0:24}" "$W/all" && bad "$key in hex"
	grep -qaF -- "$(base64 -d "$key" | head -c 8 | tr -d '\0\n')" "$W/all" && bad "$key as it is"
done
ok "looked for $(ls "$W"/*.key "$W"/made/*.key | wc -l) keys in $(wc -c <"$W/all") octets of output"
nonces_unique
finish
