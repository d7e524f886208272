#!/bin/sh
# After a merge: pin what was merged to the channel dev, then publish each channel whose file or approvals changed.
#
# A promotion is a pull request of its own: 'regogate bundle promote dev staging' changes one file.
#
# BEFORE       the commit before the merge
# BRANCH       the branch to push the pin of dev to
# SIGNING_KEY  the text of the private key that signs bundles (PEM)
# PUBLISH_TO   where bundles go: a directory, s3://BUCKET/PATH or oci://HOST/REPOSITORY
set -eu

git config user.name >/dev/null || git config user.name "policy release"
git config user.email >/dev/null || git config user.email "policy-release@example.invalid"

regogate bundle pin dev
if [ "$(git rev-parse HEAD)" != "$(git rev-parse "origin/$BRANCH")" ]; then
  git push -o ci.skip origin "HEAD:$BRANCH" || git push origin "HEAD:$BRANCH"
fi

if [ -z "${SIGNING_KEY:-}" ] || [ -z "${PUBLISH_TO:-}" ]; then
  echo "SIGNING_KEY or PUBLISH_TO is not set, so nothing is published."
  exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
(umask 077 && printf '%s\n' "$SIGNING_KEY" >"$work/key.pem")
unset SIGNING_KEY

git cat-file -e "${BEFORE:-}^{commit}" 2>/dev/null || BEFORE=$(git hash-object -t tree /dev/null)
changed=$(git diff --name-only --diff-filter=AM "$BEFORE" HEAD -- bundles/channels bundles/approvals |
  sed -n -e 's|^bundles/channels/\(.*\)\.yaml$|\1|p' -e 's|^bundles/approvals/\([^/]*\)/.*|\1|p' | sort -u)
for channel in $changed; do
  grep -q '^pin:' "bundles/channels/$channel.yaml" || continue
  regogate bundle rebuild "$channel" -o "$work/$channel.tar.gz" --key "$work/key.pem"
  regogate bundle verify "$work/$channel.tar.gz" --channel "$channel" --public-key bundles/policy.pub.pem
  regogate bundle publish "$work/$channel.tar.gz" --to "$PUBLISH_TO" --public-key bundles/policy.pub.pem
done
