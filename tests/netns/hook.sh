#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# OnUp runs as the daemon's user with no capability, descriptor or variable of the daemon's, and a command that does not
# end keeps the daemon from nothing.
. "$(dirname "$0")/lib.sh"
net_pair
cat >"$W/up" <<UP
#!/bin/sh
{ id -u; id -g; } >$W/seen/id
env | sort >$W/seen/env
grep -E 'Cap(Inh|Prm|Eff|Amb)|NoNewPrivs' /proc/self/status >$W/seen/status
ls -l /proc/self/fd >$W/seen/fds
echo done >$W/seen/done
exec sleep 30
UP
chmod 755 "$W/up"; mkdir -m 777 "$W/seen"
IFACE="OnUp = $W/up"
export DIETVPN_TEST_VARIABLE=leaks LD_LIBRARY_PATH=/nowhere
tunnel || finish
unset LD_LIBRARY_PATH
check "the command ran" wait_for 5 test -f "$W/seen/done"
same "its user" "$(id -u "$USERNAME_FOR_DAEMON")" "$(head -n 1 "$W/seen/id")"
same "its variables" "DIETVPN_IFNAME DIETVPN_TUNNEL PATH PWD" "$(cut -d= -f1 "$W/seen/env" | grep -vx _ | grep -vx SHLVL | grep -vx OLDPWD | xargs)"
same "its capabilities" "0000000000000000" "$(awk '/Cap/ {print $2}' "$W/seen/status" | sort -u | xargs)"
same "no new privileges" 1 "$(awk '/NoNewPrivs/ {print $2}' "$W/seen/status")"
same "descriptors of the daemon" 0 "$(grep -cE 'socket:|anon_inode|net/tun|state' "$W/seen/fds")"
chmod 666 "$W/a/etc/home.conf"
refuse "a file that everybody can write is refused" dietvpn a reload
has "and says so" 'written by everybody' "$W/out"
chmod 644 "$W/a/etc/home.conf"
check "and taken without that" dietvpn a reload
began=$(date +%s%N)
daemon_stop a
ms=$((($(date +%s%N) - began) / 1000000))
if [ $ms -lt 3000 ]; then ok "the daemon stops in $ms ms while the command runs"; else bad "the daemon waits for the command: $ms ms"; fi
finish
