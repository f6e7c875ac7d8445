#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tests/check_secrets.sh: rules about secrets that a search of the sources can hold.
#   one door     each sealed packet goes outbound.c -> esp_seal -> aead_seal; its number is taken in esp/sa.c alone;
#                IKE messages have keys of their own and one place that seals them
#   comparison   what is secret, or an ICV, is compared in constant time only
#   printing     key octets go into no log, message or answer
#   assertions   none in what reads octets of others
cd "$(dirname "$0")/.." || exit 2
fail=0
# lines of code, not of comment, that match: PATTERN PLACE...
code() {
	pattern=$1
	shift
	find "$@" -name '*.[ch]' | sort | xargs grep -HnE -- "$pattern" | grep -vE '^[^:]*:[0-9]+:[[:space:]]*(/?\*|//)'
}
none() { # TEXT LINES
	[ -z "$2" ] && return
	printf '%s:\n%s\n' "$1" "$2"
	fail=1
}
one() { # TEXT LINES
	[ "$(printf '%s\n' "$2" | grep -c .)" = 1 ] && return
	printf '%s:\n%s\n' "$1" "$2"
	fail=1
}
every="src plugins cli"
seal='\baead_seal\('
none "aead_seal has another caller than esp/esp.c and IKE's SK payload" \
	"$(code "$seal" $every | grep -vE '^(src/(crypto/aead|esp/esp)\.[ch]|plugins/ikev2/message\.c):')"
one "esp/esp.c calls aead_seal once" "$(code "$seal" src/esp)"
one "plugins/ikev2/message.c calls aead_seal once" "$(code "$seal" plugins/ikev2)"
seal='\besp_seal\('
none "esp_seal has another caller than ipsec/outbound.c" "$(code "$seal" $every | grep -vE '^src/(esp/esp\.[ch]|ipsec/outbound\.c):')"
one "ipsec/outbound.c calls esp_seal once" "$(code "$seal" src/ipsec)"
none "an SA's number moves outside esp/sa.c" "$(code '\b(sa|esp)->sequence(\+\+| [-+]?= )|(\+\+|--)(sa|esp)->sequence\b' $every | grep -v '^src/esp/sa\.c:')"
none "a secret is compared in variable time" "$(code '\b(memcmp|bcmp|strn?cmp)\(.*\b(keymat|key_octets|secret|psk|icv|tag|prk|shared|private_key|password)\b' $every | grep -vE 'interface(->psk$|\.psk\[)')" # a path
none "key octets are printed" "$(code '\b(log_[a-z]+|[sdf]?n?printf|tree_put_[a-z]+|put_[a-z]+|say|complain|puts)\(.*\b(keymat|prk|private_key)\b' $every | grep -v 'keymat_len')"
none "an assert may be reached from outside" "$(code '\bassert\(' src/codec src/schc src/diet src/ip src/io src/esp src/keying src/daemon plugins cli src/ipsec/inbound.c src/ipsec/outbound.c src/ipsec/resync.c)"
[ $fail = 0 ] && echo "one door, constant time, nothing printed, no assert"
exit $fail
