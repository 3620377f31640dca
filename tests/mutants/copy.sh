# Makes the copy of the work tree that is changed, with its own build folder. It is sourced.
scratch=$root/target/mutants
tree=$scratch/tree
export CARGO_TARGET_DIR=$scratch/build

# The files of the work tree, with changes that are not committed, without what git ignores.
work_files() {
  if (cd "$root" && git rev-parse --is-inside-work-tree) >/dev/null 2>&1; then
    (cd "$root" && git ls-files --cached --others --exclude-standard) | while IFS= read -r file; do
      [ ! -f "$root/$file" ] || echo "$file"
    done
  else
    (cd "$root" && find . \( -name target -o -name .venv -o -name .build -o -name node_modules -o -name __pycache__ \) -prune -o -type f -printf '%P\n')
  fi | sort
}

# Brings the copy up to date. Only what differs is written, with a time of now: cargo compares times.
copy() {
  local file
  mkdir -p "$tree"
  exec 9>"$scratch/lock"
  if ! flock -n 9; then
    echo 'another run uses target/mutants; wait for its end' >&2
    exit 2
  fi
  work_files >"$work/files"
  (cd "$tree" && find . -name target -prune -o -name .venv -prune -o -type f -printf '%P\n') | sort | comm -13 "$work/files" - | while IFS= read -r file; do
    rm -f "$tree/$file"
  done
  # Nor folders that git does not know.
  (cd "$tree" && find . -depth -type d -empty -not -path './target/*' -not -path '*/.venv/*' -delete)
  while IFS= read -r file; do
    if ! cmp -s "$root/$file" "$tree/$file"; then
      mkdir -p "$tree/$(dirname "$file")"
      cp "$root/$file" "$tree/$file"
    fi
  done <"$work/files"
  share
}

# Reused files: the dependencies, as hard links, and the tools of tests/deploy. The build files of
# this package are left out, because cargo would write to them through the links.
share() {
  local from=$root/target/debug to=$CARGO_TARGET_DIR/debug own part
  mkdir -p "$root/target/tools" "$tree/target"
  ln -sfn "$root/target/tools" "$tree/target/tools"
  for part in deploy/manifests; do
    [ ! -d "$root/tests/$part/.venv" ] || [ -e "$tree/tests/$part/.venv" ] || ln -s "$root/tests/$part/.venv" "$tree/tests/$part/.venv"
  done
  if [ -z "${JWTD_BIN:-}" ]; then
    for JWTD_BIN in "$root/target/release/jwtd" "$root/target/debug/jwtd"; do
      [ -x "$JWTD_BIN" ] && break
    done
  fi
  export JWTD_BIN
  if [ -d "$to" ] || [ ! -d "$from/.fingerprint" ]; then return; fi
  mkdir -p "$to.part"
  cp -al "$from/.fingerprint" "$from/build" "$from/deps" "$to.part"
  for own in "$to.part/.fingerprint"/jwtd*; do
    own=${own##*-}
    rm -rf "$to.part/.fingerprint/"jwtd*-"$own" "$to.part/build/"jwtd*-"$own" "$to.part/deps/"*-"$own"*
  done
  mv "$to.part" "$to"
}
