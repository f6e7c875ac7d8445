#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# An idle node does not wake up, and its private memory; figures are printed, only the wake-ups are judged.
. "$(dirname "$0")/lib.sh"
net_pair
tunnel || finish
check "ping" wait_for 5 on a ping -c 1 -W 1 "$(other_inner a)"
sleep 3
switches() { cat /proc/"$(daemon_pid "$1")"/task/*/status | awk '/^voluntary/ {s += $2} END {print s}'; }
a0=$(switches a) b0=$(switches b)
sleep 10
same "voluntary context switches of a in 10 s" 0 $(($(switches a) - a0))
same "voluntary context switches of b in 10 s" 0 $(($(switches b) - b0))
awk '/^(Rss|Private_Dirty|Private_Clean)/ {printf "     %s %s kB\n", $1, $2}' "/proc/$(daemon_pid a)/smaps_rollup"
grep -E 'Uid|CapEff|NoNewPrivs' "/proc/$(daemon_pid a)/status" | sed 's/^/     /'
same "runs as" "$(id -u nobody)" "$(awk '/^Uid/ {print $2}' "/proc/$(daemon_pid a)/status")"
has "no new privileges" 'NoNewPrivs:.*1' "/proc/$(daemon_pid a)/status"
finish
