#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Enrolment without a daemon and without root: init, enroll, adopt, keygen. What is drawn as a QR code is read back by
# zbarimg: from the terminal's half blocks, from --svg and from a sheet of labels.
set -u
cli=${DIETVPN_BINARY_DIR:?}/bin/dietvpn
W=$(mktemp -d) || exit 2
trap 'rm -rf "$W"' EXIT
export STATE_DIRECTORY=$W/state LC_ALL=C.UTF-8
fails=0
ok() { echo "ok   $*"; }
bad() { echo "FAIL $*"; fails=$((fails + 1)); }
same() { if [ "$2" = "$3" ]; then ok "$1: $3"; else bad "$1: expected $2, got $3"; fi; }
has() { if grep -qE -- "$2" "$3"; then ok "$1"; else bad "$1: no line matches $2"; tail -n 12 "$3" | sed 's/^/     | /'; fi; }
hasnt() { if grep -qE -- "$2" "$3"; then bad "$1: a line matches $2"; else ok "$1"; fi; }
# exits STATUS TEXT COMMAND...: the exit status; both streams are in $W/out
exits() {
	local want=$1 text=$2 got
	shift 2
	"$@" >"$W/out" 2>&1 </dev/null
	got=$?
	if [ "$got" = "$want" ]; then ok "$want: $text"; else bad "$text: expected status $want, got $got"; sed 's/^/     | /' "$W/out" | tail -n 12; fi
}
gw() { "$cli" --socket "$W/none.sock" --dir "$W/gw" "$@"; }
node() { "$cli" --socket "$W/none.sock" --dir "$W/node" "$@"; }
check() { "$cli" --plugin-dir "$DIETVPN_BINARY_DIR/keying" --dir "$1" check; }

echo "== a gateway"
exits 0 "init" gw init home --network fd00:d1e7::/64
has "  says what is next" 'dietvpn enroll NAME' "$W/out"
for file in home.conf keys/home.key keys/home.master; do same "mode of $file" 600 "$(stat -c %a "$W/gw/$file" | sed 's/^640$/600/')"; done
exits 0 "what it writes is right" check "$W/gw"
exits 1 "init never overwrites" gw init home
exits 5 "another gateway beside it: whose would a device be?" gw init garden
has "  says so" 'whose tunnel it wants' "$W/out"
same "  and nothing is written" "" "$(find "$W/gw" -name 'garden*')"
sed -e 's/^Name .*/Name = diet1/' "$W/gw/home.conf" >"$W/gw/garden.conf"
exits 2 "which of both?" gw enroll sensor-07 --reveal
has "  says how to choose" '--tunnel' "$W/out"
rm "$W"/gw/garden.conf
exits 0 "a prefix of its own" "$cli" --dir "$W/gw2" init home
has "  of unique local addresses" '^Address *= fd[0-9a-f:]+::1/64' "$W/gw2/home.conf"
for words in 'init' 'init a/b' 'init .x' 'init a b' 'init x --network fd00::1' 'init x --network fd00::/127' 'init x --network ff02::/64' \
	'enroll' 'enroll a b' 'enroll --csv x' 'enroll --labels x' 'enroll a --csv x --labels y' 'enroll sensor-07' 'enroll a/b --reveal' \
	'enroll a*b --reveal' 'enroll a --reveal --endpoint a:b:c:d:' 'revoke' 'revoke a b' 'adopt' 'adopt a --first' 'adopt --first --reset x' \
	'adopt --fingerprint 12 --as x' 'adopt 000G-40R4-0M30-E209-185G-R38E-1WYR' 'adopt 000G-40R4-0M30-E209-185G-R38E-1WYR --gateway gw'; do
	# shellcheck disable=SC2086
	exits 2 "$words" gw $words
done
for words in 'revoke a' 'adopt --first' 'adopt --reset a' 'adopt 000G-40R4-0M30-E209-185G-R38E-1WYR --as a' \
	"adopt --as x --fingerprint $(printf 'ab%.0s' $(seq 32))"; do
	# shellcheck disable=SC2086
	exits 3 "$words without a daemon" gw $words
done
mkdir "$W/state"; : >"$W/state/state.db"
exits 3 "enroll, when a daemon has kept state and none runs" gw enroll sensor-07 --reveal
rm -r "$W/state"

