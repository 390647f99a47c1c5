# Builds and pushes the image (IL-270 … IL-274). Runs as root, builds as the user `build`. Ends with
# a code for each cause (IL-780) and one line of JSON in the termination message (IL-781).
set -euo pipefail

# fail CODE STAGE REASON [LOG]: the end of the log is what the program said itself.
fail() {
    local text=
    if [ -n "${4:-}" ]; then
        text="$(tail -c 2000 "$4" | tr '\n\t' '  ' | tr -d '\000-\037\177' | redact |
            sed 's/\\/\\\\/g; s/"/\\"/g')"
    fi
    printf '{"v":1,"stage":"%s","reason":"%s","text":"%s"}\n' "$2" "$3" "$text" \
        > /dev/termination-log || true
    exit "$1"
}

# IL-782: passwords in URLs stay out of everything that is kept.
redact() {
    sed -E 's#(://)[^/@[:space:]]*@#\1***@#g'
}

# has LOG PATTERN: whether a program said so.
has() {
    grep -qiE "$2" "$1"
}

export P11_KIT_NO_USER_CONFIG=1
trust=/etc/pki/ca-trust/extracted
p11-kit extract --format=openssl-bundle --filter=certificates --overwrite --comment \
    "$trust/openssl/ca-bundle.trust.crt"
p11-kit extract --format=pem-bundle --filter=ca-anchors --overwrite --comment \
    --purpose=server-auth "$trust/pem/tls-ca-bundle.pem"
touch /dev/termination-log 2> /dev/null && chmod 0666 /dev/termination-log || true

build_image() {
    set -euo pipefail
    log="$(mktemp)"
    context="$HOME/context"
    mkdir -p "$context/machineconfig"
    {
        cp /tmp/containerfile/Containerfile "$context/" &&
        cp /tmp/machineconfig/machineconfig.json.gz "$context/machineconfig/" &&
        cp /etc/pki/ca-trust/source/anchors/openshift-config-user-ca-bundle.crt "$context/"
    } 2> "$log" || fail 10 input InvalidInput "$log"

    # A copy of each has the right SELinux label and is readable to the build.
    volumes=()
    add_volume() {
        if [ -d "$1" ]; then
            copy="$(mktemp -d)"
            cp -r "$1/." "$copy"
            chmod -R 0755 "$copy"
            volumes+=("--volume=$copy:$2:z,rw")
        fi
    }
    add_volume /var/run/secrets/rhsm /run/secrets/rhsm
    for mount in "${ETC_PKI_ENTITLEMENT_MOUNTPOINT:-}" "${ETC_YUM_REPOS_D_MOUNTPOINT:-}" \
        "${ETC_PKI_RPM_GPG_MOUNTPOINT:-}"; do
        add_volume "$mount" "$mount"
    done

    # IL-784: overlay shares layers, vfs copies them; the first that works is used.
    driver=vfs
    if buildah --storage-driver overlay info > /dev/null 2>&1; then
        driver=overlay
    fi
    echo "storage driver: $driver"

    # Without a value the argument is that of the environment, and no trace shows a password.
    export HTTP_PROXY HTTPS_PROXY NO_PROXY
    buildah --storage-driver "$driver" pull --authfile="$BASE_IMAGE_PULL_CREDS" \
        "$BASE_OS_IMAGE_PULLSPEC" 2>&1 | redact | tee "$log" ||
        if has "$log" 'no space left'; then fail 50 node NoSpace "$log"
        elif has "$log" 'unauthorized|authentication required|access .* denied|403'; then
            fail 21 base-pull BaseDenied "$log"
        elif has "$log" 'manifest unknown|name unknown|not found|404'; then
            fail 20 base-pull BaseNotFound "$log"
        else fail 22 base-pull BaseUnreachable "$log"; fi

    buildah --storage-driver "$driver" bud --authfile="$BASE_IMAGE_PULL_CREDS" \
        --build-arg HTTP_PROXY --build-arg HTTPS_PROXY --build-arg NO_PROXY \
        --tag "$TAG" --file="$context/Containerfile" "${volumes[@]}" "$context" 2>&1 |
        redact | tee "$log" ||
        if has "$log" 'no space left'; then fail 50 node NoSpace "$log"
        elif has "$log" 'exit status|exited with error'; then fail 31 step StepFailed "$log"
        else fail 30 containerfile InvalidContainerfile "$log"; fi

    buildah --storage-driver "$driver" push --authfile="$FINAL_IMAGE_PUSH_CREDS" \
        --digestfile=/tmp/done/digestfile \
        --cert-dir /var/run/secrets/kubernetes.io/serviceaccount "$TAG" 2>&1 |
        redact | tee "$log" ||
        if has "$log" 'no space left'; then fail 50 node NoSpace "$log"
        elif has "$log" 'unauthorized|authentication required|denied|403'; then
            fail 40 push PushDenied "$log"
        elif has "$log" 'dial tcp|no such host|timeout|refused|EOF|50[0-9]|429'; then
            fail 42 push PushUnreachable "$log"
        else fail 41 push PushRefused "$log"; fi

    digest="$(cat /tmp/done/digestfile 2> /dev/null || true)"
    [ -n "$digest" ] || fail 60 digest NoDigest
    printf '{"v":1,"stage":"done","digest":"%s","driver":"%s"}\n' "$digest" "$driver" \
        > /dev/termination-log || true
}

export -f build_image fail redact has
su -m build -c 'bash -c build_image'
