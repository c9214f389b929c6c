/** Whether a remark of the service is the one about its built-in voice, which stands beside the lines. */
export function isAboutVoice(warning: string): boolean {
  return warning.includes('built-in offline voice');
}
