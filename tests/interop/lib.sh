# Shared by the `run` of every peer. It is sourced.
#
#   JWTD_BIN       the daemon; default target/release/jwtd, then target/debug/jwtd
#   JWTD_RESULTS   a file that rows are added to; without it `run` prints its own table
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# Calls to this machine must bypass any proxy.
export no_proxy=127.0.0.1,localhost no_grpc_proxy=127.0.0.1,localhost

find_daemon() {
  if [ -z "${JWTD_BIN:-}" ]; then
    for JWTD_BIN in "$root/target/release/jwtd" "$root/target/debug/jwtd"; do
      [ -x "$JWTD_BIN" ] && break
    done
  fi
  if [ ! -x "$JWTD_BIN" ]; then
    echo "there is no daemon at $JWTD_BIN; run \`cargo build --release\` first, or set JWTD_BIN" >&2
    exit 1
  fi
  export JWTD_BIN
  echo "daemon $JWTD_BIN"
}

# row CLIENT VERSION TRANSPORT WHAT RESULT [NOTE]: one line of the table. RESULT is
# `passed`, `FAILED` or `skipped`; a skipped row says why in its note.
row() {
  printf '%s\t%s\t%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "$4" "$5" "${6:-}" >>"$results"
}

# Sets `work`, a short path that goes when the shell ends, and `results`, the file of
# rows. Unix sockets lie in `work`: their paths have at most 107 bytes.
begin() {
  work=$(mktemp -d /tmp/jwtd-XXXXXX)
  trap 'rm -rf "$work"' EXIT
  results=$work/results.tsv
  : >"$results"
}

# Prints rows as a table and ends with their numbers; fails if one failed.
table() {
  awk -F '\t' '
    BEGIN { split("client\tversion\ttransport\twhat\tresult\tnote", head, FS); for (i = 1; i <= 5; i++) width[i] = length(head[i]) }
    { row[NR] = $0; for (i = 1; i <= 5; i++) if (length($i) > width[i]) width[i] = length($i); count[$5]++ }
    function line(cell, i) { for (i = 1; i <= 5; i++) printf "%-*s  ", width[i], cell[i]; print cell[6] }
    END {
      line(head)
      for (n = 1; n <= NR; n++) { split(row[n], cell, FS); line(cell) }
      printf "%d passed, %d failed, %d skipped\n", count["passed"], count["FAILED"], count["skipped"]
      exit count["FAILED"] > 0
    }' "$1"
}

# The end of every `run`: hands the rows on, or prints them.
finish() {
  if [ -n "${JWTD_RESULTS:-}" ]; then
    cat "$results" >>"$JWTD_RESULTS"
    ! grep -q -P '\tFAILED\t' "$results"
  else
    table "$results"
  fi
}
