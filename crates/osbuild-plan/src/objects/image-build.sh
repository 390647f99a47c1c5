# Builds and pushes the image (IL-270 … IL-274). Runs as root, builds as the user `build`. Ends with
# a code for each cause (IL-780) and one line of JSON in the termination message (IL-781).
set -euo pipefail

# fail CODE STAGE REASON LOG: the end of the log is what the program printed. 1500 bytes, each of
# which may need two, leave room in a termination message of 4 KiB.
fail() {
    local text
    text="$(redact < "$4" | tail -c 1500 | LC_ALL=C tr '\n\t' '  ' | LC_ALL=C tr -cd '\040-\176' |
        sed 's/\\/\\\\/g; s/"/\\"/g')"
    printf '{"v":1,"stage":"%s","reason":"%s","text":"%s"}\n' "$2" "$3" "$text" \
        > /dev/termination-log || true
    exit "$1"
}

# IL-782: a user and a password in a URL stay out of everything that is kept.
redact() {
    sed -u -E 's#(://)[^/[:space:]]*@#\1***@#g'
}

# errors LOG: the lines with which a program gave up, without the step that it stood at and without
# digests: what a user wrote, and the digits of a digest, are no causes.
errors() {
    grep -E '^(Error|ERRO|error)|level=(error|fatal)' "$1" |
        sed -E 's/STEP "([^"\\]|\\.)*"//g; s/sha256:[0-9a-f]+//g' || true
}

# cause LOG: what stopped it.
cause() {
    if grep -qi 'no space left on device' "$1"; then echo space
    elif errors "$1" | grep -qiE 'unauthorized|authentication required|denied|incorrect username|invalid username|status[ a-z]*:? *(401|403)'
    then echo denied
    elif errors "$1" | grep -qiE 'manifest unknown|name unknown|repository .*not found|status[ a-z]*:? *404'
    then echo missing
    elif errors "$1" | grep -qiE 'pinging container registry|dial tcp|no such host|timeout|connection (refused|reset)|: EOF|unexpected EOF|broken pipe|x509|tls:|status[ a-z]*:? *(429|5[0-9][0-9])|too many requests|server gave HTTP'
    then echo unreachable
    else echo other; fi
}

# fail_pull LOG CAUSE: the end of a pull.
fail_pull() {
    case "$2" in
        space) fail 50 node NoSpace "$1" ;;
        denied) fail 21 base-pull BaseDenied "$1" ;;
        missing) fail 20 base-pull BaseNotFound "$1" ;;
        *) fail 22 base-pull BaseUnreachable "$1" ;;
    esac
}

# fail_build LOG: the end of a build. What is not known counts as a step that failed: another
# attempt may succeed.
fail_build() {
    if [ "$(cause "$1")" = space ]; then fail 50 node NoSpace "$1"; fi
    if errors "$1" | grep -qE 'initializing source|reading manifest|pinging container registry|reading blob|copying system image'
    then fail_pull "$1" "$(cause "$1")"; fi
    if errors "$1" | grep -qE 'exit status [0-9]|exited with'; then fail 31 step StepFailed "$1"; fi
    if errors "$1" | grep -qE 'parsing main Dockerfile|Unknown instruction|no FROM statement|requires (at least|exactly)|checking on sources under|unknown user error|invalid reference format'
    then fail 30 containerfile InvalidContainerfile "$1"; fi
    fail 31 step StepFailed "$1"
}

# fail_push LOG: the end of a push.
fail_push() {
    case "$(cause "$1")" in
        space) fail 50 node NoSpace "$1" ;;
        denied) fail 40 push PushDenied "$1" ;;
        unreachable) fail 42 push PushUnreachable "$1" ;;
        *) fail 41 push PushRefused "$1" ;;
    esac
}

# fail_input LOG: the end of the preparations.
fail_input() {
    if [ "$(cause "$1")" = space ]; then fail 50 node NoSpace "$1"; fi
    fail 10 input InvalidInput "$1"
}

# A node without /dev/termination-log loses the message, and nothing else.
touch /dev/termination-log 2> /dev/null && chmod 0666 /dev/termination-log || true
log="$(mktemp)"

export P11_KIT_NO_USER_CONFIG=1
trust=/etc/pki/ca-trust/extracted
{
    p11-kit extract --format=openssl-bundle --filter=certificates --overwrite --comment \
        "$trust/openssl/ca-bundle.trust.crt" &&
    p11-kit extract --format=pem-bundle --filter=ca-anchors --overwrite --comment \
        --purpose=server-auth "$trust/pem/tls-ca-bundle.pem"
} > "$log" 2>&1 || fail_input "$log"

