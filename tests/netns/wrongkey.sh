#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What goes wrong between two operators, and what each sees: a wrong key, a used key without its record, a copied-back state,
# a full disk, a second daemon, files that others can read. Each is refused with a sentence that says what to do.
. "$(dirname "$0")/lib.sh"
net_pair
witness() { find "$W/$1/etc" -name .state-witness; }
start() { # SIDE: the new lines of its log go to $W/new
	local lines
	lines=$(wc -l <"$W/$1.log")
	daemon "$1" || bad "$1 does not start"
	sleep 0.2
	tail -n +$((lines + 1)) "$W/$1.log" >"$W/new"
}
told() { # TEXT PATTERN: status and log of a say it, the log once
	dietvpn a status >"$W/status" 2>&1
	has "$1: status says what to do" "$2" "$W/status"
	same "$1: the log says it once" 1 "$(grep -cE -- "$2" "$W/new")"
	grep -hE -- "$2" "$W/new" | sed 's/^/     /'
}
fresh() { # new keys and no memory of the old ones
	for side in a b; do
		[ -f "$W/$side.pid" ] && daemon_stop $side
		find "$W/$side/state" -mindepth 1 -delete
		rm -f $(witness $side)
	done
	keys "$(key_octets "$CIPHER")"
}
declare_fresh() { check "keys declared fresh" eval 'dietvpn a sa fresh-key b && dietvpn b sa fresh-key a'; }
ping_b() { on a ping -c "${1:-1}" -i 0.01 -W 1 "$(other_inner a)"; }

tunnel || finish
check "ping" wait_for 5 ping_b

echo "== a second daemon"
second() { timeout 10 ip netns exec "$P-a" "$B/bin/dietvpnd" -f -c "$W/a/etc" --state-dir "$W/a/state" --plugin-dir "$B/keying" --user "$USERNAME_FOR_DAEMON" --run-dir "$W/a/$1"; }
refuse "on the same control socket is refused" second run
has "and told why" 'another dietvpnd answers there' "$W/out"
refuse "on the same ports is refused" second run2
has "and told why" 'Listen' "$W/out"
cp -a "$W/a/etc" "$W/a/etc2"
mkdir "$W/a/run3"
DIETVPN_SEAL_LOG=$W/seal.log background third b "$B/bin/dietvpnd" -f -c "$W/a/etc2" --state-dir "$W/a/state" --run-dir "$W/a/run3" --plugin-dir "$B/keying" --user "$USERNAME_FOR_DAEMON"
daemon_stop b # its ports and its device are the third one's now
background_stop third
ip -n "$P-b" link del diet0 2>/dev/null
DIETVPN_SEAL_LOG=$W/seal.log background third b "$B/bin/dietvpnd" -f -c "$W/a/etc2" --state-dir "$W/a/state" --run-dir "$W/a/run3" --plugin-dir "$B/keying" --user "$USERNAME_FOR_DAEMON"
wait_for 5 grep -q 'in use by another process' "$W/third.out"
has "on the same state store it may not send, and is told why" 'in use by another process: stop it first' "$W/third.out"
background_stop third
ip -n "$P-b" link del diet0 2>/dev/null
ip -n "$P-b" -6 route flush proto 215
start b
check "the first goes on" wait_for 5 ping_b

echo "== the state is copied back"
daemon_stop a
cp -a "$W/a/state" "$W/old"
start a
check "ping in the next life" wait_for 5 ping_b 5
daemon_stop a
find "$W/a/state" -mindepth 1 -delete; cp -a "$W/old/." "$W/a/state"
seals=$(wc -l <"$W/seal.log")
start a
refuse "nothing is sent" ping_b 3
same "and nothing was sealed" "$seals" "$(wc -l <"$W/seal.log")"
told "copied back" 'older than its witness.*replace every manual key'
refuse "fresh-key does not help" dietvpn a sa fresh-key b
daemon_stop a

echo "== the state is lost"
find "$W/a/state" -mindepth 1 -delete
start a
refuse "nothing is sent" ping_b 3
same "and nothing was sealed" "$seals" "$(wc -l <"$W/seal.log")"
told "lost" 'is lost.*replace every manual key'
daemon_stop a

echo "== state and witness are lost"
find "$W/a/state" -mindepth 1 -delete
rm -f $(witness a)
start a
refuse "nothing is sent" ping_b 3
same "and nothing was sealed" "$seals" "$(wc -l <"$W/seal.log")"
has "the log says what to do" 'fresh-key b.*new keys' "$W/new"
daemon_stop a

echo "== new keys, one of them wrong on b"
fresh
head -c 36 /dev/urandom | base64 -w0 >"$W/b/etc/keys/a-to-b.key"
start a; start b
declare_fresh
refuse "ping" ping_b 5
at_least "b counts failed integrity checks" 5 "$(counter b icv)"
dietvpn b status >"$W/status"
has "b's status says what to look at" 'none verifies' "$W/status"

echo "== files that others can read"
chmod 644 "$W/a/etc/keys/a-to-b.key"
refuse "check refuses" "$B/bin/dietvpn" check --dir "$W/a/etc" --plugin-dir "$B/keying"
has "and says which and what to do" 'a-to-b.key.*' "$W/out"
has "with the command" 'chmod' "$W/out"
refuse "reload refuses" dietvpn a reload
daemon_stop a
refuse "the daemon refuses" second run
has "with the command" 'chmod' "$W/out"
chmod 600 "$W/a/etc/keys/a-to-b.key"

echo "== a full disk"
fresh
mount -t tmpfs -o size=256k,mode=700 tmpfs "$W/a/state"; own
start a; start b
declare_fresh
check "ping while there is room" wait_for 5 ping_b
head -c 300000 /dev/zero >"$W/a/state/fill" 2>/dev/null
lines=$(wc -l <"$W/a.log")
on a ping -c 400 -i 0.002 -W 1 "$(other_inner a)" >/dev/null 2>&1
at_least "sending stops at the reserved number: packets that wait" 1 "$(counter a seq-wait)"
tail -n +$((lines + 1)) "$W/a.log" >"$W/new"
has "the log says it" 'No space left on device; sending stops' "$W/new"
dietvpn a status >"$W/status"
has "status says it" 'No space left on device' "$W/status"
rm -f "$W/a/state/fill"
check "it goes on when there is room again" wait_for 10 ping_b
daemon_stop a
umount "$W/a/state"
nonces_unique
finish
