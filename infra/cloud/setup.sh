#!/usr/bin/env bash
# Sets up a project once: APIs, Firestore, buckets, topics, service accounts with minimal roles, secrets, an image
# repository, and metrics, alerts and a dashboard. Running it again adds what is missing, and brings the metrics, alerts and the
# dashboard to what infra/cloud/monitoring/ declares.
#
#   PROJECT_ID=my-project REGION=europe-west1 infra/cloud/setup.sh
#
# Requires the Owner role on the project. The bucket names come from infra/cloud/cloud.env.
source "$(dirname "$0")/shared.sh"

[ -x node_modules/.bin/node ] || fail 'Expected the npm packages to be installed, got none. Run `npm ci`, then run this again.'
say "Project $PROJECT_ID ($PROJECT_NUMBER), region $REGION"

# cloudresourcemanager and serviceusage: a service account, such as that of Cloud Build, needs them to ask about the project.
APIS='artifactregistry cloudbuild cloudfunctions cloudresourcemanager cloudscheduler firebaserules firestore iam iamcredentials logging monitoring pubsub run secretmanager serviceusage storage'
if [ -n "$(setting DRIVE_AUTH)" ]; then APIS="$APIS drive"; fi
# Google keeps traces in Cloud Trace and metrics in Cloud Monitoring.
if sends_to_google; then APIS="$APIS telemetry cloudtrace"; fi
enabled="$(gcloud services list --enabled --format='value(config.name)')"
missing=()
for api in $APIS; do has "$api.googleapis.com" "$enabled" || missing+=("$api.googleapis.com"); done
if [ "${#missing[@]}" -gt 0 ]; then
  say "APIs: ${missing[*]}"
  gcloud services enable "${missing[@]}"
fi

accounts="$(gcloud iam service-accounts list --format='value(email)')"
make_account() {
  if has "$(account_of "$1")" "$accounts"; then return; fi
  say "Account every-cut-$1"
  gcloud iam service-accounts create "every-cut-$1" --display-name="Every Cut: $2"
}
make_account api 'receives requests'
make_account prepare 'fetches and encodes sources'
make_account render 'renders, saves and completes'
make_account webhook 'tells receivers that tasks have ended'
make_account push 'calls the stages for Pub/Sub and Cloud Scheduler'
make_account build 'builds the function images'
make_account deploy 'deploys from Cloud Build'

# The agent signs the pushes and forwards dead letters. Nothing can be granted to it before it exists.
if ! has "roles/iam.serviceAccountTokenCreator $PUBSUB_AGENT" "$(policy_of 'iam service-accounts' "$(account_of push)")"; then
  say "Service agent of Pub/Sub"
  gcloud beta services identity create --service=pubsub.googleapis.com --format=none
fi

databases="$(insist gcloud firestore databases list --format='value(name.basename())')" ||
  fail 'Expected to list the databases of Firestore, got the errors above. Run this again in two minutes.'
if ! has '(default)' "$databases"; then
  say 'Firestore database (default)'
  gcloud firestore databases create --location="${FIRESTORE_LOCATION:-$REGION}" --type=firestore-native --delete-protection --format=none
fi
# Index exemptions and time-to-live fields; gcloud would take a second for each.
ACCESS_TOKEN="$(gcloud auth print-access-token)"
export ACCESS_TOKEN
node_modules/.bin/node infra/cloud/firestore-fields.ts "$PROJECT_ID"
# gcloud has no command for rules.
node_modules/.bin/node infra/cloud/firestore-rules.ts "$PROJECT_ID"

topics="$(gcloud pubsub topics list --format='value(name.basename())')"
for topic in $TOPICS; do
  if has "$(topic_of "$topic")" "$topics"; then continue; fi
  say "Topic $(topic_of "$topic")"
  gcloud pubsub topics create "$(topic_of "$topic")"
done

