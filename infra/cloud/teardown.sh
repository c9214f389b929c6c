#!/usr/bin/env bash
# Removes what runs: schedule, subscriptions, functions and topics, and with them the alerts, the dashboard and the log-based
# metrics; unfinished tasks are lost. With --everything also removes secrets, accounts, images, prepared clips and uploads.
# Videos and Firestore's data are never removed.
#
#   infra/cloud/teardown.sh --yes [--everything]
source "$(dirname "$0")/shared.sh"

sure=false everything=false
for argument in "$@"; do
  case "$argument" in
    --yes) sure=true ;;
    --everything) everything=true ;;
    *) fail "Expected --yes or --everything, got $argument." ;;
  esac
done
[ "$sure" = true ] || fail "This removes the functions of Every Cut from the project $PROJECT_ID. To confirm: infra/cloud/teardown.sh --yes"

# Alerts first: nobody should be told that nothing runs any more.
enabled="$(gcloud services list --enabled --format='value(config.name)')"
if has monitoring.googleapis.com "$enabled"; then
  [ -x node_modules/.bin/node ] || fail 'Expected the npm packages to be installed, got none. Run `npm ci`, then run this again.'
  ACCESS_TOKEN="$(gcloud auth print-access-token)"
  export ACCESS_TOKEN
  node_modules/.bin/node infra/cloud/monitoring.ts "$PROJECT_ID" --remove
fi

# there LIST NAME: whether LIST contains NAME; if so, says that it is being removed.
there() { if has "$2" "$1"; then say "Removing $2"; else return 1; fi }

listed="$(gcloud scheduler jobs list --location="$REGION" --format='value(name.basename())')"
if there "$listed" every-cut-sweep; then gcloud scheduler jobs delete every-cut-sweep --location="$REGION"; fi
listed="$(gcloud pubsub subscriptions list --format='value(name.basename())')"
for topic in $TOPICS; do
  if there "$listed" "$(topic_of "$topic")-push"; then gcloud pubsub subscriptions delete "$(topic_of "$topic")-push"; fi
done
listed="$(gcloud functions list --v2 --regions="$REGION" --format='value(name.basename())')"
for name in process-media $STAGES; do
  if there "$listed" "$(service_of "$name")"; then gcloud functions delete "$(service_of "$name")" --gen2 --region="$REGION"; fi
done
listed="$(gcloud pubsub topics list --format='value(name.basename())')"
for topic in $TOPICS; do
  if there "$listed" "$(topic_of "$topic")"; then gcloud pubsub topics delete "$(topic_of "$topic")"; fi
done
if [ "$everything" = true ]; then
  listed="$(gcloud secrets list --format='value(name.basename())')"
  for name in API_KEY ELEVENLABS_API_KEY ELEVENLABS_VOICES_KEY SIGNING_KEY WEBHOOK_SECRET DRIVE_CLIENT_SECRET DRIVE_REFRESH_TOKEN OTEL_EXPORTER_OTLP_HEADERS; do
    if there "$listed" "$(secret_of "$name")"; then gcloud secrets delete "$(secret_of "$name")"; fi
  done
  listed="$(gcloud artifacts repositories list --location="$REGION" --format='value(name.basename())' 2> /dev/null)"
  if there "$listed" "$REPOSITORY"; then gcloud artifacts repositories delete "$REPOSITORY" --location="$REGION"; fi
  listed="$(gcloud storage buckets list --format='value(name)')"
  # Only the bucket that setup.sh created: one named in CACHE_BUCKET may be used by others.
  if [ -z "$(setting CACHE_BUCKET)" ] && there "$listed" "$CACHE_BUCKET"; then gcloud storage rm --recursive "gs://$CACHE_BUCKET"; fi
  listed="$(gcloud iam service-accounts list --format='value(email)')"
  for account in api prepare render webhook push build deploy; do
    if there "$listed" "$(account_of "$account")"; then gcloud iam service-accounts delete "$(account_of "$account")"; fi
  done
fi
if [ -n "$OUTPUT_BUCKET" ]; then say "Kept: the videos in gs://$OUTPUT_BUCKET"; fi
say 'Kept: the Firestore database (default), which other applications may use'
