#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What goes wrong between two operators, and what each sees: a wrong key, a used key without its record, a copied-back state,
# a full disk, a second daemon, files that others can read.
. "$(dirname "$0")/lib.sh"
net_pair
USERNAME_FOR_DAEMON=root
tunnel || finish
check "ping" wait_for 5 on a ping -c 1 -W 1 "$(other_inner a)"

echo "== a second daemon on the same folder"
refuse "is refused" timeout 10 ip netns exec "$P-a" "$B/bin/dietvpnd" -f -c "$W/a/etc" --state-dir "$W/a/state" --run-dir "$W/a/run2" --plugin-dir "$B/keying" --user root
cat "$W/out" | tail -n 3 | sed 's/^/     /'
check "the first goes on" on a ping -c 1 -W 1 "$(other_inner a)"

echo "== the state is copied back"
daemon_stop a
cp -a "$W/a/state" "$W/old"
daemon a; on a ping -c 5 -i 0.01 -W 1 "$(other_inner a)" >/dev/null
daemon_stop a
rm -rf "$W/a/state"; cp -a "$W/old" "$W/a/state"
daemon a
refuse "nothing is sent" on a ping -c 2 -i 0.1 -W 1 "$(other_inner a)"
dietvpn a show >"$W/show" 2>&1; cat "$W/a.log" >>"$W/show"
has "it says what to do" 'older|key' "$W/show"
daemon_stop a

echo "== the state is lost"
rm -rf "$W/a/state"; mkdir "$W/a/state"
daemon a
refuse "nothing is sent" on a ping -c 2 -i 0.1 -W 1 "$(other_inner a)"
dietvpn a status >"$W/status" 2>&1; cat "$W/a.log" >>"$W/status"
has "it says what to do" 'key' "$W/status"
daemon_stop a

echo "== new keys, one of them wrong on b"
rm -rf "$W"/a/state "$W"/b/state; daemon_stop b
rm -f "$W"/[ab]/etc/keys/.state-witness
keys 36
head -c 36 /dev/urandom | base64 -w0 >"$W/b/etc/keys/a-to-b.key"
daemon a; daemon b
dietvpn a sa fresh-key b >/dev/null; dietvpn b sa fresh-key a >/dev/null
refuse "ping" on a ping -c 3 -i 0.1 -W 1 "$(other_inner a)"
icv=$(counter b icv)
if [ "${icv:-0}" -ge 3 ]; then ok "b counts $icv failed integrity checks"; else bad "b counts ${icv:-no} failed integrity checks"; fi

echo "== files that others can read"
daemon_stop a
chmod 644 "$W/a/etc/keys/a-to-b.key"
refuse "check refuses" "$B/bin/dietvpn" check --dir "$W/a/etc" --plugin-dir "$B/keying"
has "and says which" 'a-to-b.key|OutKey' "$W/out"
chmod 600 "$W/a/etc/keys/a-to-b.key"

echo "== a full disk"
umount "$W/a/state" 2>/dev/null; rm -rf "$W/a/state"; mkdir "$W/a/state"; rm -f "$W/a/etc/keys/.state-witness"
mount -t tmpfs -o size=256k tmpfs "$W/a/state"
daemon_stop b; rm -rf "$W/b/state"; rm -f "$W/b/etc/keys/.state-witness"
keys 36
daemon a; daemon b
dietvpn a sa fresh-key b >/dev/null; dietvpn b sa fresh-key a >/dev/null
check "ping while there is room" wait_for 5 on a ping -c 1 -W 1 "$(other_inner a)"
head -c 300000 /dev/zero >"$W/a/state/fill" 2>/dev/null
on a ping -c 400 -i 0.002 -W 1 "$(other_inner a)" >/dev/null 2>&1
dietvpn a drops >"$W/drops"
has "sending stops at the reserved number" 'seq-wait +[1-9]' "$W/drops"
rm -f "$W/a/state/fill"
check "it goes on when there is room again" wait_for 10 on a ping -c 1 -W 1 "$(other_inner a)"
daemon_stop a
umount "$W/a/state"
nonces_unique
finish
