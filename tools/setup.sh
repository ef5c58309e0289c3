# SPDX-License-Identifier: Apache-2.0
# Shared by ./demo and ./check: installs what is missing, from the packages of
# the distribution. Sourced, not run; the current folder is the root.
#
#   tn_setup build run check    these groups of packages
#
# TENON_NO_INSTALL=1 goes on with what is there, on any system.

# Needed by all: without these nothing can be built.
TN_PACKAGES_BUILD="gcc libc6-dev cmake ninja-build libcjson-dev libutf8proc-dev llvm-19-dev
  opencl-c-headers libvulkan-dev"
# Devices: Vulkan and OpenCL on the CPU.
TN_PACKAGES_RUN="libvulkan1 mesa-vulkan-drivers ocl-icd-libopencl1 pocl-opencl-icd"
# Other compilers, validators, tools. Tests that need what is absent are skipped.
TN_PACKAGES_CHECK="ccache python3 python3-numpy binutils spirv-tools vulkan-validationlayers
  clang-19 lld-19 libclang-rt-19-dev llvm-19 libclc-19 clang-format-19 clang-tidy-19
  intel-opencl-icd vulkan-tools clinfo glslang-tools"

tn_by_hand() {
  cat <<TEXT

To build by hand: a C11 compiler, CMake 3.21 or newer, Ninja, and the development files of
cJSON (needed), LLVM 19.1, Vulkan, OpenCL and utf8proc (each optional; without LLVM there is
no code generator for CPUs). Then

    cmake --preset release && cmake --build build-release
    build-release/bin/tenon --version

With these installed, TENON_NO_INSTALL=1 $0 goes on without installing anything.
Devices besides the CPU need a Vulkan or an OpenCL driver (for example Mesa, PoCL).
TEXT
}

tn_know_system() {
  tn_id=unknown tn_version=
  if [ -r /etc/os-release ]; then
    tn_id=$(. /etc/os-release && echo "${ID:-unknown}")
    tn_version=$(. /etc/os-release && echo "${VERSION_ID:-}")
  fi
  case "$tn_id $tn_version" in
    "debian 12" | "debian 13" | "ubuntu 24.04") return 0 ;;
  esac
  echo "This system ($tn_id $tn_version) is not one that $0 can set up:" \
    "it knows Debian 12, Debian 13 and Ubuntu 24.04." >&2
  tn_by_hand >&2
  return 1
}

# Prints the packages among the arguments that are not installed.
tn_missing() {
  tn_there=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null |
    sed -n 's/^installed //p' | tr '\n' ' ')
  for tn_package; do
    case " $tn_there " in
      *" $tn_package "*) ;;
      *) printf '%s ' "$tn_package" ;;
    esac
  done
}

tn_as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    echo "Installing needs root and there is no sudo. As root, run:" >&2
    echo "    apt-get update && apt-get install --no-install-recommends $tn_wanted" >&2
    return 1
  fi
}

tn_apt() {
  tn_as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 "$@" </dev/null
}

# Sets tn_installed to 1 if anything was installed.
tn_setup() {
  tn_installed=0
  [ -z "${TENON_NO_INSTALL:-}" ] || return 0
  tn_know_system || return 1
  tn_groups=
  for tn_group; do
    case $tn_group in
      build) tn_groups="$tn_groups $TN_PACKAGES_BUILD" ;;
      run) tn_groups="$tn_groups $TN_PACKAGES_RUN" ;;
      check) tn_groups="$tn_groups $TN_PACKAGES_CHECK" ;;
    esac
  done
  tn_wanted=$(tn_missing $tn_groups)
  [ -n "$tn_wanted" ] || return 0

  echo "To be installed from the packages of $tn_id $tn_version (about 220 MB for all groups):"
  echo "$tn_wanted" | fold -s -w 96 | sed 's/^/    /'
  tn_apt update || return 1
  tn_have=
  for tn_package in $tn_wanted; do
    if apt-cache show "$tn_package" >/dev/null 2>&1; then
      tn_have="$tn_have $tn_package"
    else
      case " $(echo $TN_PACKAGES_BUILD) " in
        *" $tn_package "*)
          echo "$tn_id $tn_version has no package $tn_package, which is needed." >&2
          tn_by_hand >&2
          return 1
          ;;
      esac
      echo "$tn_package: no such package here; what needs it is skipped"
    fi
  done
  tn_wanted=$tn_have
  [ -n "$tn_have" ] || return 0
  tn_log=$(mktemp)
  if ! tn_apt install -y --no-install-recommends $tn_have >"$tn_log" 2>&1; then
    tail -n 20 "$tn_log" >&2
    rm -f "$tn_log"
    return 1
  fi
  rm -f "$tn_log"
  tn_installed=1
}

# tn_build PRESET [TARGET..]: configures if needed and builds, quietly. What
# went wrong is shown, and all of it is in build-PRESET/build.log.
tn_build() {
  tn_preset=$1
  shift
  tn_log=build-$tn_preset/build.log
  mkdir -p "build-$tn_preset"
  {
    if [ ! -f "build-$tn_preset/build.ninja" ] || [ "$tn_installed" = 1 ]; then
      cmake --preset "$tn_preset"
    fi &&
      cmake --build "build-$tn_preset" ${1:+--target "$@"}
  } >"$tn_log" 2>&1 && return 0
  echo "The build failed; the end of $tn_log:" >&2
  grep -E 'error|Error|FAILED|undefined reference' "$tn_log" | head -n 30 >&2
  tail -n 5 "$tn_log" >&2
  return 1
}
