/** Whose Google Drive it is, and by which credentials; infra/README.md has the steps for each. */
export type DriveAuth =
  /** Application default credentials: the function's service account, or what gcloud left. */
  | { mode: 'adc' }
  | { mode: 'oauth'; clientId: string; clientSecret: string; refreshToken: string }
  /** Domain-wide delegation, acting for `subject`; without a key file Google signs (IAM Credentials API). */
  | { mode: 'delegation'; subject: string; keyFile: string | undefined };
