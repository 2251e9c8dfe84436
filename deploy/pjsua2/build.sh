#!/usr/bin/env bash
# Builds the pjsua2 Python module from PJSIP's source and keeps the wheel in a per-user cache.
#
#   deploy/pjsua2/build.sh PYTHON     prints the path of the wheel; what it is doing goes to stderr
#
# Exit code 3: no source could be had (the caller falls back to the packaged wheel).
# Any other failure prints the end of the build log.
#
# The source, tried in this order:
#   1. PJPROJECT_TARBALL  a file of yours
#   2. PJPROJECT_SHA256   the release tarball from upstream, if you state the checksum it must have
#                         (PJPROJECT_URL to take it from elsewhere)
#   3. Debian             the pjproject part of the asterisk source package, its signature checked by apt
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
python=$(command -v "${1:?usage: build.sh PYTHON}")
python=$(cd "$(dirname "$python")" && pwd)/${python##*/} # the build changes its folder
version=2.17
upstream=${PJPROJECT_URL:-https://github.com/pjsip/pjproject/archive/refs/tags/$version.tar.gz}
jobs=${PJPROJECT_JOBS:-$(nproc 2>/dev/null || echo 2)}
suite=${PJPROJECT_SUITE:-sid}

say() { printf '    pjsua2: %s\n' "$*" >&2; }

# ---- the cache ------------------------------------------------------------------------------------------------

tag=$("$python" -c 'import sys, sysconfig; print(f"cp{sys.version_info[0]}{sys.version_info[1]}-{sysconfig.get_platform()}")')
openssl=$(pkg-config --modversion openssl 2>/dev/null || echo none)
recipe=$(cat "$here/build.sh" "$here/config_site.h" "$here/unbuffered-recordings.patch" \
    <(echo "$openssl ${PJPROJECT_TARBALL:-} ${PJPROJECT_SHA256:-}") | sha256sum | cut -c1-16)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/callfloor/pjsua2
kept=$cache/$version-$tag-$recipe

cached_wheel() { [ ! -d "$kept" ] || find "$kept" -maxdepth 1 -name '*.whl' -print -quit; }

wheel=$(cached_wheel)
if [ -n "$wheel" ]; then
    say "taken from the cache"
    echo "$wheel"
    exit 0
fi

mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9 # two checkouts set up at once build only once
wheel=$(cached_wheel)
if [ -n "$wheel" ]; then
    say "taken from the cache"
    echo "$wheel"
    exit 0
fi

work=$(mktemp -d "${TMPDIR:-/tmp}/callfloor-pjsua2.XXXXXX")
log=$cache/build.log
: >"$log"
finish() {
    code=$?
    rm -rf "$work"
    if [ "$code" != 0 ] && [ "$code" != 3 ]; then
        printf '\npjsua2: the build failed; the end of %s:\n\n' "$log" >&2
        tail -n 40 "$log" >&2
    fi
}
trap finish EXIT

# ---- the source -----------------------------------------------------------------------------------------------

source_dir=$work/pjproject

unpack() {
    rm -rf "$source_dir"
    mkdir -p "$source_dir"
    tar -xf "$1" -C "$source_dir" --strip-components=1
    [ -f "$source_dir/version.mak" ] && [ -x "$source_dir/configure" ]
}

from_file() {
    [ -n "${PJPROJECT_TARBALL:-}" ] || return 1
    say "source: the file PJPROJECT_TARBALL names"
    unpack "$PJPROJECT_TARBALL" || {
        say "PJPROJECT_TARBALL is not a PJSIP source tarball: $PJPROJECT_TARBALL"
        exit 1
    }
}

from_upstream() {
    [ -n "${PJPROJECT_SHA256:-}" ] || return 1
    command -v curl >/dev/null || return 1
    say "source: asking upstream for PJSIP $version"
    curl --fail --silent --show-error --location --connect-timeout 5 --max-time 180 \
        --output "$work/upstream.tar.gz" "$upstream" >>"$log" 2>&1 || {
        say "upstream is out of reach"
        return 1
    }
    echo "$PJPROJECT_SHA256  $work/upstream.tar.gz" | sha256sum --check --status || {
        say "the tarball from upstream has another checksum than PJPROJECT_SHA256; not used"
        return 1
    }
    unpack "$work/upstream.tar.gz"
}

# The mirror this machine takes its Debian packages from, out of apt's own view of its configuration.
debian_mirror() {
    # shellcheck disable=SC2016  # the dollar signs are apt's
    apt-get indextargets --format '$(REPO_URI)|$(ORIGIN)' 'Created-By: Packages' 2>/dev/null |
        awk -F'|' '$2 == "Debian" && $1 !~ /security|backports/ && !found { print $1; found = 1 }'
}

from_debian() {
    command -v apt-get >/dev/null && command -v dpkg-source >/dev/null || return 1
    local mirror keyring signed_by='' apt part
    mirror=$(debian_mirror)
    [ -n "$mirror" ] || return 1
    for keyring in /usr/share/keyrings/debian-archive-keyring.pgp /usr/share/keyrings/debian-archive-keyring.gpg; do
        [ -f "$keyring" ] && signed_by="Signed-By: $keyring" && break
    done
    say "source: the pjproject part of Debian's asterisk package ($suite)"

    # A private state of apt: the machine's own sources and lists stay as they are.
    apt=$work/apt
    mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$apt/download"
    : >"$apt/status"
    printf 'Types: deb-src\nURIs: %s\nSuites: %s\nComponents: main\n%s\n' \
        "$mirror" "$suite" "$signed_by" >"$apt/debian.sources"
    local -a options=(
        -o "Dir::State=$apt" -o "Dir::State::lists=$apt/lists" -o "Dir::State::status=$apt/status"
        -o "Dir::Cache=$apt/cache" -o "Dir::Etc::sourcelist=$apt/debian.sources" -o "Dir::Etc::sourceparts=-"
        -o "Acquire::Languages=none" -o "Acquire::http::Timeout=20" -o "Acquire::https::Timeout=20"
        -o "Acquire::Retries=2" -o "APT::Sandbox::User=$(id -un)"
    )
    apt-get "${options[@]}" --error-on=any update >>"$log" 2>&1 || {
        say "the package lists of $suite are out of reach"
        return 1
    }
    (cd "$apt/download" && apt-get "${options[@]}" source --download-only --only-source asterisk) >>"$log" 2>&1 || {
        say "the source package is out of reach"
        return 1
    }
    part=$(find "$apt/download" -name 'asterisk_*.orig-Xpjproject.tar.*' -print -quit)
    [ -n "$part" ] && unpack "$part"
}

from_file || from_upstream || from_debian || {
    say "no source could be had"
    exit 3
}

got=$(sed -n 's/^export PJ_VERSION_\(MAJOR\|MINOR\)[ :=]*//p' "$source_dir/version.mak" | paste -sd.)
[ "$got" = "$version" ] || say "the source is PJSIP $got, not $version; trying it all the same"

# ---- the build ------------------------------------------------------------------------------------------------

cd "$source_dir"
cp "$here/config_site.h" pjlib/include/pj/config_site.h
patch -p1 --forward --quiet <"$here/unbuffered-recordings.patch" >>"$log" 2>&1
sed -i 's/ bdimad_dev\.o//' pjmedia/build/Makefile # its source is not in Debian's tarball and it is for Windows only

say "configuring PJSIP $got"
export CFLAGS="-O2 -fPIC -DNDEBUG ${CFLAGS:-}" CXXFLAGS="-O2 -fPIC -DNDEBUG ${CXXFLAGS:-}"
./configure --enable-epoll --disable-video --disable-sound --disable-libwebrtc --disable-libwebrtc-aec3 \
    --disable-libyuv --disable-v4l2 --disable-g7221-codec --disable-ilbc-codec \
    --with-external-srtp --with-external-speex --with-external-gsm \
    --enable-libsamplerate --disable-resample >>"$log" 2>&1

# The wrapper is one file that takes as long as the whole library and needs only its headers, so both are
# compiled side by side. Nothing in it is worth the time of a high optimisation level.
say "compiling the library and the Python wrapper side by side, one to five minutes (log: $log)"
swig_dir=$source_dir/pjsip-apps/src/swig/python
include=$("$python" -c 'import sysconfig; print(sysconfig.get_path("include"))')
(
    cd "$swig_dir"
    make pjsua2_wrap.cpp
    # shellcheck disable=SC2046  # a list of flags
    ${CXX:-g++} $(make --no-print-directory -f helper.mak cflags) -O1 -fPIC -I"$include" -c pjsua2_wrap.cpp -o wrap.o
) >>"$log.wrapper" 2>&1 &
wrapper=$!
failed=
{ make dep && make -j"$jobs" lib; } >>"$log" 2>&1 || failed=library
wait "$wrapper" || failed=${failed:-wrapper}
cat "$log.wrapper" >>"$log"
rm -f "$log.wrapper"
[ -z "$failed" ] || exit 1

say "linking and packing the wheel"
cd "$swig_dir"
sed -i 's/\["pjsua2_wrap.cpp"\],/[], extra_objects=["wrap.o"], language="c++",/' setup.py
"$python" setup.py bdist_wheel >>"$log" 2>&1

wheel=$(find "$swig_dir/dist" -name 'pjsua2-*.whl' -print -quit)
mkdir -p "$kept.new"
cp "$wheel" "$kept.new/"
rm -rf "$kept"
mv "$kept.new" "$kept"
say "built; the wheel is kept in $kept"
cached_wheel
