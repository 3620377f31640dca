# Shared by the tests of rules and dashboard: two daemons in trouble (scene.py), Python for
# that, and Prometheus. It is sourced after ../../interop/lib.sh.
scene=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
venv=$scene/.venv
export PYTHONDONTWRITEBYTECODE=1

make_venv() {
  # Rebuilt only if the requirements have changed.
  if cmp -s "$scene/requirements.txt" "$venv/installed.txt"; then return; fi
  local python=${PYTHON:-python3}
  rm -rf "$venv"
  # Debian packages ensurepip separately.
  "$python" -m venv --without-pip "$venv" &&
    "$python" -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --only-binary :all: \
      --target "$venv/packages" -r "$scene/requirements.txt" || return 1
  # Installed files must not be committed.
  echo '*' >"$venv/.gitignore"
  cp "$scene/requirements.txt" "$venv/installed.txt"
}

# `prometheus` and `promtool`, as Debian has them.
have_prometheus() {
  command -v prometheus >/dev/null && command -v promtool >/dev/null && return
  [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null || return 1
  apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends prometheus
} >/dev/null 2>&1

# prepare PART: everything that is needed, or one skipped row that says what is missing.
prepare() {
  if ! have_prometheus; then
    row "$1" - - 'all of it' skipped 'there is no Prometheus, and no apt-get of root to install it with'
    return 1
  fi
  if ! make_venv; then
    row "$1" - - 'all of it' skipped 'the packages for Python cannot be had'
    return 1
  fi
  prometheus_version=$(prometheus --version 2>&1 | awk '{print $3; exit}')
  export PYTHONPATH=$venv/packages:$work:$scene
  "${PYTHON:-python3}" -m grpc_tools.protoc -I "$root/proto" -I "$root/proto/third_party" \
    --python_out="$work" --grpc_python_out="$work" jwtd/v1/verifier.proto google/rpc/status.proto
}
