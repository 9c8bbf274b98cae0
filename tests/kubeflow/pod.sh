#!/bin/sh
# Runs a command in a file system of its own, which nothing outside sees and which is gone with it:
#   unshare --mount pod.sh ROOT SERVICE_ACCOUNT [VOLUME:PATH]... -- COMMAND...
# ROOT is an empty folder. /gcs, /minio, /s3, /mnt and /run are empty in there; a VOLUME, a folder, is mounted at PATH.
set -eu
root=$1 account=$2
shift 2
mount -t tmpfs tmpfs "$root"
for entry in /*; do
    case $entry in /gcs | /minio | /s3 | /mnt | /run | /oci) continue ;; esac
    if [ -L "$entry" ]; then
        cp -P "$entry" "$root$entry"
    elif [ -d "$entry" ]; then
        mkdir "$root$entry"
        mount --rbind "$entry" "$root$entry"
    fi
done
mkdir "$root/gcs" "$root/minio" "$root/s3" "$root/mnt"
mkdir -p "$root/run/secrets/kubernetes.io/serviceaccount"
cp "$account"/* "$root/run/secrets/kubernetes.io/serviceaccount/"
while [ "$1" != -- ]; do
    mkdir -p "$root${1#*:}"
    mount --bind "${1%%:*}" "$root${1#*:}"
    shift
done
shift
exec chroot "$root" env -C "$PWD" "$@"