buckets="$(gcloud storage buckets list --format='value(name)')"
make_bucket() {
  local name="$1"
  shift
  if has "$name" "$buckets"; then return; fi
  say "Bucket $name"
  gcloud storage buckets create "gs://$name" --location="$REGION" --uniform-bucket-level-access --public-access-prevention "$@"
}
# No soft delete: everything in the cache can be made again, and uploads are kept for days only.
make_bucket "$CACHE_BUCKET" --soft-delete-duration=0
# Uploads go from the browser to the bucket, also those of the function's own page, wherever it is opened.
pages="$(setting CORS_ORIGINS),$(url_of process-media),$(setting PUBLIC_URL),$(api_urls | tr '\n' ',')"
node_modules/.bin/node infra/cloud/bucket-settings.ts "$PROJECT_ID" "$CACHE_BUCKET" cache-lifecycle.json "$pages"
if [ "$OUTPUT" = gcs ]; then
  make_bucket "$OUTPUT_BUCKET"
  node_modules/.bin/node infra/cloud/bucket-settings.ts "$PROJECT_ID" "$OUTPUT_BUCKET" output-lifecycle.json
fi

repositories="$(gcloud artifacts repositories list --location="$REGION" --format='csv[no-heading](name.basename(),cleanupPolicies.yesno(yes=cleaned,no=plain))' 2> /dev/null)"
if ! has "$REPOSITORY,cleaned" "$repositories"; then
  if ! has "$REPOSITORY,plain" "$repositories"; then
    say "Repository $REPOSITORY of images"
    gcloud artifacts repositories create "$REPOSITORY" --location="$REGION" --repository-format=docker --description='Images of the functions of Every Cut'
  fi
  # Each deployment leaves an image of about 1 GB.
  gcloud artifacts repositories set-cleanup-policies "$REPOSITORY" --location="$REGION" --policy=infra/cloud/image-cleanup.json --no-dry-run --format=none
fi

secrets="$(gcloud secrets list --format='value(name.basename())')"
while read -r name _; do
  secret="$(secret_of "$name")"
  if has "$secret" "$secrets"; then continue; fi
  say "Secret $secret, still without a value"
  gcloud secrets create "$secret" --replication-policy=automatic
done <<< "$SECRETS"
# make_key NAME EXPRESSION: gives the secret its first value, which is random. A new one would end all unfinished tasks, or be
# unknown to receivers, so each is made only once.
make_key() {
  local secret
  secret="$(secret_of "$1")"
  if [ -n "$(gcloud secrets versions list "$secret" --limit=1 --format='value(name)' --verbosity=error)" ]; then return; fi
  say "Secret $secret, with a new key"
  node_modules/.bin/node --print "$2" | tr -d '\n' | gcloud secrets versions add "$secret" --data-file=- --format=none
}
make_key SIGNING_KEY 'crypto.randomBytes(32).toString("base64url")'
# In the form that libraries of Standard Webhooks take.
make_key WEBHOOK_SECRET '"whsec_" + crypto.randomBytes(32).toString("base64")'

# Roles are granted on the single resource wherever possible, not on the project.
# roles/browser: deploy.sh reads the policy of the project.
build=roles/cloudbuild.builds.builder
# The build account runs packages' install scripts, so it may only read function sources and write images and logs.
CLOUDSDK_ARTIFACTS_LOCATION="$REGION" grant 'artifacts repositories' "$REPOSITORY" "roles/artifactregistry.writer $(member build)"
grant projects "$PROJECT_ID" ${TELEMETRY_ROLES[@]+"${TELEMETRY_ROLES[@]}"} \
  "roles/datastore.user $(member api)" "roles/datastore.user $(member prepare)" "roles/datastore.user $(member render)" \
  "roles/datastore.user $(member webhook)" \
  "roles/logging.logWriter $(member build)" "$build $(member deploy)" \
  "roles/cloudfunctions.developer $(member deploy)" "roles/run.admin $(member deploy)" \
  "roles/pubsub.admin $(member deploy)" "roles/cloudscheduler.admin $(member deploy)" \
  "roles/secretmanager.viewer $(member deploy)" "roles/browser $(member deploy)"
grant_within projects "$PROJECT_ID" function-sources 'resource.name.startsWith("projects/_/buckets/gcf-v2-")' \
  "roles/storage.objectViewer $(member build)"
