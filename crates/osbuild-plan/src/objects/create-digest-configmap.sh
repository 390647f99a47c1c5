# Tells the cluster the digest of the image that was pushed (IL-275).
set -xeuo pipefail
exec machine-os-builder create-digest-configmap \
    --configmap-name "$DIGEST_CONFIGMAP_NAME" \
    --digestfile /tmp/done/digestfile \
    --labels "$DIGEST_CONFIGMAP_LABELS"
