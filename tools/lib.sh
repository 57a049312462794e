# What tools/try and tools/test share: the Debian packages, and how sbx is built. Sourced by bash.
# shellcheck shell=bash

# Debian 12 and 13 name all of these alike.
build_packages=(
  g++ libc6-dev meson ninja-build pkg-config
  nettle-dev libsystemd-dev libseccomp-dev libcap-dev libtomlplusplus-dev libboost-program-options-dev nlohmann-json3-dev
  libc-ares-dev libnftables-dev
  catch2
)
test_packages=(
  python3-pytest python3-pytest-timeout python3-pytest-xdist
  clang-19 clang-tidy-19 libclang-rt-19-dev
  systemd strace bubblewrap uidmap util-linux libcap2-bin iproute2 procps keyutils
  passt slirp4netns libnftables1 nftables curl bind9-dnsutils openssl
  bash-completion zsh fish mandoc man-db prometheus
)
vm_packages=(qemu-system-x86 mmdebstrap e2fsprogs zstd)

say() { printf '\033[1m==> %s\033[0m\n' "$*" >&2; }
die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

# Installs what is missing of the packages named; the only thing here that needs root.
install_packages() {
  local missing=() package
  for package; do
    dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  command -v apt-get >/dev/null || die "these Debian packages are needed, and there is no apt-get: ${missing[*]}"
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || die "run as root, once: apt-get install ${missing[*]}"
    as_root=(sudo)
  fi
  say "installing ${#missing[@]} packages: ${missing[*]}"
  "${as_root[@]}" apt-get -qq update
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install "${missing[@]}" \
    >/dev/null || die "apt-get could not install: ${missing[*]}"
}

# build_sbx DIRECTORY TARGETS... -- MESON OPTIONS...: configures DIRECTORY, anew where its options differ, and builds
# (everything, where no target is named). CC and CXX are taken from the environment.
build_sbx() {
  local directory=$1 targets=() wanted
  shift
  while [ $# -gt 0 ] && [ "$1" != -- ]; do targets+=("$1"); shift; done
  [ $# -gt 0 ] && shift
  wanted="${CXX:-g++} ${CC:-gcc} $*"
  if [ ! -f "$directory/build.ninja" ] || [ "$(cat "$directory/.options" 2>/dev/null)" != "$wanted" ]; then
    rm -rf "$directory"
    mkdir -p "$directory"
    meson setup "$directory" "$@" >"$directory.log" 2>&1 || { tail -n 30 "$directory.log" >&2; die "cannot configure $directory"; }
    printf '%s' "$wanted" >"$directory/.options"
  fi
  ninja -k 0 -C "$directory" "${targets[@]}" >"$directory.log" 2>&1 && return 0
  grep -vE '^\[[0-9]+/[0-9]+\] ' "$directory.log" | tail -n 80 >&2
  die "cannot build $directory"
}