# The build context, and copies of what is mounted into the build: a copy has the right SELinux
# label and can be read by the build.
prepare() {
    mkdir -p "$context/machineconfig" &&
    cp /tmp/containerfile/Containerfile "$context/" || return
    # IL-785: a large MachineConfig comes without base64.
    if [ -e /tmp/machineconfig/machineconfig.gz ]; then
        base64 -w 0 /tmp/machineconfig/machineconfig.gz \
            > "$context/machineconfig/machineconfig.json.gz" || return
    else
        cp /tmp/machineconfig/machineconfig.json.gz "$context/machineconfig/" || return
    fi
    cp /etc/pki/ca-trust/source/anchors/openshift-config-user-ca-bundle.crt "$context/" || return
    local mount target copy
    for mount in /var/run/secrets/rhsm:/run/secrets/rhsm \
        "${ETC_PKI_ENTITLEMENT_MOUNTPOINT:-}" "${ETC_YUM_REPOS_D_MOUNTPOINT:-}" \
        "${ETC_PKI_RPM_GPG_MOUNTPOINT:-}"; do
        target="${mount#*:}"
        mount="${mount%%:*}"
        [ -d "$mount" ] || continue
        copy="$(mktemp -d)" && cp -r "$mount/." "$copy" && chmod -R 0755 "$copy" || return
        volumes+=("--volume=$copy:$target:z,rw")
    done
}

# IL-784: overlay shares layers, by the kernel or by fuse; vfs copies them. The first that works.
choose_driver() {
    local fuse=(--storage-driver overlay --storage-opt overlay.mount_program=/usr/bin/fuse-overlayfs)
    if buildah --storage-driver overlay info > /dev/null 2>&1; then
        driver=overlay storage=(--storage-driver overlay)
    elif [ -c /dev/fuse ] && buildah "${fuse[@]}" info > /dev/null 2>&1; then
        driver=fuse-overlayfs storage=("${fuse[@]}")
    else
        driver=vfs storage=(--storage-driver vfs)
    fi
    echo "storage driver: $driver"
}

# choose_cache: the layer cache that somebody named. vfs copies every layer, and would fill the disk.
choose_cache() {
    cache=()
    if [ -n "${LAYER_CACHE:-}" ] && [ "$driver" = vfs ]; then
        echo "layer cache: not used, since the storage driver shares no layers"
    elif [ -n "${LAYER_CACHE:-}" ]; then
        cache=(--layers --cache-from "$LAYER_CACHE" --cache-to "$LAYER_CACHE")
    fi
}

# bud ARGUMENTS: builds. IL-784: times do not depend on the clock.
bud() {
    buildah "${storage[@]}" bud --authfile="$BASE_IMAGE_PULL_CREDS" --timestamp 0 "$@" \
        --build-arg HTTP_PROXY --build-arg HTTPS_PROXY --build-arg NO_PROXY \
        --tag "$TAG" --file="$context/Containerfile" "${volumes[@]}" "$context" 2>&1 |
        redact | tee "$log"
}

build_image() {
    set -euo pipefail
    log="$(mktemp)"
    context="$HOME/context"
    volumes=()
    prepare 2> "$log" || fail_input "$log"
    choose_driver

    # Without a value the argument is that of the environment, and no command line shows a password.
    export HTTP_PROXY HTTPS_PROXY NO_PROXY
    buildah "${storage[@]}" pull --authfile="$BASE_IMAGE_PULL_CREDS" \
        "$BASE_OS_IMAGE_PULLSPEC" 2>&1 | redact | tee "$log" || fail_pull "$log" "$(cause "$log")"

    choose_cache
    if ! bud "${cache[@]}"; then
        # A cache that fails costs time and nothing else.
        if [ -n "${LAYER_CACHE:-}" ] && errors "$log" | grep -qE 'failed (pushing|pulling) cache'; then
            echo "layer cache: it failed, and the image is built without it"
            bud || fail_build "$log"
        else
            fail_build "$log"
        fi
    fi

    buildah "${storage[@]}" push --authfile="$FINAL_IMAGE_PUSH_CREDS" \
        --digestfile=/tmp/done/digestfile \
        --cert-dir /var/run/secrets/kubernetes.io/serviceaccount "$TAG" 2>&1 |
        redact | tee "$log" || fail_push "$log"

    digest="$(cat /tmp/done/digestfile 2> /dev/null || true)"
    [ -n "$digest" ] || fail 60 digest NoDigest "$log"
    printf '{"v":1,"stage":"done","digest":"%s","driver":"%s"}\n' "$digest" "$driver" \
        > /dev/termination-log || true
}

export -f build_image prepare choose_driver choose_cache bud fail fail_pull fail_build fail_push fail_input \
    redact errors cause
su -m build -c 'bash -c build_image'
