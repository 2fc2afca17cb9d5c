#!/usr/bin/env bash
# Stands in for ssh, sftp and scp, whichever name it is called by: notes when, which and whereto, then becomes the real program.
# printf's %q keeps a line a line. Times are seconds since the epoch.
last=$(($# > 1 ? $# - 1 : 1))
printf '%s\t%s\t%q\t%q\t%q\n' "$EPOCHREALTIME" "${0##*/}" "${*:last:1}" "${*: -1}" "$*" >>"$VIGIL_BENCH_CALLS"
exec "${0##*/}" "$@"
