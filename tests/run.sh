#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Runs what is built: unit tests, fuzz targets for a short while, the rig in namespaces of its own.
#
#   tests/run.sh [--unit|--fuzz|--rig|--place PLACE|--image|--qemu|--checks] [NAME]
#
# Without a choice: all of them, the scenarios of tests/hil/ at the place "processes", and of the tests of the image in a
# virtual machine (--qemu) the short ones (--image). PLACE: processes, qemu, box, or a labgrid environment file. NAME picks
# tests whose file name contains it. BUILD: where the programs are (build). UNIT_SECONDS, RIG_SECONDS, IMAGE_SECONDS: limits
# of one unit test, of the whole rig, of the short tests of the image. IMAGE_UNTIL_SECONDS: they are skipped when the run
# has taken so long by then (3600). FUZZ_SECONDS: time for each fuzz target.
cd "$(dirname "$0")/.." || exit 2
build=${BUILD:-build}
export BUILD=$build BIPLANE_SOFTVPL_DIR
BIPLANE_SOFTVPL_DIR=$(realpath -m "$build")/lib
kinds="unit fuzz rig place image checks" place=processes
case $1 in
--unit | --fuzz | --rig | --image | --qemu | --checks) kinds=${1#--} && shift ;;
--place) kinds=place place=$2 && shift 2 ;;
esac
name=$1
passed=0 failed=0 skipped=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:abort_on_error=0}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}

# result KIND NAME STATUS LOG: one line, and the output of what failed
result() {
    if [ "$3" = 0 ]; then
        passed=$((passed + 1))
        printf 'ok    %s %s%s\n' "$1" "$2" "$5"
    else
        failed=$((failed + 1))
        printf 'FAIL  %s %s (%s)\n' "$1" "$2" "$([ "$3" = 124 ] && echo "timed out" || echo "status $3")"
        tail -n 60 "$4" | sed 's/^/    | /'
    fi
}

picked() { [ -z "$name" ] || [[ $1 == *$name* ]]; }

run_unit() {
    local source test label status
    for source in tests/*/*_test.c; do
        test=$build/${source%.c} label=${source#tests/} label=${label%.c}
        picked "$source" || continue
        if [ ! -x "$test" ]; then
            echo "FAIL  unit $label (not built)"
            failed=$((failed + 1))
            continue
        fi
        timeout -k 5 "${UNIT_SECONDS:-180}" "$test" >"$work/log" 2>&1
        status=$?
        result unit "$label" $status "$work/log" " ($(grep -c '^\[       OK' "$work/log") tests)"
    done
}

run_fuzz() {
    local source test label corpus seeds=() status
    for source in tests/fuzz/*_fuzz.c; do
        [ -e "$source" ] || continue
        label=$(basename "$source" .c) test=$build/${source%.c}
        picked "$source" || continue
        if [ ! -x "$test" ]; then
            echo "FAIL  fuzz $label (not built)"
            failed=$((failed + 1))
            continue
        fi
        corpus=$build/corpus/$label seeds=()
        mkdir -p "$corpus"
        for directory in "tests/fuzz/corpus/$label" "tests/fuzz/corpus/${label%_fuzz}"; do
            [ -d "$directory" ] && seeds+=("$directory")
        done
        timeout -k 5 $((${FUZZ_SECONDS:-5} + 60)) "$test" -max_total_time="${FUZZ_SECONDS:-5}" -timeout=5 \
            -rss_limit_mb=2048 -artifact_prefix="$build/corpus/$label-crash-" "$corpus" "${seeds[@]}" >"$work/log" 2>&1
        status=$?
        result fuzz "$label" $status "$work/log" \
            " ($(sed -n 's/^Done \([0-9]*\) runs.*/\1/p' "$work/log" | tail -n 1) runs)"
    done
}

# pytest in namespaces of its own.
isolated_pytest() {
    PYTHONPATH=$PWD/tools timeout -k 10 "${RIG_SECONDS:-4200}" tools/testbed/isolate.py /usr/bin/python3 -m pytest -q \
        -p no:cacheprovider -rs --durations=10 ${name:+-k "$name"} "$@" 2>&1
}

run_pytest() {
    isolated_pytest "$@" | tee "$work/pytest"
    add_summary "${PIPESTATUS[0]}" "$work/pytest"
}

