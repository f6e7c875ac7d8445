#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A gateway (a) whose file names no device but a template, and devices (b, one after the other) that come with keys derived
# from its Master, here derived once more in Python: in, listed, kept over a reload, put out by a [Peer] of their name. Then a
# second tunnel by IKEv2 beside it, on both.
. "$(dirname "$0")/lib.sh"
net_pair
command -v python3 >/dev/null || { echo "skipped: python3 is not installed"; exit 77; }

# derive NAME GENERATION: "PSK ADDRESS", after src/crypto/enrol.h
derive() {
	python3 - "$W/master" "$1" "$2" <<-'PY'
		import base64, hashlib, hmac, ipaddress, sys
		master = base64.b64decode(open(sys.argv[1]).read())
		name, generation = sys.argv[2].encode(), int(sys.argv[3])
		prk = hmac.new(bytes(32), master, hashlib.sha256).digest()
		info = b"dietvpn psk v1\0" + generation.to_bytes(4, "big") + name
		psk = hmac.new(prk, info + b"\1", hashlib.sha256).digest()[:16]
		host = hashlib.sha256(b"dietvpn address v1\0" + bytes(4) + name).digest()[:8]
		print("0x" + psk.hex(), ipaddress.ip_address(bytes.fromhex("fd00d1e700000000") + host))
	PY
}
# gateway LINES: the file of a, with more lines behind its template
gateway() {
	mkdir -p "$W/a/etc/keys" "$W/a/state" "$W/a/run"
	cat >"$W/a/etc/home.conf" <<-CONF
		[Interface]
		Name     = diet0
		Role     = responder
		Address  = fd00:d1e7::1/64
		Id       = gw.home
		Master   = keys/enroll.key
		[Peer "sensor-*"]
		Address  = fd00:d1e7::/64
		Compress = iot
		$1
	CONF
	install -m 0600 "$W/master" "$W/a/etc/keys/enroll.key"
}
# device NAME: b is this one
device() {
	local psk
	read -r psk ADDRESS < <(derive "$1" 0)
	rm -rf "$W/b/etc"
	mkdir -p "$W/b/etc/keys" "$W/b/state" "$W/b/run"
	echo "$psk" >"$W/b/etc/keys/psk"
	chmod 600 "$W/b/etc/keys/psk"
	cp "$W/b/etc/keys/psk" "$W/$1.key"
	cat >"$W/b/etc/home.conf" <<-CONF
		[Interface]
		Name     = diet0
		Role     = initiator
		Address  = $ADDRESS/128
		Id       = $1
		Psk      = keys/psk
		[Peer "gw.home"]
		Endpoint = 192.0.2.1
		Address  = fd00:d1e7::1
		Compress = iot
		Start    = boot
	CONF
	own
}
reader() { on a "$B/bin/dietvpn" --socket "$W/a/run/status.sock" "$@"; }
# peers PATTERN: a line of `dietvpn peers` on a matches
peers() { reader peers >"$W/peers" 2>&1; grep -qE -- "$1" "$W/peers"; }
ping_gateway() { on b ping -c 1 -W 1 fd00:d1e7::1; }

: >>"$W/seal.log"; chmod 666 "$W/seal.log"
head -c 32 /dev/urandom | base64 -w0 >"$W/master"
cp "$W/master" "$W/master.key"
gateway ""
device sensor-07
S07=$ADDRESS
check "the file is in order" "$B/bin/dietvpn" check --dir "$W/a/etc" --plugin-dir "$B/keying"
daemon a && daemon b
check "sensor-07 comes in" wait_for 8 ping_gateway
check "and is reached" on a ping -c 2 -i 0.1 -W 1 "$S07"
check "peers: derived, up, its address" peers "^sensor-07 +derived +up +gen 0 +$S07 "
check "peers: the template" peers '^sensor-\* +template +template '
refuse "status: nothing is down" sh -c "ip netns exec $P-a $B/bin/dietvpn --socket $W/a/run/status.sock status | grep -q down"
check "show has its own address" sh -c "ip netns exec $P-a $B/bin/dietvpn --socket $W/a/run/status.sock show sensor-07 | grep -q 'addresses *$S07/128'"
check "sa has its SAs" sh -c "ip netns exec $P-a $B/bin/dietvpn --socket $W/a/run/status.sock sa sensor-07 | grep -c sensor-07 | grep -q '^[2-9]'"
reader --json peers >"$W/json"
check "peers --json is JSON, without keys" python3 -c "
import json; p = json.load(open('$W/json'))['peers']
assert [x['name'] for x in p] == ['sensor-*', 'sensor-07'], p
assert not any('psk' in x for x in p)"
on a ping -c 3 -i 0.1 -W 1 fd00:d1e7::dead >/dev/null 2>&1
at_least "an address that nobody has yet: no-peer" 3 "$(counter a no-peer)"