for account in api prepare render webhook push build; do
  own=()
  case "$account:$(setting DRIVE_AUTH)" in
    # Pub/Sub signs its pushes as this account: https://cloud.google.com/pubsub/docs/authenticate-push-subscriptions
    push:*) own=("roles/iam.serviceAccountTokenCreator $PUBSUB_AGENT") ;;
    # api signs the addresses for uploads and downloads: https://cloud.google.com/storage/docs/access-control/signed-urls
    # Domain-wide delegation without a key file: the account signs its own tokens.
    api:* | prepare:delegation | render:delegation) own=("roles/iam.serviceAccountTokenCreator $(member "$account")") ;;
  esac
  grant 'iam service-accounts' "$(account_of "$account")" "roles/iam.serviceAccountUser $(member deploy)" ${own[@]+"${own[@]}"}
done
# For the smoke test, Cloud Build gets an identity token by impersonating its own account: it has no other way to one.
grant 'iam service-accounts' "$(account_of deploy)" "roles/iam.serviceAccountTokenCreator $(member deploy)"
publisher=roles/pubsub.publisher
# prepare publishes the clips that were looked at before it was decided whether they are copied.
grant 'pubsub topics' "$(topic_of prepare)" "$publisher $(member api)" "$publisher $(member prepare)" "$publisher $(member render)"
# prepare publishes the renders whose last source it has prepared.
grant 'pubsub topics' "$(topic_of render)" "$publisher $(member api)" "$publisher $(member prepare)" "$publisher $(member render)"
grant 'pubsub topics' "$(topic_of complete)" "$publisher $(member render)"
grant 'pubsub topics' "$(topic_of dead-letter)" "$publisher $PUBSUB_AGENT"
# render: complete and sweep. api: a caller may have the event sent again.
grant 'pubsub topics' "$(topic_of webhook)" "$publisher $(member api)" "$publisher $(member render)"
objects=roles/storage.objectUser
# prepare may add objects but neither replace nor remove any, so that nothing that is prepared can be changed through it.
grant 'storage buckets' "gs://$CACHE_BUCKET" "roles/storage.objectViewer $(member prepare)" \
  "roles/storage.objectCreator $(member prepare)" "$objects $(member render)"
# A signed address can do what its signer can: create a file, not replace one. Whoever may not list a bucket, which no
# condition on names of objects allows, is told 403 instead of 404 for an object that is not there.
bucket="projects/_/buckets/$CACHE_BUCKET"
uploads="resource.name.startsWith(\"$bucket/objects/uploads/\")"
grant_within 'storage buckets' "gs://$CACHE_BUCKET" uploads "$uploads" "roles/storage.objectCreator $(member api)"
grant_within 'storage buckets' "gs://$CACHE_BUCKET" uploads "$uploads || resource.name == \"$bucket\"" \
  "roles/storage.objectViewer $(member api)"
if has "$objects $(member prepare)" "$GRANTED"; then
  say "$CACHE_BUCKET: removed $objects for $(member prepare)"
  gcloud storage buckets remove-iam-policy-binding "gs://$CACHE_BUCKET" --role="$objects" --member="$(member prepare)" --condition=None > /dev/null
fi
if [ "$OUTPUT" = gcs ]; then grant 'storage buckets' "gs://$OUTPUT_BUCKET" "$objects $(member api)" "$objects $(member render)"; fi
for bucket in $(setting SOURCE_BUCKETS | tr ',' ' '); do
  grant 'storage buckets' "gs://$bucket" "roles/storage.objectViewer $(member prepare)"
done
while read -r name readers; do
  wanted=()
  for account in $readers; do wanted+=("roles/secretmanager.secretAccessor $(member "$account")"); done
  grant secrets "$(secret_of "$name")" "${wanted[@]}"
done <<< "$SECRETS"

node_modules/.bin/node infra/cloud/monitoring.ts "$PROJECT_ID" "$(setting ALERT_EMAIL)" "$(setting ALERT_CHARACTERS_PER_DAY)"

say 'Setup complete. Next: add the values of your secrets, then run infra/cloud/deploy.sh and infra/cloud/subscribe.sh.'