# add_summary STATUS LOG: adds up pytest's own summary; a run that has none has failed.
add_summary() {
    local status=$1 summary word count
    summary=$(grep -E '^[0-9]+ [a-z]+.* in [0-9.]+s|^=+ .* in [0-9.]+s' "$2" | tail -n 1)
    for word in passed failed error skipped; do
        count=$(grep -oE "[0-9]+ ${word}" <<<"$summary" | grep -oE '[0-9]+')
        case $word in
        passed) passed=$((passed + ${count:-0})) ;;
        skipped) skipped=$((skipped + ${count:-0})) ;;
        *) failed=$((failed + ${count:-0})) ;;
        esac
    done
    # 5: nothing was picked by that name
    if [ "$status" != 0 ] && [ "$status" != 5 ] && ! grep -qE '[0-9]+ (failed|error)' <<<"$summary"; then
        echo "FAIL  rig (status $status)"
        failed=$((failed + 1))
    fi
}

is_root() {
    [ "$(id -u)" = 0 ] && return
    echo "skip  $1: network namespaces need root"
    skipped=$((skipped + 1))
    return 1
}

run_rig() {
    local folders=() folder
    for folder in tests/rig tests/drivers/softvpl tests/drivers/softva; do
        [ -n "$(find "$folder" -name 'test_*.py' -print -quit 2>/dev/null)" ] && folders+=("$folder")
    done
    [ ${#folders[@]} = 0 ] && return
    is_root rig || return 0
    tools/testbed/npm.sh "$build/npm"
    if [ -n "$name" ]; then
        run_pytest "${folders[@]}"
        return
    fi
    run_light
    run_pytest -m "not light" "${folders[@]}"
}

# Tests that wait more than they work (pytest.mark.light): two files at a time, the long ones first.
run_light() {
    local log
    export -f isolated_pytest
    # shellcheck disable=SC2016 # the inner shell's own
    grep -lE '^pytestmark = .*mark\.light' tests/rig/test_*.py | xargs ls -S | work=$work xargs -P 2 -I % bash -c '
        log=$work/$(basename % .py)
        isolated_pytest % >"$log.light"
        echo $? >"$log.status"
        flock "$work" cat "$log.light"'
    for log in "$work"/*.light; do
        add_summary "$(cat "${log%.light}.status")" "$log"
    done
}

# The scenarios of a whole box, at one place (docs/hil.md).
run_place() {
    local environment=tests/hil/places/$place.yaml
    [ -e "$environment" ] || environment=$place
    is_root "$place" || return 0
    if [ "$place" = qemu ]; then
        tests/qemu/images.sh || { failed=$((failed + 1)); return; }
    fi
    run_pytest tests/hil --lg-env "$environment" -o junit_family=xunit1 --junit-xml "$build/hil-$(basename "$place" .yaml).xml"
}

# The image in a virtual machine. Packages are fetched on this side of the namespaces. Each test goes on where the one before
# ended: the first that fails ends it.
run_qemu() {
    is_root qemu || return 0
    tests/qemu/images.sh || { failed=$((failed + 1)); return; }
    run_pytest ${KEEP_GOING:--x} -s tests/qemu --junit-xml "$build/qemu.xml" "$@"
}

# What of it belongs to every run, where an image can be built and started.
run_image() {
    local obstacle
    compgen -G "tests/qemu/*$name*.py" >/dev/null || return 0
    is_root image || return 0
    if [ "$SECONDS" -gt "${IMAGE_UNTIL_SECONDS:-3600}" ]; then # a whole run ends within an hour and a half
        echo "skip  image: the tests before it took $((SECONDS / 60)) minutes here; make image-test runs them alone"
        skipped=$((skipped + 1))
        return
    fi
    if obstacle=$(tests/qemu/obstacle.sh); then
        RIG_SECONDS=${IMAGE_SECONDS:-1200} run_qemu -m "not long"
        return
    fi
    echo "skip  image: $obstacle"
    skipped=$((skipped + 1))
}

# What is run once more under other tools (make help).
run_checks() {
    local check
    for check in tsan valgrind leaks; do
        picked "$check" || continue
        make "$check" >"$work/log" 2>&1
        result check "$check" $? "$work/log"
    done
}

for kind in $kinds; do "run_$kind"; done
if [ $((passed + failed + skipped)) = 0 ]; then
    echo "no test${name:+ is called like \"$name\"}"
    failed=1
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
