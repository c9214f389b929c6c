#!/usr/bin/env bash
# Dead letters of the functions: work that was given up after a hundred deliveries. On one machine, npm run dead-letters does
# this.
#
#   infra/cloud/dead-letters.sh list              what was recorded as failed in the last seven days, and why, the latest first, from the log
#   infra/cloud/dead-letters.sh waiting           what could not be recorded yet; holds up the recording while it looks
#   infra/cloud/dead-letters.sh replay [TASK]     puts the work of what waits back into its queue, all or that of one task
#
# Pub/Sub delivers a letter that was refused again after ten minutes at most, so the last two look for eleven minutes. SECONDS_LONG
# sets another time. Ctrl-C ends them early, and in order.
source "$(dirname "$0")/shared.sh"

case "${1:-}" in
  list)
    # gcloud ignores --freshness in the order of time.
    gcloud logging read 'resource.type="cloud_run_revision" AND (jsonPayload.event="message.dead_lettered" OR jsonPayload.event="message.malformed")' \
      --freshness=7d --format='value(timestamp,jsonPayload.task_id,jsonPayload.message)'
    ;;
  waiting | replay)
    [ -x node_modules/.bin/node ] || fail 'Expected the npm packages to be installed, got none. Run `npm ci`, then run this again.'
    ACCESS_TOKEN="$(gcloud auth print-access-token)"
    export ACCESS_TOKEN
    exec node_modules/.bin/node infra/cloud/dead-letters.ts "$PROJECT_ID" "$1" "${SECONDS_LONG:-660}" "${2:-}"
    ;;
  *) fail "Expected list, waiting or replay, got ${1:-nothing}." ;;
esac
