#!/bin/sh
# Would the changed policy have answered recorded calls differently? Markdown on standard output.
#
# REPLAY_ROWS     rows written by 'regogate audit export'; they name people and addresses, so keep them out of
#                 git and let CI fetch them (rows/recorded.jsonl when left out)
# MAX_NEW_BLOCKS  calls that may be blocked which were not (0 when left out)
set -eu

rows=${REPLAY_ROWS:-rows/recorded.jsonl}
if [ ! -f "$rows" ]; then
  echo "No recorded rows ($rows), so nothing was replayed."
  exit 0
fi
set --
if grep -q '^pin:' bundles/channels/prod.yaml; then
  # the policy that answered: its own rows must come out as they were, or the replay proves nothing
  regogate bundle rebuild prod -o replayed-prod.tar.gz >&2
  set -- --proof-bundle replayed-prod.tar.gz
fi
exec regogate policy replay --bundle policies --input-file "$rows" --no-proof "$@" \
  --max-new-blocks "${MAX_NEW_BLOCKS:-0}" --markdown
