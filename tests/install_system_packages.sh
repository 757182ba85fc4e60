#!/bin/sh
# Installs what some tests need from the system: Chromium for pages, PostgreSQL for the decisions store,
# Java for Spark.
# Needs root on a Debian-like system; elsewhere it says what will be skipped and goes on.
set -u

missing=""
command -v chromium >/dev/null 2>&1 || command -v google-chrome >/dev/null 2>&1 || missing="$missing chromium"
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null 2>&1 || missing="$missing postgresql"
command -v java >/dev/null 2>&1 || missing="$missing default-jre-headless"
[ -z "$missing" ] && exit 0

if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing for the tests:$missing"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq >/dev/null
    left=""
    for package in $missing; do
        apt-get install -y -qq --no-install-recommends "$package" >/dev/null || left="$left $package"
    done
    [ -z "$left" ] && exit 0
    echo "The system's package manager could not install:$left"
else
    echo "Not installed, and only root may install them here:$missing"
fi
echo "Tests that need them will be skipped. Install them with your system's package manager to run all tests."
