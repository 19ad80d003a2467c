#!/bin/sh
# A real RTMP server and a real stream for the tests of rooms with video: Debian's nginx with its RTMP module, and ffmpeg.
# Where they cannot be had, those tests are skipped and say so, so this never fails.
set -eu

if command -v ffmpeg >/dev/null 2>&1 && [ -e /usr/lib/nginx/modules/ngx_rtmp_module.so ]; then
    exit 0
fi
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "tests of streams: no nginx with RTMP or no ffmpeg, and only root on Debian or Ubuntu can have them installed" >&2
    exit 0
fi

apt() {
    DEBIAN_FRONTEND=noninteractive timeout 240 \
        apt-get -qq -o Acquire::Retries=1 -o Acquire::http::Timeout=20 "$@" >/dev/null 2>&1
}

echo "tests of streams: installing nginx, its RTMP module and ffmpeg"
if ! { apt update && apt install -y --no-install-recommends nginx-light libnginx-mod-rtmp ffmpeg; }; then
    echo "tests of streams: they could not be installed" >&2
fi
