# Builds and pushes the image (IL-270 … IL-274). Runs as root, builds as the user `build`.
set -xeuo pipefail

export P11_KIT_NO_USER_CONFIG=1
trust=/etc/pki/ca-trust/extracted
p11-kit extract --format=openssl-bundle --filter=certificates --overwrite --comment \
    "$trust/openssl/ca-bundle.trust.crt"
p11-kit extract --format=pem-bundle --filter=ca-anchors --overwrite --comment \
    --purpose=server-auth "$trust/pem/tls-ca-bundle.pem"

build_image() {
    set -xeuo pipefail
    context="$HOME/context"
    mkdir -p "$context/machineconfig"
    cp /tmp/containerfile/Containerfile "$context/"
    cp /tmp/machineconfig/machineconfig.json.gz "$context/machineconfig/"
    cp /etc/pki/ca-trust/source/anchors/openshift-config-user-ca-bundle.crt "$context/"

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

    # Without a value the argument is that of the environment, and no trace shows a password.
    export HTTP_PROXY HTTPS_PROXY NO_PROXY
    buildah bud --log-level=DEBUG --storage-driver vfs --authfile="$BASE_IMAGE_PULL_CREDS" \
        --build-arg HTTP_PROXY --build-arg HTTPS_PROXY --build-arg NO_PROXY \
        --tag "$TAG" --file="$context/Containerfile" "${volumes[@]}" "$context"
    buildah push --storage-driver vfs --authfile="$FINAL_IMAGE_PUSH_CREDS" \
        --digestfile=/tmp/done/digestfile \
        --cert-dir /var/run/secrets/kubernetes.io/serviceaccount "$TAG"
}

export -f build_image
su -m build -c 'bash -c build_image'
