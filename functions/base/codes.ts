/**
 * Every way a request, a source or a render can go wrong: one code, what happened, and the hint. The README repeats
 * this table and is tested against it.
 */

export interface CodeEntry {
  readonly kind: 'request' | 'permanent' | 'transient';
  /** HTTP status, for the codes a caller of the API can meet. */
  readonly status?: number;
  readonly title: string;
  readonly hint: string;
}

export const CODES = Object.freeze({
  not_json: {
    kind: 'request',
    status: 400,
    title: 'The body is not JSON',
    hint: 'Send one JSON object, encoded as UTF-8.',
  },
  unauthorized: {
    kind: 'request',
    status: 401,
    title: 'The API key is missing or wrong',
    hint: 'Send the key as X-API-Key or as Authorization: Bearer.',
  },
  cross_site: {
    kind: 'request',
    status: 403,
    title: 'A page of another site asked for it',
    hint: 'Ask from a server or a page of this service; PUBLIC_URL is the address that its pages have.',
  },
  push_unauthenticated: {
    kind: 'request',
    status: 401,
    title: 'The push carries no valid token',
    hint: 'Let Pub/Sub and Cloud Scheduler push with an OIDC token, as infra/cloud/subscribe.sh has them; the log says what came.',
  },
  push_forbidden: {
    kind: 'request',
    status: 403,
    title: 'The caller may not push to this function',
    hint: 'Set PUSH_ACCOUNT and PUSH_AUDIENCE to the account and the audience that pushes come with; the log says more.',
  },
  not_found: {
    kind: 'request',
    status: 404,
    title: 'There is nothing at this address',
    hint: 'Check the task id and the path; POST /process_media answers with the status_url to use.',
  },
  method_not_allowed: {
    kind: 'request',
    status: 405,
    title: 'This address does not take that method',
    hint: 'Use the method that the Allow header names.',
  },
  request_timeout: {
    kind: 'request',
    status: 408,
    title: 'The body did not arrive whole and in time',
    hint: 'Send it again; the whole body has 20 seconds.',
  },
  body_too_large: {
    kind: 'request',
    status: 413,
    title: 'The body is larger than 256 KB',
    hint: 'Send URLs, not media; split the request into several tasks.',
  },
  unsupported_media_type: {
    kind: 'request',
    status: 415,
    title: 'The body is not declared as JSON',
    hint: 'Send Content-Type: application/json.',
  },
  invalid_request: {
    kind: 'request',
    status: 422,
    title: 'The request has mistakes',
    hint: 'Mend each entry of errors; nothing was started.',
  },
  key_reused: {
    kind: 'request',
    status: 422,
    title: 'The Idempotency-Key came with another request before',
    hint: 'Send a new key with a new request; the same key only repeats the same body, for 24 hours.',
  },
  task_running: {
    kind: 'request',
    status: 409,
    title: 'The task has not ended',
    hint: 'Wait until its status is completed or cancelled, then ask again.',
  },
  nothing_to_retry: {
    kind: 'request',
    status: 409,
    title: 'No combination of the task failed',
    hint: 'None needed: a retry makes failed combinations again, not cancelled ones. Post a new task for others.',
  },
  too_many_requests: {
    kind: 'request',
    status: 429,
    title: 'Too many requests, or wrong keys, from one address',
    hint: 'Wait for the seconds that Retry-After says; REQUESTS_PER_MINUTE is the limit.',
  },
  internal: {
    kind: 'request',
    status: 500,
    title: 'The service failed',
    hint: 'Send it again; if it stays, the log has the cause under the id in the detail.',
  },
  wrong_host: {
    kind: 'request',
    status: 421,
    title: 'The service does not answer to that host name',
    hint: 'Use 127.0.0.1 or localhost, or set PUBLIC_URL to the name that callers use.',
  },
  unavailable: {
    kind: 'request',
    status: 503,
    title: 'The service cannot take requests right now',
    hint: 'Wait a little and send it again; the detail says what is missing.',
  },
  output_folder: {
    kind: 'request',
    status: 502,
    title: 'The output folder cannot be made',
    hint: 'Do what the detail says about OUTPUT_DIR, the Drive folder or the bucket, then post again.',
  },

  address_refused: {
    kind: 'permanent',
    title: 'The address is private and private addresses are refused',
    hint: 'Use a public address, or set ALLOW_PRIVATE_URLS=true where all callers are trusted.',
  },
  source_not_found: {
    kind: 'permanent',
    title: 'The source is not there',
    hint: 'Check the URL in a browser without being signed in, then retry the task.',
  },
  source_forbidden: {
    kind: 'permanent',
    title: 'The source may not be read',
    hint: 'Share the file publicly or use a signed URL that has not expired.',
  },
  source_refused: {
    kind: 'permanent',
    title: "The source's server refused the download",
    hint: 'Open the URL as the message describes and mend what its server complains about.',
  },
  source_too_large: {
    kind: 'permanent',
    title: 'The source is larger than MAX_SOURCE_MB',
    hint: 'Send a smaller file or raise MAX_SOURCE_MB.',
  },
  source_unreachable: {
    kind: 'permanent',
    title: "The source's server cannot be reached",
    hint: 'Check the host name and that the server is up, then retry the task.',
  },
  source_changed: {
    kind: 'permanent',
    title: 'The source changed while its task was under way',
    hint: 'Retry the task: it takes the new version.',
  },
  media_unreadable: {
    kind: 'permanent',
    title: 'The file is not media that can be read',
    hint: 'Check that the URL gives the file itself and not a page about it; export it again as MP4 (H.264, AAC).',
  },
  media_truncated: {
    kind: 'permanent',
    title: 'The file ends before its own header says it should',
    hint: 'Upload the file again; its upload or export broke off.',
  },
  no_video: {
    kind: 'permanent',
    title: 'The clip has no picture',
    hint: 'Send a file with a video stream; cover art does not count.',
  },
  no_sound: {
    kind: 'permanent',
    title: 'The track has no sound',
    hint: 'Send a file with an audio stream.',
  },
  clip_too_long: {
    kind: 'permanent',
    title: 'The source is longer than MAX_CLIP_SECONDS',
    hint: 'Send a shorter file or raise MAX_CLIP_SECONDS.',
  },
  conform_failed: {
    kind: 'permanent',
    title: 'The clip could not be brought into the profile',
    hint: 'Export the clip again as MP4 (H.264, AAC); the message has what ffmpeg said.',
  },
  speech_failed: {
    kind: 'permanent',
    title: 'The line could not be spoken',
    hint: 'Shorten or simplify the text; the message has what the voice said.',
  },
  mix_failed: {
    kind: 'permanent',
    title: 'The combination could not be mixed',
    hint: 'Retry the task; if it stays, the message has what ffmpeg said.',
  },
  voice_not_found: {
    kind: 'permanent',
    title: 'No voice has that name, or more than one',
    hint: 'Write the id or the whole name of one voice, as the message lists them, and post a new task.',
  },
  speech_refused: {
    kind: 'permanent',
    title: 'ElevenLabs does not let this key speak',
    hint: 'Set an ELEVENLABS_API_KEY that is valid and may use text to speech, voices and this model, then retry the task.',
  },
  speech_quota: {
    kind: 'permanent',
    title: 'The ElevenLabs account has no credits left',
    hint: "Raise the plan or the key's credit limit, then retry the task: lines that are bought are kept.",
  },
  output_login: {
    kind: 'permanent',
    title: 'Google does not accept the credentials of the output',
    hint: 'Make them anew in the steps of the README for your DRIVE_AUTH, or of Cloud Storage, then retry the task.',
  },
  output_forbidden: {
    kind: 'permanent',
    title: 'The account may not write to the output',
    hint: 'Share the Drive folder with the account as Content manager or Editor, or give it Storage Object User on the bucket.',
  },
  output_missing: {
    kind: 'permanent',
    title: 'The output folder or bucket is not there',
    hint: 'Check DRIVE_FOLDER_ID or OUTPUT_BUCKET; take a folder out of the trash, or post a new task for a new one.',
  },
  output_full: {
    kind: 'permanent',
    title: 'The account has no room for the videos',
    hint: 'A service account owns no storage: use a folder on a shared drive, DRIVE_AUTH=oauth or delegation. Else free room.',
  },
  cache_failed: {
    kind: 'permanent',
    title: 'The bucket of prepared clips cannot be used',
    hint: 'Check CACHE_BUCKET, and give the account Storage Object User on it, then retry the task.',
  },
  save_failed: {
    kind: 'permanent',
    title: 'The finished video could not be saved',
    hint: 'Check that the output folder is still there and writable, then retry the task.',
  },
  crash_loop: {
    kind: 'permanent',
    title: 'Work on it ended without a word five times',
    hint: 'Usually memory ran out: give the machine more, then retry the task; or post smaller clips.',
  },
  undeliverable: {
    kind: 'permanent',
    title: 'Its message was delivered too often without success',
    hint: "Read the log's last warnings for this task, mend the cause, then retry the task.",
  },
  overdue: {
    kind: 'permanent',
    title: 'It did not report before the task ran out of time',
    hint: 'Retry the task; if it stays, the log shows where it waited.',
  },
  internal_error: {
    kind: 'permanent',
    title: 'The service failed on it five times',
    hint: 'The log has the cause; this is a defect of the service, please report it.',
  },

  source_busy: {
    kind: 'transient',
    title: "The source's server is busy",
    hint: 'None needed: it is asked again, with growing pauses.',
  },
  output_busy: {
    kind: 'transient',
    title: 'Google Drive or Cloud Storage is busy',
    hint: 'None needed: it is asked again, with growing pauses.',
  },
  speech_busy: {
    kind: 'transient',
    title: 'ElevenLabs is busy, or has as many requests as the plan allows',
    hint: 'None needed: it is asked again, with growing pauses.',
  },
  network: {
    kind: 'transient',
    title: 'The network failed',
    hint: 'None needed: it is tried again, with growing pauses.',
  },
  platform_unavailable: {
    kind: 'transient',
    title: 'Firestore, Pub/Sub or the bucket of prepared clips did not answer',
    hint: 'None needed: it is asked again, with growing pauses.',
  },
  out_of_time: {
    kind: 'transient',
    title: 'Its delivery ran out of time',
    hint: 'None needed: it goes on with the next delivery. If it repeats, give the function more CPU.',
  },
  disk_full: {
    kind: 'transient',
    title: 'The disk is full',
    hint: 'Free room, or lower CACHE_MAX_MB; work goes on by itself.',
  },
  ffmpeg_killed: {
    kind: 'transient',
    title: 'ffmpeg was ended from outside',
    hint: 'None needed once; if it repeats, memory is short.',
  },
  waiting: {
    kind: 'transient',
    title: 'Its sources are not ready yet, or someone else is at it',
    hint: 'None needed: the message comes again.',
  },
  cancelled: {
    kind: 'transient',
    title: 'The task was cancelled',
    hint: 'None needed: what was finished stays. Post a new task for what is wanted after all.',
  },
  lease_lost: {
    kind: 'transient',
    title: 'Someone else took the work over',
    hint: 'None needed: whoever took it reports.',
  },
} as const satisfies Record<string, CodeEntry>);

type Codes = typeof CODES;
export type Code = keyof Codes;
type CodeOf<K extends CodeEntry['kind']> = { [C in Code]: Codes[C]['kind'] extends K ? C : never }[Code];
export type RequestCode = CodeOf<'request'>;
export type PermanentCode = CodeOf<'permanent'>;
export type TransientCode = CodeOf<'transient'>;
