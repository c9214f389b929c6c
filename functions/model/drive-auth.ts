/** How the service signs in to Google Drive. infra/README.md has the steps for each mode. */
export type DriveAuth =
  /** Application default credentials: the function's service account, or those that gcloud stored. */
  | { mode: 'adc' }
  | { mode: 'oauth'; clientId: string; clientSecret: string; refreshToken: string }
  /** Domain-wide delegation, acting for `subject`. Without a key file, Google signs (IAM Credentials API). */
  | { mode: 'delegation'; subject: string; keyFile: string | undefined };
