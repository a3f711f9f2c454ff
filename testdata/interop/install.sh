#!/usr/bin/env bash
# Installs what the real clients need into a cache folder (first argument, or $ATSERVER_INTEROP_CACHE, or
# ~/.cache/atserver-interop), from PyPI, Maven Central and, for missing tools, Debian. Run it again after a
# change here: what is current is left alone.
#
# ATSERVER_INTEROP_JAVA_SDK names a folder with the jars of the Java SDK, all that it depends on among them, for
# machines whose Maven repository does not have it.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${1:-${ATSERVER_INTEROP_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/atserver-interop}}
mkdir -p "$cache"

# need PACKAGE COMMAND...: the command works, or the Debian package that brings it is installed.
need() {
  local package=$1
  shift
  "$@" >/dev/null 2>&1 && return
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "install.sh: $1 is missing: install $package" >&2
    return 1
  fi
  [ -n "${apt_updated:-}" ] || apt-get update -qq
  apt_updated=yes
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$package" >/dev/null
}

# sum FILE...: one checksum over what an installation was made from.
sum() {
  cat "$@" | sha256sum
}

# current NAME SUM: NAME was installed from files with that checksum.
current() {
  [ "$(cat "$cache/$1.sha256" 2>/dev/null)" = "$2" ]
}

python_client() {
  local requirements="$here/python/requirements.txt"
  local want
  want=$(sum "$requirements")
  current python "$want" && "$cache/python/bin/python" -c 'import at_client' 2>/dev/null && return
  need python3-venv python3 -c 'import venv, ensurepip'
  python3 -m venv --clear "$cache/python"
  "$cache/python/bin/pip" install --quiet --disable-pip-version-check --requirement "$requirements"
  echo "$want" >"$cache/python.sha256"
}

java_client() {
  local jars=${ATSERVER_INTEROP_JAVA_SDK:-} log="$cache/java.log" want
  want=$(sum "$here/java/pom.xml" "$here/java/src/main/java/Client.java" ${jars:+"$jars"/*.jar})
  current java "$want" && return
  need default-jdk-headless javac -version
  rm -rf "$cache/java" "$cache/java.sha256"
  if [ -n "$jars" ]; then
    mkdir -p "$cache/java/lib"
    cp "$jars"/*.jar "$cache/java/lib"
    javac --release 17 -d "$cache/java/classes" -cp "$jars/*" "$here/java/src/main/java/Client.java"
    echo "$want" >"$cache/java.sha256"
    return
  fi
  need maven mvn --version
  if mvn --quiet --batch-mode --file "$here/java/pom.xml" -Dinterop.build="$cache/java" \
    compile dependency:copy-dependencies >"$log" 2>&1; then
    echo "$want" >"$cache/java.sha256"
  elif grep -Eq 'Could not find artifact org.atsign:at_client|org.atsign:at_client.* was not found' "$log"; then
    echo "install.sh: the Maven repository of this machine does not have the Java SDK; its tests will be skipped"
  else
    cat "$log" >&2
    return 1
  fi
}

python_client
java_client
echo "install.sh: the clients are in $cache"
