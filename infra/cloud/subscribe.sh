#!/usr/bin/env bash
# Run after deploy.sh: gives Pub/Sub and Cloud Scheduler, and no one else, the right to call the stages. Running it again
# corrects subscriptions and grants that differ, and changes nothing else.
#
#   infra/cloud/subscribe.sh
#   CALLERS=user:you@example.com,serviceAccount:app@your-project.iam.gserviceaccount.com infra/cloud/subscribe.sh
#
# CALLERS get the role Cloud Run Invoker on every-cut-process-media.
source "$(dirname "$0")/shared.sh"

ACK_DEADLINE=600 DELIVERIES=100 RETENTION=604800s

# Who may call each service.
invoker=roles/run.invoker
for stage in $STAGES; do
  service="$(service_of "$stage")"
  grant 'run services' "$service" "$invoker $(member push)"
  remove_public_access "$service"
done
# infra/cloud/smoke.sh runs with the deploying account.
callers=("$invoker $(member deploy)")
for caller in $(echo "${CALLERS:-}" | tr ',' ' '); do callers+=("$invoker $caller"); done
grant 'run services' "$(service_of process-media)" "${callers[@]}"

subscriptions="$(gcloud pubsub subscriptions list --format='csv[no-heading](name.basename(),pushConfig.pushEndpoint,pushConfig.oidcToken.serviceAccountEmail,pushConfig.oidcToken.audience,ackDeadlineSeconds,messageRetentionDuration,deadLetterPolicy.maxDeliveryAttempts)')"
for topic in $TOPICS; do
  subscription="$(topic_of "$topic")-push"
  endpoint="$(url_of "$topic")"
  flags=(
    --push-endpoint="$endpoint" --push-auth-service-account="$(account_of push)" --push-auth-token-audience="$endpoint"
    --ack-deadline="$ACK_DEADLINE" --message-retention-duration="$RETENTION"
    # By default a subscription is deleted after a month without messages.
    --expiration-period=never
    --min-retry-delay=10s --max-retry-delay=600s
  )
  attempts=''
  # A dead letter has nowhere else to go. A webhook that a receiver refuses is acknowledged, and sent again by the sweep.
  case "$topic" in dead-letter | webhook) forwards=false ;; *) forwards=true ;; esac
  if [ "$forwards" = true ]; then
    attempts="$DELIVERIES"
    flags+=(--dead-letter-topic="$(topic_of dead-letter)" --max-delivery-attempts="$attempts")
  fi
  if ! has "$subscription,$endpoint,$(account_of push),$endpoint,$ACK_DEADLINE,$RETENTION,$attempts" "$subscriptions"; then
    case "
$subscriptions" in
      *"
$subscription,"*)
        say "Subscription $subscription, updated"
        gcloud pubsub subscriptions update "$subscription" "${flags[@]}" ;;
      *)
        say "Subscription $subscription"
        gcloud pubsub subscriptions create "$subscription" --topic="$(topic_of "$topic")" "${flags[@]}" ;;
    esac
  fi
  # Pub/Sub forwards dead letters itself and acknowledges them on this subscription.
  if [ "$forwards" = true ]; then
    grant 'pubsub subscriptions' "$subscription" "roles/pubsub.subscriber $PUBSUB_AGENT"
  fi
done

job=every-cut-sweep schedule='*/5 * * * *'
jobs="$(gcloud scheduler jobs list --location="$REGION" --format='csv[no-heading,separator="|"](name.basename(),schedule,httpTarget.uri,httpTarget.oidcToken.serviceAccountEmail,httpTarget.oidcToken.audience)')"
if ! has "$job|$schedule|$(url_of sweep)/|$(account_of push)|$(url_of sweep)" "$jobs"; then
  case "
$jobs" in
    *"
$job|"*) verb=update ;;
    *) verb=create ;;
  esac
  say "Schedule $job"
  gcloud scheduler jobs "$verb" http "$job" --location="$REGION" --schedule="$schedule" --uri="$(url_of sweep)/" --http-method=post \
    --oidc-service-account-email="$(account_of push)" --oidc-token-audience="$(url_of sweep)" --attempt-deadline=300s --format=none
fi
say "Callers post to $(url_of process-media)/process_media"