echo "== a device"
exits 0 "enroll" gw enroll sensor-07 --reveal --endpoint gw.example.net
uri=$(sed -n "s/.*adopt '\(DV1:.*\)'.*/\1/p" "$W/out")
code=$(sed -n 's/^  dietvpn adopt \([0-9A-Z-]*\) .*/\1/p' "$W/out")
typed=$(sed -n '/^or type:/,$p' "$W/out" | sed 1d | tr -d '\\\n' | sed 's/^ *dietvpn adopt//')
same "the URI but for the key" "DV1:home?h=gw.example.net:4500&i=sensor-07&k=&g=fd00:d1e7::/64" "$(printf %s "$uri" | sed 's/k=[^&]*/k=/')"
same "its key" 22 "$(printf %s "$uri" | sed 's/.*&k=\([^&]*\)&.*/\1/' | wc -c)"
cp "$W/out" "$W/first"
exits 0 "once more" gw enroll sensor-07 --reveal --endpoint gw.example.net
same "  is the same" "" "$(diff "$W/first" "$W/out")"
exits 0 "another device" gw enroll sensor-08 --reveal --endpoint gw.example.net
hasnt "  has another code" "$code" "$W/out"
exits 0 "--json" gw enroll sensor-07 --reveal --json --endpoint gw.example.net
has "  has the same URI" "\"uri\": \"$(printf %s "$uri" | sed 's/[?&.]/./g')\"" "$W/out"
exits 0 "adopt" node adopt "$uri"
exits 0 "what it writes is right" check "$W/node"
for file in home.conf keys/home.psk; do same "mode of $file" 600 "$(stat -c %a "$W/node/$file" | sed 's/^640$/600/')"; done
has "the address follows from the name" '^Address *= fd00:d1e7::46d:62ad:d9e5:2ee3/128$' "$W/node/home.conf"
key=$(sed 's/^0s//' "$W/node/keys/home.psk")
same "the key is the URI's" "$(printf %s "$uri" | sed 's/.*&k=\([^&]*\)&.*/\1==/' | tr _- /+)" "$key"
exits 1 "adopt never overwrites" node adopt "$uri"
sed -i 's/^Name .*/Name = diet7/' "$W/node/home.conf"
printf '%s\n' "$uri" | node adopt --force - >"$W/out" 2>&1; same "but --force does, and reads standard input" 0 $?
has "  the device keeps its name" '^Name *= diet7' "$W/node/home.conf"
exits 5 "not beside the same under another name" node adopt "$uri" --tunnel second
has "  as the inner address is taken" 'is also' "$W/out"
exits 0 "another one is" node adopt "${uri/fd00:d1e7/fd00:d1e8}" --tunnel second
has "  with another device" '^Name *= diet0' "$W/node/second.conf"
cp "$W/node/home.conf" "$W/node/keys/home.psk" "$W"; rm -r "$W/node"
# shellcheck disable=SC2086
exits 0 "adopt the typed code" node adopt $typed
sed 's/^\(Name *= \).*/\1diet7/' "$W/node/home.conf" | diff - "$W/home.conf" >"$W/out"; same "  gives the same file" 0 $?
cmp -s "$W/home.psk" "$W/node/keys/home.psk"; same "  and the same key" 0 $?
rm -r "$W/node"
exits 2 "arguments are no way around the parser" node adopt "$code" --gateway gw --as sensor-07 --network 'fd00::/64&c=iot'
exits 2 "  nor are bad ones taken" node adopt "$code" --gateway gw --as 'a#b' --network fd00::/64
exits 1 "a wrong character" node adopt "${uri/DV1:home?h=/DV1:home?q=}"
same "  leaves nothing behind" "" "$(ls -A "$W/node" 2>/dev/null)"
swapped=${code:1:1}${code:0:1}${code:2}
[ "${code:0:1}" = "${code:1:1}" ] && swapped=${code/?/U}
exits 1 "a code with two characters swapped" node adopt "$swapped" --gateway gw --as a --network fd00::/64
mkdir -p "$W/node/keys/home.psk"
exits 1 "a key that cannot be written" node adopt "$uri"
same "  leaves no configuration" "" "$(ls "$W"/node/*.conf 2>/dev/null)"
rm -r "$W/node"

