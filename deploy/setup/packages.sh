#!/usr/bin/env bash
# Installs the Debian packages that are missing, and does nothing if none is.
#
#   deploy/setup/packages.sh GROUP...      groups: base build tools redis
#
# Without root and without sudo it prints one line that names what to install.
set -euo pipefail

# Python and Node; a version of your own on the PATH is as good.
base=(python3 python3-venv nodejs npm ca-certificates)
# What the pjsua2 build needs.
build=(
    python3-dev build-essential dpkg-dev swig pkg-config curl xz-utils uuid-dev libssl-dev libopus-dev
    libsrtp2-dev libgsm1-dev libspeex-dev libspeexdsp-dev libsamplerate0-dev
)
# What the demo and the tests need besides: a voice, an independent SIP peer, a browser with letters to draw.
tools=(espeak-ng sip-tester chromium fonts-dejavu-core)
# From Python 3.13 on there is no Redis among the Python packages.
redis=(redis-server)

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

wanted=()
for group in "$@"; do
    declare -n names=$group
    wanted+=("${names[@]}")
    unset -n names
done

# Programs that may well be there from elsewhere count wherever they come from; all else is asked of dpkg.
there() {
    local python
    case $1 in
        nodejs) command -v node >/dev/null ;;
        npm | chromium | swig | curl | espeak-ng | redis-server | pkg-config) command -v "$1" >/dev/null ;;
        sip-tester) command -v sipp >/dev/null ;;
        python3) "$here/find-python.sh" >/dev/null 2>&1 ;;
        python3-venv)
            python=$("$here/find-python.sh" 2>/dev/null) && "$python" -c 'import venv, ensurepip' 2>/dev/null
            ;;
        python3-dev)
            python=$("$here/find-python.sh" 2>/dev/null) &&
                [ -f "$("$python" -c 'import sysconfig; print(sysconfig.get_path("include"))')/Python.h" ]
            ;;
        *) return 1 ;;
    esac
}

mapfile -t installed < <(
    if command -v dpkg-query >/dev/null; then
        dpkg-query --show --showformat '${db:Status-Status} ${Package}\n' "${wanted[@]}" 2>/dev/null |
            sed -n 's/^installed //p' || true
    fi
)
missing=()
for name in "${wanted[@]}"; do
    [[ " ${installed[*]} " == *" $name "* ]] && [[ $name != python3* ]] && continue
    there "$name" || missing+=("$name")
done
[ ${#missing[@]} -gt 0 ] || exit 0

if ! command -v apt-get >/dev/null; then
    echo "Set-up knows Debian 12 and 13; on this system install what corresponds to: ${missing[*]}" >&2
    exit 1
fi

if [ "$(id -u)" = 0 ]; then
    as_root=(env)
elif command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
    as_root=(sudo env)
else
    echo "Neither root nor sudo here; as root run: apt-get install --no-install-recommends ${missing[*]}" >&2
    exit 1
fi

echo "    installing ${missing[*]}"
log=$(mktemp "${TMPDIR:-/tmp}/callfloor-apt.XXXXXX")
# No package may start a service of its own: the demo starts the servers it needs as its own children.
policy=/usr/sbin/policy-rc.d
own_policy=
finish() {
    [ -z "$own_policy" ] || "${as_root[@]}" rm -f "$policy"
    rm -f "$log"
}
trap finish EXIT
if [ ! -e "$policy" ]; then
    own_policy=yes
    # shellcheck disable=SC2016  # expanded by the inner shell
    "${as_root[@]}" sh -c 'printf "#!/bin/sh\nexit 101\n" >"$0" && chmod 755 "$0"' "$policy"
fi

apt=("${as_root[@]}" DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3)
"${apt[@]}" update >"$log" 2>&1 || echo "    apt-get update reported errors; going on with the package lists there are"
"${apt[@]}" install --yes --no-install-recommends "${missing[@]}" >>"$log" 2>&1 || {
    tail -n 30 "$log" >&2
    echo "The packages could not be installed: ${missing[*]}" >&2
    exit 1
}
