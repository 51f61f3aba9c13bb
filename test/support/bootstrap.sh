#!/usr/bin/env bash
# Makes a fresh Debian or Ubuntu machine with Node able to run Kanmen's demo or tests, then runs them.
#   bootstrap.sh demo [args]   what the demo needs, then the demo
#   bootstrap.sh test [args]   what the tests need as well, then the tests
#   bootstrap.sh deps          what the tests need, then nothing
# It says what it will install before it does, and skips what is there.
set -euo pipefail
cd "$(dirname "$0")/../.."
mode=${1:?demo, test or deps}
shift

say() { printf '\033[1m[kanmen]\033[0m %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# 1. Node
command -v node >/dev/null || die "Node.js is missing. Install Node 20.19 or newer (https://nodejs.org), then run this again."
node -e '
  const [a, b] = process.versions.node.split(".").map(Number);
  process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' ||
  die "Node $(node --version) is too old: 20.19 or newer is needed."

# 2. System packages: name of the Debian package, and how to tell that it is not needed.
missing=()
need() { # package, test command
  eval "$2" >/dev/null 2>&1 || missing+=("$1")
}
need ffmpeg 'command -v ffmpeg && command -v ffprobe'
need fontconfig 'command -v fc-list'
need fonts-noto-cjk 'fc-list :lang=zh-cn | grep -qi "cjk\|wqy\|wenquanyi\|hei\|song\|ming"'
if [ "$mode" != demo ]; then
  need chromium 'test -x /usr/bin/chromium'
  need python3-gi '/usr/bin/python3 -c "import gi"'
  need gir1.2-gst-rtsp-server-1.0 'ls /usr/lib/*/girepository-1.0/GstRtspServer-1.0.typelib'
  need gstreamer1.0-plugins-base 'ls /usr/lib/*/gstreamer-1.0/libgstvideotestsrc.so'
  need gstreamer1.0-plugins-good 'ls /usr/lib/*/gstreamer-1.0/libgstrtp.so'
  need gstreamer1.0-plugins-bad 'ls /usr/lib/*/gstreamer-1.0/libgstvideoparsersbad.so'
  need gstreamer1.0-plugins-ugly 'ls /usr/lib/*/gstreamer-1.0/libgstx264.so'
  need glib-networking 'ls /usr/lib/*/gio/modules/libgiognutls.so'
fi
if [ ${#missing[@]} -gt 0 ]; then
  if ! command -v apt-get >/dev/null; then
    die "These are missing: ${missing[*]} (Debian's names). This system has no apt-get: install them with its own package manager, then run this again."
  fi
  sudo=''
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || die "These system packages are missing: ${missing[*]}. Become root (or install sudo) and run: apt-get install ${missing[*]}"
    sudo=sudo
  fi
  say "will install these system packages with apt-get: ${missing[*]}"
  $sudo apt-get update -q >&2
  DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -q --no-install-recommends "${missing[@]}" >&2
fi

# 3. npm packages, when the lock file has changed since the last time
stamp=node_modules/.kanmen-lock
if ! cmp -s package-lock.json "$stamp"; then
  say "will install the npm packages of package-lock.json into node_modules (npm ci)"
  npm ci >&2
  cp package-lock.json "$stamp"
fi

# 4. Build; both steps are skipped or quick when nothing has changed
node_modules/.bin/tsc -p tsconfig.json
page_stamp=dist/dashboard/.stamp
if [ ! -f "$page_stamp" ] || [ -n "$(find dashboard package-lock.json -newer "$page_stamp" -print -quit)" ]; then
  say "builds the dashboard"
  npm run -s build:dashboard >&2
  touch "$page_stamp"
fi

# 5. The thing itself
case $mode in
  demo) exec node dist/gateway/main.js demo "$@" ;;
  test) KANMEN_SKIP_BUILD=1 exec node_modules/.bin/vitest run "$@" ;;
  deps) ;;
  *) die "unknown mode: $mode" ;;
esac