echo "== IPv4, and a template with exceptions"
sed -e 's/^Address *= .*::1\/64/Address = 10.9.0.1\/8/' -e 's/^Address *= .*::\/64/Address = 10.9.0.0\/16\nCompress = iot/' \
	-e 's/^Id .*/Id = router@example.net/' -e 's/"\*"/"sensor-*"/' -i "$W/gw/home.conf"
exits 0 "a small prefix" gw enroll sensor-07 --reveal --endpoint gw.example.net
has "  has a device ask for its address" '&g=10.9.0.0/16&a=auto&r=router@example.net&c=iot' "$W/out"
exits 0 "  which adopt takes" node adopt "$(sed -n "s/.*adopt '\(DV1:.*\)'.*/\1/p" "$W/out")"
has "  into the configuration" '^Address *= auto$' "$W/node/home.conf"
exits 0 "  which is right" check "$W/node"
rm -r "$W/node"
exits 5 "a name that no template fits" gw enroll lamp-1 --reveal
sed -e 's/^Address *= 10.*\/8/Address = fd00:1::9\/64/' -e 's/^Address *= 10.*\/16/Address = fd00:2::\/64/' -i "$W/gw/home.conf"
exits 0 "a pool beside the gateway's own prefix" gw enroll sensor-07 --reveal --endpoint '[2001:db8::1]'
has "  is told" "h=\[2001:db8::1\]:4500&.*&g=fd00:1::9/64&a=fd00:2::.*&r=router@example.net&c=iot" "$W/out"
exits 0 "  and taken" node adopt "$(sed -n "s/.*adopt '\(DV1:.*\)'.*/\1/p" "$W/out")"
exits 0 "  as a right configuration" check "$W/node"
has "  with the gateway's identity" '^\[Peer "router@example.net"\]' "$W/node/home.conf"
has "  and preset" '^Compress = iot' "$W/node/home.conf"
chmod 644 "$W/gw/keys/home.master"
exits 4 "a master that others can read" gw enroll sensor-07 --reveal
chmod 600 "$W/gw/keys/home.master"; echo short >"$W/gw/keys/home.master"
exits 5 "a master that is none" gw enroll sensor-07 --reveal
rm -r "$W/gw" "$W/node"

echo "== many"
gw init home -q >/dev/null
printf '# three\nname,description\nsensor-01,"Attic, ""north"""\r\nsensor-02,K\xc3\xbcche & <garden>\n\nsensor-03\n' >"$W/devices.csv"
exits 0 "enroll --csv" gw enroll --csv "$W/devices.csv" --labels "$W/labels.svg" --endpoint gw.example.net
same "mode of the sheet" 600 "$(stat -c %a "$W/labels.svg")"
has "  its text is escaped" 'che &amp; &lt;garden&gt;<' "$W/labels.svg"
exits 1 "a sheet is not overwritten" gw enroll --csv "$W/devices.csv" --labels "$W/labels.svg"
bad_rows() { # TEXT PATTERN
	printf -- "$1" >"$W/bad.csv"
	exits 5 "bad rows: $1" gw enroll --csv "$W/bad.csv" --labels "$W/none.svg"
	has "  are named" "$2" "$W/out"
	same "  and nothing is written" "" "$(ls "$W/none.svg" 2>/dev/null)"
}
bad_rows 'a\nb/c,x\n' 'bad.csv:2: the name'
bad_rows 'a\nb,x,y\n' 'bad.csv:2: more than'
bad_rows 'a\nb\na\n' 'bad.csv:3: "a" stands on line 1'
bad_rows 'a,"x\n' 'bad.csv:1: a quote'
bad_rows 'a,"x"y\n' 'bad.csv:1: something behind'
bad_rows 'a,\xff\n' 'bad.csv:1: the description'
bad_rows '#\n' 'no device'
bad_rows '-a\n,b\n' 'bad.csv:2: the name'

