# The small changes that `cargo mutants` makes by itself: an operator, a condition, a whole body. It is sourced.
version=27.1.0

install_cargo_mutants() {
  mutants=$root/target/tools/bin/cargo-mutants
  "$root/.ci/tool" cargo-mutants "$version"
}

# examine WHAT OPTION...: one run of `cargo mutants`, and a row for each mutant.
examine() {
  local group=$1 output=$scratch/$1 status=0
  shift
  rm -rf "$output" && mkdir -p "$output"
  # In place: this is a copy already, and what was built in it is built.
  (cd "$tree" && "$mutants" mutants --in-place --no-shuffle --colors never --caught --unviable --output "$output" "$@") || status=$?
  "$python" "$here/outcomes.py" "$group" "$output/mutants.out" "$status" >>"$results"
}

# small_changes [BASE]: what differs from a commit, or everything.
small_changes() {
  local differs=()
  python=$(command -v "${PYTHON:-python3}") || python=
  if [ -z "$python" ]; then
    row mutants - - 'cargo mutants' FAILED 'there is no Python to read its outcomes with; install python3 or set PYTHON'
    return
  fi
  if [ "$#" -gt 0 ]; then
    if ! git -C "$root" diff --no-color --no-ext-diff "$1" -- src crates >"$work/diff"; then
      echo "git knows no $1 to compare with" >&2
      exit 2
    fi
    differs=(--in-diff "$work/diff")
  fi
  if ! install_cargo_mutants; then
    row mutants "$version" - 'cargo mutants' FAILED "cargo-mutants $version cannot be installed: see the error above; it needs the registry once"
    return
  fi
  copy
  # The core is built alone, in a quarter of the time.
  examine core "${differs[@]}" --package jwtd-core --cargo-arg=--all-features
  examine engine "${differs[@]}" --package jwtd
  grep -q . "$results" || row mutants "$version" - 'cargo mutants' skipped 'nothing in the diff is mutable'
}
