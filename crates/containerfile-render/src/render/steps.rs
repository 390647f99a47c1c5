//! The steps of the document that are the same for every pool. What differs from pool to pool stands
//! in `FROM`, `ARG` and `LABEL` and is never part of a shell command.
//!
//! No here-documents: buildah before 1.33 does not know them. Nothing but POSIX shell and
//! `exec -a`, which bash and busybox have.

/// IL-170: unpacks the MachineConfig, in a stage of its own so that the archive stays out of the
/// image.
pub(super) const EXTRACT: &str = r"COPY ./machineconfig/machineconfig.json.gz /tmp/machineconfig.json.gz
RUN set -eu; \
    mkdir -p /etc/machine-config-daemon; \
    base64 -d < /tmp/machineconfig.json.gz > /tmp/machineconfig.gz; \
    gunzip -c < /tmp/machineconfig.gz > /etc/machine-config-daemon/currentconfig
";

/// IL-173: where the extensions image is mounted.
pub(super) const EXTENSIONS_MOUNT: &str =
    "source=/,target=/tmp/mco-extensions/os-extensions-content,bind-propagation=rshared,z";

/// IL-173: installs packages out of the extensions image. Packages are checked against the GPG
/// keys of the image, wherever it has some.
pub(super) const INSTALL: &str = r#"    set -eu; \
    keys=; \
    for key in /etc/pki/rpm-gpg/*; do \
        if [ -f "$key" ]; then keys="$keys file://$key"; fi; \
    done; \
    repo=/etc/yum.repos.d/coreos-extensions.repo; \
    { \
        echo '[coreos-extensions]'; \
        echo 'enabled=1'; \
        echo 'metadata_expire=1m'; \
        echo 'baseurl=/tmp/mco-extensions/os-extensions-content/usr/share/rpm-ostree/extensions/'; \
        echo 'skip_if_unavailable=False'; \
        if [ -n "$keys" ]; then \
            echo 'gpgcheck=1'; \
            echo "gpgkey=$keys"; \
        else \
            echo 'gpgcheck=0'; \
        fi; \
    } > "$repo"; \
    chmod 644 "$repo"; \
    set -fx; \
    if [ -n "$OSIMAGE_PACKAGES" ]; then rpm-ostree install $OSIMAGE_PACKAGES; fi; \
"#;

/// IL-174: swaps the kernel, unless the base has the wanted one.
pub(super) const SWAP_KERNEL: &str = r#"    if rpm -q kernel-rt-core; then found=realtime; old="$OSIMAGE_OLD_REALTIME"; \
    elif rpm -q kernel-64k-core; then found=64k-pages; old="$OSIMAGE_OLD_64K_PAGES"; \
    elif rpm -q kernel; then found=default; old="$OSIMAGE_OLD_DEFAULT"; \
    else \
        echo "Error: Unknown base kernel type. Unable to perform the kernel swap to '$OSIMAGE_KERNEL'" >&2; \
        exit 1; \
    fi; \
    if [ "$found" != "$OSIMAGE_KERNEL" ]; then \
        printf '%s\n' "remove $old" "install $OSIMAGE_KERNEL_PACKAGES" run | dnf -y shell; \
    fi; \
"#;

/// IL-173: removes the repository file, whose packages are mounted during this step only.
pub(super) const END_INSTALL: &str = r#"    rm -f "$repo"
RUN ostree container commit
"#;

/// IL-176: directories that packages of extensions expect under /var.
pub(super) const TMPFILES: &str = r"RUN rm -f /usr/lib/tmpfiles.d/usbguard.conf
RUN printf '%s\n' \
        'd /var/log/usbguard 0755 root root -' \
        'd /var/lib/ipsec 0700 root root -' \
        'd /var/lib/ipsec/nss 0700 root root -' \
        > /usr/lib/tmpfiles.d/usbguard_ipsec.conf
";

/// IL-171, IL-172: files, units and users of the MachineConfig become part of the image.
pub(super) const APPLY: &str = r"COPY --from=extract /etc/machine-config-daemon/currentconfig /etc/machine-config-daemon/currentconfig
RUN set -eu; \
    jq '.spec.config' /etc/machine-config-daemon/currentconfig > /tmp/ignition.json; \
    (export container=oci; \
        exec -a ignition-apply /usr/lib/dracut/modules.d/30ignition/ignition \
            --ignore-unsupported /tmp/ignition.json); \
    rm -f /tmp/ignition.json; \
    ostree container commit
";

/// IL-177: certificates that the cluster's administrator trusts. The file is always in the
/// context; it may be empty.
pub(super) const TRUST: &str = "COPY ./openshift-config-user-ca-bundle.crt \
    /etc/pki/ca-trust/source/anchors/openshift-config-user-ca-bundle.crt\n\
    RUN update-ca-trust\n";
