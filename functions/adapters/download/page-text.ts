/**
 * What the text of a page or of an error says. Nothing of it is shown but codes, because it may repeat the URL with its
 * signature.
 */

const PASSWORD = /<input\b[^>]{0,500}\btype\s*=\s*["']?password\b/i;
const META_REFRESH = /<meta\b[^>]{0,500}\bhttp-equiv\s*=\s*["']?refresh\b/i;
/** https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html; other stores imitate it. */
const STORE_CODE = /<Code>([\w.-]{1,64})<\/Code>/;
/** S3 has no code of its own for the commonest reason. */
const EXPIRED = /<Message>[^<]{0,100}\bexpired\b/i;
/** Words of the scripts that pages against robots load: Cloudflare, reCAPTCHA, hCaptcha, DataDome and others. */
const WALL = /challenge-platform|cf-chl-|captcha/i;

export function asksForPassword(text: string): boolean {
  return PASSWORD.test(text);
}

export function forwards(text: string): boolean {
  return META_REFRESH.test(text);
}

/** The code of an error of a store, such as AccessDenied; undefined if there is none. */
export function codeIn(text: string): string | undefined {
  const code = STORE_CODE.exec(text)?.[1];
  return code !== undefined && EXPIRED.test(text) ? `${code}, expired` : code;
}

/** Which wall against robots a refusal is; undefined if it is none. Ordinary pages load such scripts as well. */
export function wallIn(text: string): string | undefined {
  return WALL.test(text) ? 'a page with a captcha' : undefined;
}