SPI=$(dietvpn a sa sensor-07 | awk '$2 == "out" {print $1}' | tr '\n' ' ')
gateway "[Peer \"router\"]
Address  = fd00:d1e7::2
Psk      = keys/other"
head -c 16 /dev/urandom | base64 >"$W/a/etc/keys/other"
chmod 600 "$W/a/etc/keys/other"
own
check "reload with one more peer" dietvpn a reload
same "its SAs have stayed" "$SPI" "$(dietvpn a sa sensor-07 | awk '$2 == "out" {print $1}' | tr '\n' ' ')"
check "it pings on" ping_gateway
refuse "a wrong file is refused" sh -c "echo 'Psk = keys/x' >>$W/a/etc/home.conf; ip netns exec $P-a $B/bin/dietvpn --socket $W/a/run/control.sock reload"
check "and nothing has changed" ping_gateway

daemon_stop b
device sensor-08
daemon b
check "sensor-08 comes in" wait_for 8 ping_gateway
check "peers has it" peers "^sensor-08 +derived +up +gen 0 +$ADDRESS "
check "and sensor-07, which has parted" peers "^sensor-07 +derived +waiting "

gateway "[Peer \"sensor-08\"]
Address  = fd00:d1e7::8
Psk      = keys/other"
own
check "reload with a [Peer] of its name" dietvpn a reload
check "which takes its place" peers "^sensor-08 +configured +[a-z]+ "
refuse "who has the derived key is out" ping_gateway

# Two tunnels by IKEv2 on either side: who comes from anywhere is home's, who comes from the branch's address is office's.
# office SIDE MINE THEIRS OTHER
office() {
	cat >"$W/$1/etc/office.conf" <<-CONF
		[Interface]
		Name     = diet1
		Address  = fd00:77::$2/64
		Id       = office-$1
		[Peer "office-$4"]
		Endpoint = [2001:db8::$3]
		Address  = fd00:77::$3
		Psk      = keys/office
	CONF
	install -m 0600 "$W/office" "$W/$1/etc/keys/office"
}
daemon_stop a
daemon_stop b
head -c 16 /dev/urandom | base64 >"$W/office"
cp "$W/office" "$W/office.key"
gateway ""
device sensor-07
office a 1 2 b
office b 2 1 a
own
daemon a && daemon b
check "two tunnels: the device comes in" wait_for 8 ping_gateway
check "two tunnels: the branch is begun from here" wait_for 8 on a ping -c 1 -W 1 fd00:77::2
check "and from there" sh -c "$(declare -f on dietvpn wait_for); P=$P W=$W B=$B; dietvpn b sa terminate office-a; sleep 0.5; wait_for 8 on b ping -c 1 -W 1 fd00:77::1"
check "each has its own" sh -c "ip netns exec $P-a $B/bin/dietvpn --socket $W/a/run/status.sock status | grep -E '^(sensor-07|office-b) +up' | grep -c . | grep -qx 2"
check "peers of one tunnel" sh -c "ip netns exec $P-a $B/bin/dietvpn --socket $W/a/run/status.sock peers office | grep -c . | grep -qx 2"
check "pings on" ping_gateway
check "revoke: the tunnel with templates is meant" dietvpn a revoke sensor-07
check "peers: revoked, of home alone" peers "^sensor-07 +revoked +absent +gen 1 "
same "once" 1 "$(grep -c '^sensor-07' "$W/peers")"
refuse "it is out" ping_gateway
check "the branch stays" on a ping -c 1 -W 1 fd00:77::2
finish