echo "== keys"
exits 0 "keygen" "$cli" keygen gw --dir "$W/keys"
public=$(sed -n 's/^public key *//p' "$W/out") fingerprint=$(sed -n 's/^fingerprint *//p' "$W/out")
same "pubkey of it" "$public" "$("$cli" pubkey <"$W/keys/gw.key")"
if command -v openssl >/dev/null; then
	"$cli" pubkey --pem <"$W/keys/gw.key" >"$W/gw.pem"
	same "openssl reads it: base64 of the key" "$public" "$(openssl pkey -pubin -in "$W/gw.pem" -outform DER | tail -c 32 | base64)"
	same "its fingerprint" "$fingerprint" "$(openssl pkey -pubin -in "$W/gw.pem" -outform DER | sha256sum | cut -d' ' -f1)"
	openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$W/rsa.pem" 2>/dev/null
	same "pubkey of an RSA key" "$(openssl pkey -in "$W/rsa.pem" -pubout)" "$("$cli" pubkey --pem <"$W/rsa.pem")"
else echo "openssl is not installed: PEM is not compared"; fi
exits 0 "keygen --label" "$cli" keygen --label sensor-09 --dir "$W/keys" --reveal
label=$(sed -n 's/^label *//p' "$W/out")
exits 2 "  not into a pipe unasked" "$cli" keygen --label sensor-10 --dir "$W/keys"
exits 0 "  the label is the key's code" node adopt "$label" --gateway gw --as sensor-09 --network fd00::/64
cmp -s "$W/keys/sensor-09.psk" "$W/node/keys/home.psk"; same "  octet by octet" 0 $?

echo "== QR codes"
if ! command -v zbarimg >/dev/null; then
	echo "skipped: zbarimg (zbar-tools) is not installed"
else
	zbar() { zbarimg --nodbus -q --raw "$@" 2>/dev/null; }
	# half blocks to a picture, 4 by 4 dots a module: LIGHT UPPER LOWER DARK are the values of the four characters
	picture() {
		sed -e $'s/\033\\[[0-9;]*m//g' -e "s/█/$1/g;s/▀/$2/g;s/▄/$3/g;s/ /$4/g" | awk '
			{ rows[NR] = $0 }
			END {
				print "P2", 4 * length(rows[1]), 8 * NR, 1
				for (r = 1; r <= NR; r++) for (half = 0; half < 2; half++) for (k = 0; k < 4; k++) {
					line = ""
					for (c = 1; c <= length(rows[r]); c++) {
						v = substr(rows[r], c, 1); bit = half ? v % 2 : int(v / 2)
						line = line bit " " bit " " bit " " bit "\n"
					}
					printf "%s", line
				}
			}'
	}
	enrol() { gw enroll sensor-07 --endpoint gw.example.net --reveal "$@"; }
	uri=$(enrol | sed -n "s/.*adopt '\(DV1:.*\)'.*/\1/p")
	enrol --qr --color=never | grep -E '^[█▀▄ ]+$' >"$W/blocks"
	same "lines of a terminal" 23 "$(wc -l <"$W/blocks")"
	picture 3 2 1 0 <"$W/blocks" >"$W/plain.pgm"
	same "half blocks, light on dark" "$uri" "$(zbar "$W/plain.pgm")"
	enrol --qr --color=always | grep $'^\033.*[█▀▄ ]' | picture 0 1 2 3 >"$W/colour.pgm"
	same "half blocks in black and white" "$uri" "$(zbar "$W/colour.pgm")"
	exits 0 "--svg" gw enroll sensor-07 --endpoint gw.example.net --svg "$W/one.svg"
	hasnt "  and no secret on a pipe" 'DV1:' "$W/out"
	same "mode of the picture" 600 "$(stat -c %a "$W/one.svg")"
	if one=$(zbar "$W/one.svg") && [ -n "$one" ]; then
		same "--svg" "$uri" "$one"
		same "three labels" "$(for n in 1 2 3; do gw enroll sensor-0$n --endpoint gw.example.net --reveal | sed -n "s/.*adopt '\(DV1:.*\)'.*/\1/p"; done)" "$(zbar "$W/labels.svg" | sort -t= -k3)"
	else echo "skipped: this zbarimg reads no SVG (librsvg2-bin)"; fi
fi
[ "$fails" = 0 ] && { echo "passed"; exit 0; }
echo "$fails checks failed"
exit 1
